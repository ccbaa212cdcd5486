package observe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Provider measures the requests to a provider. EndpointOf is set before the first request.
type Provider struct {
	// Name is the provider's name in the configuration.
	Name string
	// EndpointOf returns the name of the endpoint that an address belongs to.
	EndpointOf func(*url.URL) string

	clock atomic.Pointer[Clock]
}

// Clock is what an answer of a provider said of its clock.
type Clock struct {
	// Ahead is how far the provider's clock was ahead of ours: negative if it was behind, 0 if it need not differ. The
	// provider states whole seconds.
	Ahead time.Duration
	// At is when it said so.
	At time.Time
}

// Clock returns what the provider last said of its clock; ok is false if it has said nothing.
func (p *Provider) Clock() (c Clock, ok bool) {
	if c := p.clock.Load(); c != nil {
		return *c, true
	}
	return c, false
}

// Wrap returns a transport for requests to the provider.
func (p *Provider) Wrap(next http.RoundTripper) http.RoundTripper {
	return transport{next: next, provider: p}
}

// Transmitter returns a transport for requests to the transmitter of a stream. Their duration is not measured, because a
// poll waits for events.
func Transmitter(next http.RoundTripper) http.RoundTripper { return transport{next: next} }

// transport adds no header: the ids of a trace are not for other parties.
type transport struct {
	next     http.RoundTripper
	provider *Provider // nil for a transmitter
}

// RoundTrip implements http.RoundTripper. The duration ends with the header of the answer.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint := "transmitter"
	if t.provider != nil {
		endpoint = t.provider.EndpointOf(r.URL)
	}
	began := time.Now()
	span := t.span(r, endpoint, began)
	resp, err := t.next.RoundTrip(r)
	ended := time.Now()
	word := failure(resp, err)
	if p := t.provider; p != nil {
		providerDurations.WithLabelValues(p.Name, endpoint).Observe(ended.Sub(began).Seconds())
		if word != "" && word != canceled {
			providerFailed.WithLabelValues(p.Name, endpoint).Inc()
		}
		p.noteClock(resp, began, ended)
	}
	if span == nil {
		return resp, err
	}
	if resp != nil {
		span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	}
	if word != "" {
		fail(span, word)
	}
	span.End(trace.WithTimestamp(ended))
	return resp, err
}

func (t transport) span(r *http.Request, endpoint string, began time.Time) trace.Span {
	parent := recording(r.Context())
	if parent == nil {
		return nil
	}
	attributes := []attribute.KeyValue{
		attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Hostname()),
		attribute.String("latchkey.endpoint", endpoint),
	}
	name := "latchkey.transmitter"
	if t.provider != nil {
		name = "latchkey.provider." + endpoint
		attributes = append(attributes, attribute.String("latchkey.provider", t.provider.Name))
	}
	return child(r.Context(), parent, name, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
}

// canceled: the gateway gave the request up, so it says nothing about the provider.
const canceled = "canceled"

// failure returns why a request was of no use, empty if it was of use. An answer that refuses, such as a 400 of the token
// endpoint, is of use.
func failure(resp *http.Response, err error) string {
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case err != nil:
		return "unreachable"
	case resp.StatusCode >= http.StatusInternalServerError:
		return "server_error"
	case resp.StatusCode == http.StatusTooManyRequests:
		return "too_many_requests"
	}
	return ""
}

// noteClock compares the date of an answer with our clock. An answer from a cache is older than its header.
func (p *Provider) noteClock(resp *http.Response, began, ended time.Time) {
	if resp == nil || resp.Header.Get("Age") != "" {
		return
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	c := Clock{At: ended}
	switch {
	case date.After(ended):
		c.Ahead = date.Sub(ended)
	case date.Add(time.Second).Before(began): // the header has whole seconds
		c.Ahead = date.Add(time.Second).Sub(began)
	}
	p.clock.Store(&c)
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections calls.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
