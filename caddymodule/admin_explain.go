package caddymodule

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

const (
	explainPath = "/latchkey/explain"
	// maxQuery bounds the body of a query.
	maxQuery = 1 << 20
)

// adminExplain answers POST /latchkey/explain, a Query, with an Explanation of the configuration that runs.
func adminExplain(r *http.Request, app *App, _ []string) (any, error) {
	q := new(Query)
	if err := decodeBody(r, q, maxQuery); err != nil {
		return nil, err
	}
	ex, err := app.explain(q)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return ex, nil
}

// decodeBody reads one JSON value of at most limit bytes, strictly: nothing unknown in it, nothing after it.
func decodeBody(r *http.Request, into any, limit int64) error {
	if _, err := queryOf(r); err != nil {
		return err
	}
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, limit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something follows it")
	}
	if errors.As(err, new(*http.MaxBytesError)) {
		return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", limit)
	}
	return refuse(http.StatusBadRequest, "the body is no such question: %w", err)
}
