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

// ErrProviderDown: the provider cannot be reached, cannot answer, or was never found.
var ErrProviderDown = errors.New("provider cannot be reached")

// IsDown reports whether an error says that the provider cannot answer, whoever asks.
func IsDown(err error) bool {
	var e *grant.Error
	return errors.Is(err, ErrProviderDown) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Kind == grant.Down
}

// maxIDPBody bounds what a provider may answer: metadata, keys, tokens and userinfo alike.
const maxIDPBody = 1 << 20

var errIDPBody = fmt.Errorf("provider: answer of over %d bytes", maxIDPBody)

// errIDPRedirect: an endpoint of a provider redirected. Following it would send the client secret, the code or a token
// wherever the answer says.
var errIDPRedirect error = unanswerable("provider: endpoint redirects, which is not followed")

// unanswerable is why our client does not take an answer that has come.
type unanswerable string

func (e unanswerable) Error() string { return string(e) }

// Unanswerable tells package grant that there was an answer.
func (unanswerable) Unanswerable() bool { return true }

// statusError is a status of userinfo that is no answer.
type statusError int

func (e statusError) Error() string { return "status " + strconv.Itoa(int(e)) }

// refusedUserInfo reports whether userinfo has refused the access token, rather than failed.
func refusedUserInfo(err error) bool {
	var status statusError
	return errors.As(err, &status) && status >= 400 && status < 500 &&
		status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// transportError is ErrProviderDown for what the network did, and drops the URL, which may hold what no log should.
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

// maxErrorText bounds what an error of a provider may put into a log line: go-oidc quotes whole answers.
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

// Truncated is err with a text of bounded length. What it wraps stays visible to errors.Is and errors.As.
func Truncated(err error) error { return shortError{err} }
