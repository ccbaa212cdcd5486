package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// ErrProviderDown: the provider cannot be reached, cannot answer, or its metadata was never fetched.
var ErrProviderDown = errors.New("provider cannot be reached")

// IsDown reports whether an error means that the provider cannot answer any client.
func IsDown(err error) bool {
	var e *grant.Error
	return errors.Is(err, ErrProviderDown) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Kind == grant.Down
}

// ErrOtherNonce: an ID token that the provider has signed for us answers another authorization request.
var ErrOtherNonce = errors.New("id_token has another nonce")

// maxIDPBody is the largest answer of a provider: metadata, keys, tokens and userinfo alike.
const maxIDPBody = 1 << 20

var errIDPBody = fmt.Errorf("provider: answer of over %d bytes", maxIDPBody)

// errIDPRedirect: an endpoint of a provider redirected. Following it would send the client secret, the code or a token
// to an address that the answer chooses.
var errIDPRedirect error = unanswerable("provider: endpoint redirects, which is not followed")

// unanswerable is the reason why our client refuses an answer that has arrived.
type unanswerable string

func (e unanswerable) Error() string { return string(e) }

// Unanswerable tells package grant that an answer has arrived.
func (unanswerable) Unanswerable() bool { return true }

// statusError is an error status of userinfo.
type statusError int

func (e statusError) Error() string { return "status " + strconv.Itoa(int(e)) }

// refusedUserInfo reports whether userinfo has refused the access token; other errors are failures.
func refusedUserInfo(err error) bool {
	var status statusError
	return errors.As(err, &status) && status >= 400 && status < 500 &&
		status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// transportError returns ErrProviderDown for a network error. It drops the URL, which may contain secrets.
func transportError(err error) error {
	var transport *url.Error
	switch {
	case !errors.As(err, &transport):
		return Truncated(err)
	case errors.Is(err, errIDPRedirect) || errors.Is(err, reach.ErrRedirect) || errors.Is(err, errIDPBody):
		return transport.Err
	}
	return fmt.Errorf("%w: %w", ErrProviderDown, transport.Err)
}

// maxErrorText is the longest part of a provider's error in a log line: go-oidc quotes whole answers.
const maxErrorText = 300

type shortError struct{ error }

func (s shortError) Error() string {
	if text := s.error.Error(); len(text) > maxErrorText {
		return text[:maxErrorText] + "..."
	} else {
		return text
	}
}

func (s shortError) Unwrap() error { return s.error }

// Truncated returns err with a text of limited length. errors.Is and errors.As still see the wrapped error.
func Truncated(err error) error { return shortError{err} }
