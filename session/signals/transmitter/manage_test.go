package transmitter

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// asked is a request as the transmitter of a test saw it.
type asked struct{ method, path, query, kind, body string }

// managed is a manager of a transmitter that gives one answer to everything but its metadata.
type managed struct {
	*Manager
	meta   string
	status int
	answer string
	header http.Header
	asked  []asked
}

const allEndpoints = `{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys","delivery_methods_supported":["urn:ietf:rfc:8935"],"default_subjects":"NONE",
	"configuration_endpoint":"ORIGIN/stream?tenant=1","status_endpoint":"ORIGIN/status","verification_endpoint":"ORIGIN/verify",
	"add_subject_endpoint":"ORIGIN/add","remove_subject_endpoint":"ORIGIN/remove"}`

func newManaged(t *testing.T, meta string) *managed {
	t.Helper()
	m := &managed{meta: meta, status: http.StatusOK, header: http.Header{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == wellKnown {
			_, _ = io.WriteString(w, strings.ReplaceAll(m.meta, "ORIGIN", "http://"+r.Host))
			return
		}
		body, _ := io.ReadAll(r.Body)
		m.asked = append(m.asked, asked{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), string(body)})
		for name, values := range m.header {
			w.Header()[name] = values
		}
		w.WriteHeader(m.status)
		_, _ = io.WriteString(w, m.answer)
	}))
	t.Cleanup(server.Close)
	client := oidc.NewClient(oidc.ClientConfig{})
	m.Manager = &Manager{Transmitter: &Transmitter{Issuer: server.URL, Client: client, Now: time.Now}, Client: client}
	return m
}

// Each request is sent as section 8.1 of the Shared Signals Framework has it.
func TestManagerAsks(t *testing.T) {
	m := newManaged(t, allEndpoints)
	ctx, subject := t.Context(), json.RawMessage(`{"format":"opaque","id":"u"}`)
	for _, row := range []struct {
		call   func() error
		status int
		answer string
		want   asked
	}{
		{func() error { _, err := m.Streams(ctx); return err }, 200, `[]`, asked{"GET", "/stream", "tenant=1", "", ""}},
		{func() error { _, err := m.Stream(ctx, "a b"); return err }, 200, `{"stream_id":"a b"}`, asked{"GET", "/stream", "stream_id=a+b&tenant=1", "", ""}},
		{
			func() error {
				_, err := m.Create(ctx, Wanted{Requested: []string{"e"}, Delivery: &Delivery{PushDelivery, "https://a", "Bearer s"}})
				return err
			}, 201, `{"stream_id":"a","aud":"x"}`,
			asked{"POST", "/stream", "tenant=1", "application/json", `{"events_requested":["e"],"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://a","authorization_header":"Bearer s"}}`},
		},
		{
			func() error { _, err := m.Update(ctx, Wanted{ID: "a", Description: "d"}); return err }, 200, `{"stream_id":"a"}`,
			asked{"PATCH", "/stream", "tenant=1", "application/json", `{"stream_id":"a","description":"d"}`},
		},
		{func() error { return m.Delete(ctx, "a") }, 204, "", asked{"DELETE", "/stream", "stream_id=a&tenant=1", "", ""}},
		{func() error { _, err := m.Status(ctx, "a"); return err }, 200, `{"stream_id":"a","status":"paused"}`, asked{"GET", "/status", "stream_id=a", "", ""}},
		{
			func() error { return m.SetStatus(ctx, Status{"a", Paused, "night"}) }, 200, `{}`,
			asked{"POST", "/status", "", "application/json", `{"stream_id":"a","status":"paused","reason":"night"}`},
		},
		{func() error { return m.Verify(ctx, "a", "s") }, 204, "", asked{"POST", "/verify", "", "application/json", `{"state":"s","stream_id":"a"}`}},
		{
			func() error { return m.AddSubject(ctx, "a", subject) }, 200, "",
			asked{"POST", "/add", "", "application/json", `{"stream_id":"a","subject":{"format":"opaque","id":"u"},"verified":true}`},
		},
		{
			func() error { return m.RemoveSubject(ctx, "a", subject) }, 204, "",
			asked{"POST", "/remove", "", "application/json", `{"stream_id":"a","subject":{"format":"opaque","id":"u"}}`},
		},
	} {
		m.status, m.answer, m.asked = row.status, row.answer, nil
		if err := row.call(); err != nil || len(m.asked) != 1 || m.asked[0] != row.want {
			t.Errorf("want %+v: %+v, %v", row.want, m.asked, err)
		}
	}
}

// A stream is read whether the answer is an array or the stream alone, and aud is a string or an array.
func TestManagerReadsStreams(t *testing.T) {
	m := newManaged(t, allEndpoints)
	const one = `{"stream_id":"a","iss":"i","aud":"x","events_delivered":["e"],"delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"https://poll"},
		"min_verification_interval":60,"inactivity_timeout":-5,"unknown":{}}`
	for _, m.answer = range []string{one, " [" + one + "]", strings.ReplaceAll("["+one+"]", `"x"`, `["x"]`)} {
		all, err := m.Streams(t.Context())
		if err != nil || len(all) != 1 || all[0].ID != "a" || len(all[0].Audience) != 1 || all[0].Audience[0] != "x" ||
			all[0].Delivery.Method != PollDelivery || all[0].VerificationInterval() != time.Minute || all[0].InactivityTimeout() != 0 {
			t.Errorf("%s: %+v, %v", m.answer, all, err)
		}
	}
	for _, m.answer = range []string{"", "{}", "x", `"a"`, `[1]`, `{"stream_id":"a","aud":7}`} {
		if all, err := m.Streams(t.Context()); err == nil {
			t.Errorf("%s: %+v", m.answer, all)
		}
	}
	m.answer = "[]"
	if all, err := m.Streams(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("no streams: %+v, %v", all, err)
	}
}

// What the transmitter refuses is an AnswerError with its words, cut; an endpoint that it does not offer is
// ErrNotOffered, and one at which credentials may not be sent is asked nothing.
func TestManagerRefusals(t *testing.T) {
	m := newManaged(t, allEndpoints)
	m.status, m.answer = http.StatusForbidden, `{"error":"insufficient_scope","error_description":"ssf.manage\n\u001b\u009bneeded `+strings.Repeat("é", 300)+`"}`
	err := m.Delete(t.Context(), "a")
	var answer *AnswerError
	if !errors.As(err, &answer) || answer.Status != 403 || !strings.HasPrefix(answer.Text, "insufficient_scope ssf.manage needed é") || len(answer.Text) > maxSaid {
		t.Errorf("%v", err)
	}
	m.status, m.answer, m.header = http.StatusTemporaryRedirect, "", http.Header{"Location": {"https://elsewhere.example/"}}
	if err := m.Verify(t.Context(), "a", "s"); err == nil {
		t.Error("a redirect was followed")
	}
	m.header = nil

	bare := newManaged(t, `{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}`)
	if err := bare.Verify(t.Context(), "a", "s"); !errors.Is(err, ErrNotOffered) || len(bare.asked) > 0 {
		t.Errorf("%v, %v", err, bare.asked)
	}
	for _, at := range []string{"http://elsewhere.example/status", "https://user@elsewhere.example/", "/status"} {
		odd := newManaged(t, strings.ReplaceAll(allEndpoints, "ORIGIN/status", at))
		if _, err := odd.Manager.Status(t.Context(), "a"); err == nil || errors.Is(err, ErrNotOffered) || len(odd.asked) > 0 {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestChoose(t *testing.T) {
	a, b, c := Stream{ID: "a", Audience: Audience{"x"}}, Stream{ID: "b", Audience: Audience{"y", "z"}}, Stream{ID: "c", Audience: Audience{"z"}}
	for _, row := range []struct {
		streams  []Stream
		id       string
		audience []string
		want     string
		err      error
	}{
		{nil, "", []string{"x"}, "", ErrNoStream},
		{[]Stream{a}, "", []string{"other"}, "a", nil},
		{[]Stream{a, b}, "", []string{"y"}, "b", nil},
		{[]Stream{a, b}, "", []string{"other"}, "", ErrManyStreams},
		{[]Stream{a, b, c}, "", []string{"z"}, "", ErrManyStreams},
		{[]Stream{a, b, c}, "c", []string{"x"}, "c", nil},
		{[]Stream{a}, "d", []string{"x"}, "", ErrNoStream},
	} {
		got, err := Choose(row.streams, row.id, row.audience)
		if !errors.Is(err, row.err) || (got == nil) != (row.want == "") || got != nil && got.ID != row.want {
			t.Errorf("%+v: %+v, %v", row, got, err)
		}
	}
}
