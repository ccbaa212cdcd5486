package adminapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// maxAskedBody is the largest body of a request that changes something.
const maxAskedBody = 8 << 10

// readBody parses the body of a request whose parameters are all in the body: one JSON value of at most limit bytes. An
// unknown field, a query parameter, or data after the value is an error, because it would silently have no effect.
func readBody(r *http.Request, into any, limit int64, what string) error {
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
	return refuse(http.StatusBadRequest, "the body is no %s: %w", what, err)
}
