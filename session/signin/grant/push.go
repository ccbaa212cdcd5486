package grant

import (
	"context"
	"encoding/json"
	"errors"
)

// maxRequestURI is the longest reference that is accepted: it becomes a part of an address in the browser.
const maxRequestURI = 1024

// Push sends an authorization request to the endpoint for pushed authorization requests and returns the reference to it
// for the browser (RFC 9126, section 2.2). Any answer without a reference is an *Error. Its lifetime is not checked: the
// browser uses it at once, and the provider refuses it later.
func Push(ctx context.Context, q Request) (requestURI string, err error) {
	a, err := post(ctx, q)
	if err != nil {
		return "", err
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &said); err != nil {
		return "", &Error{Kind: Unreadable, Status: a.status, cause: errors.New("answer is no JSON object")}
	}
	uri := text(said["request_uri"])
	if uri == "" || len(uri) > maxRequestURI {
		return "", &Error{Kind: Unreadable, Status: a.status, cause: errors.New("answer holds no usable request_uri")}
	}
	return uri, nil
}
