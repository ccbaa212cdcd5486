package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
)

// maxAskedBody bounds the body of a request that changes something.
const maxAskedBody = 8 << 10

// readBody reads what an administrator asks for. A field that nobody knows is an error: it would do nothing in silence.
func readBody(r *http.Request, ask any, fields string) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxAskedBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(ask); err != nil {
		return refuse(http.StatusBadRequest, "the body is no JSON of %s: %w", fields, err)
	}
	return nil
}
