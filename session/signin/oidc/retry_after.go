package oidc

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// maxRetryAfter is the longest pause that a provider can request by one answer.
	maxRetryAfter = 5 * time.Minute
	// maxHeldOff is for how many hosts pauses are remembered: those of the endpoints of one provider.
	maxHeldOff = 8
)

// errHeldOff: a host has requested a pause that is not over.
var errHeldOff = fmt.Errorf("%w: it asked for a pause", ErrProviderDown)

// retryAfterTransport respects 429 or 503 with Retry-After (RFC 9110, section 10.2.3) for requests that may wait:
// renewals, and metadata fetched in the background. Until the given time none of these is sent to that host, so that it
// can recover. A user who signs in is never delayed by it, because any client can send invalid codes until a provider
// answers so. Sign-ins also do not delay renewals.
type retryAfterTransport struct {
	next http.RoundTripper
	now  func() time.Time
	idle func() // closes idle connections; nil: there are none

	hosts retry.Holds[string, struct{}]
}

func newRetryAfterTransport(next http.RoundTripper, now func() time.Time, idle func()) *retryAfterTransport {
	return &retryAfterTransport{next: next, now: now, idle: idle, hosts: retry.Holds[string, struct{}]{Most: maxHeldOff}}
}

type mayWaitKey struct{}

// mayWait marks a request as one that may wait.
func mayWait(ctx context.Context) context.Context { return context.WithValue(ctx, mayWaitKey{}, true) }

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections calls; wrapped transports do not
// pass it on.
func (p *retryAfterTransport) CloseIdleConnections() {
	if p.idle != nil {
		p.idle()
	}
}

// RoundTrip implements http.RoundTripper.
func (p *retryAfterTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	host := strings.ToLower(r.URL.Host)
	waits := r.Context().Value(mayWaitKey{}) != nil
	if waits {
		if _, held := p.hosts.Get(host, p.now()); held {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, errHeldOff
		}
	}
	resp, err := p.next.RoundTrip(r)
	if waits && err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		now := p.now()
		if wait := RetryAfter(resp.Header.Get("Retry-After"), now); wait > 0 {
			p.hosts.Update(host, now, func(retry.Hold[struct{}]) retry.Hold[struct{}] {
				return retry.Hold[struct{}]{Until: now.Add(min(wait, maxRetryAfter))}
			})
		}
	}
	return resp, err
}

// RetryAfter parses the value of Retry-After: seconds or a date. It returns 0 or less if it is neither, or in the past.
func RetryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second //nolint:gosec // of 31 bits
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now)
	}
	return 0
}
