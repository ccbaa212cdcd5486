package observe

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
)

func token(*url.URL) string { return "token" }

// A request to a provider is a span with the name of the endpoint. It says nothing of the address but the host, and the
// provider is told no id of the trace, whatever propagates traces in this process.
func TestProviderSpans(t *testing.T) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator()) })
	var told http.Header
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Clone()
		w.WriteHeader(status)
	}))
	defer server.Close()
	p := &Provider{Name: "main", EndpointOf: token}
	client := &http.Client{Transport: p.Wrap(http.DefaultTransport)}
	ctx, spans := traced(t)
	ask := func(status int, address string) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/canary-path?token=canary-query", strings.NewReader("canary-body"))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != status {
				t.Errorf("status %d", resp.StatusCode)
			}
		}
	}
	counter := providerFailed.WithLabelValues("main", "token")
	before := counted(t, counter)
	ask(http.StatusOK, server.URL)
	if told.Get("Traceparent") != "" {
		t.Errorf("the provider was told %q", told.Get("Traceparent"))
	}
	status = http.StatusBadRequest
	ask(status, server.URL)
	status = http.StatusBadGateway
	ask(status, server.URL)
	ask(0, "http://127.0.0.1:1")
	if n := counted(t, counter) - before; n != 2 {
		t.Errorf("%v failures were counted", n)
	}
	got := spans()
	if len(got) != 5 {
		t.Fatalf("%d spans", len(got))
	}
	for i, want := range []struct{ code, word string }{{"200", ""}, {"400", ""}, {"502", "server_error"}, {"", "unreachable"}} {
		s := got[i]
		if s.Name != "latchkey.provider.token" || said(s, "http.response.status_code") != want.code || said(s, "error.type") != want.word ||
			(s.Status.Code == codes.Error) != (want.word != "") || said(s, "server.address") != "127.0.0.1" ||
			said(s, "latchkey.provider") != "main" || s.Parent.SpanID() != got[4].SpanContext.SpanID() {
			t.Errorf("%s %v %v", s.Name, s.Attributes, s.Status)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "canary") {
				t.Errorf("a span has %s: %s", a.Key, a.Value.String())
			}
		}
	}
}

// A transmitter has spans and no metrics; without a trace it has no spans either.
func TestTransmitter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	client := &http.Client{Transport: Transmitter(http.DefaultTransport)}
	ctx, spans := traced(t)
	for range 2 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		ctx = t.Context()
	}
	if got := spans(); len(got) != 2 || got[0].Name != "latchkey.transmitter" {
		t.Errorf("%d spans", len(got))
	}
}

type answer struct {
	header http.Header
	err    error
}

// RoundTrip implements http.RoundTripper.
func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: a.header, Body: http.NoBody}, nil
}

// The clock of a provider is known from the last answer that states its time and is no copy in a cache.
func TestClock(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	p := &Provider{Name: "main", EndpointOf: token}
	ask := func(a answer) {
		if resp, err := p.Wrap(a).RoundTrip(httptest.NewRequest(http.MethodGet, "https://idp.example.com/token", nil)); err == nil {
			_ = resp.Body.Close()
		}
	}
	ask(answer{err: errors.New("away")})
	ask(answer{header: http.Header{"Date": {"yesterday"}}})
	ask(answer{header: http.Header{"Date": {date(-time.Hour)}, "Age": {"3600"}}})
	if c, ok := p.Clock(); ok {
		t.Errorf("%+v was taken for its clock", c)
	}
	for _, ahead := range []time.Duration{0, time.Minute, -time.Minute} {
		ask(answer{header: http.Header{"Date": {date(ahead)}}})
		c, ok := p.Clock()
		if !ok || (c.Ahead-ahead).Abs() > time.Second || ahead == 0 && c.Ahead != 0 {
			t.Errorf("%v ahead is taken for %v (%v)", ahead, c.Ahead, ok)
		}
	}
	ask(answer{err: errors.New("away")})
	if c, _ := p.Clock(); c.Ahead > -58*time.Second {
		t.Errorf("a failure changed the clock to %v", c.Ahead)
	}
}
