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

// newPoll is a transmitter that answers with serve.
func newPoll(t *testing.T, serve http.HandlerFunc, timeout time.Duration) *Poll {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return &Poll{URL: server.URL + "/poll?secret=s3cret", Client: oidc.NewClient(oidc.ClientConfig{Timeout: timeout}), Now: time.Now}
}

// RFC 8936, section 2.2: what a request says.
func TestPollRequest(t *testing.T) {
	var got string
	p := newPoll(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"sets":{"a":"x.y.z","b":7,"":"u"},"moreAvailable":true,"more":1}`)
	}, 0)
	for want, q := range map[string]PollRequest{
		`{"maxEvents":5,"returnImmediately":false}`: {Most: 5},
		`{"maxEvents":0,"returnImmediately":true,"ack":["a"],"setErrs":{"b":{"err":"invalid_key","description":"no"}}}`: {
			Immediately: true, Ack: []string{"a"}, Refused: map[string]Refusal{"b": {"invalid_key", "no"}},
		},
	} {
		a, err := p.Ask(t.Context(), q)
		if err != nil || got != "POST application/json "+want {
			t.Errorf("%s: %v", got, err)
		}
		if a.Sets["a"] != "x.y.z" || a.Sets["b"] != "" || len(a.Sets) != 2 || !a.More || a.Unnamed != 1 {
			t.Errorf("%+v", a)
		}
	}
}

// What is no answer to a poll is told apart, and no error has the address, which may have a secret.
func TestPollErrors(t *testing.T) {
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	status := func(n int) func(error) bool {
		return func(err error) bool {
			var a *AnswerError
			return errors.As(err, &a) && a.Status == n
		}
	}
	for what, c := range map[string]struct {
		serve http.HandlerFunc
		fits  func(error) bool
	}{
		"401": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, status(401)},
		"429 with a pause": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, func(err error) bool {
			var pause *PauseError
			return errors.As(err, &pause) && pause.Pause == 7*time.Second && status(429)(err)
		}},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}, func(err error) bool { return err != nil }},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"x":"`+strings.Repeat("x", maxAnswer)+`"}`)
		}, is(ErrTooLong)},
		"text": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, `{}`)
		}, func(err error) bool { return err != nil }},
		"held open": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // so that the end of the connection is noticed
			<-r.Context().Done()
		}, is(ErrHeld)},
	} {
		_, err := newPoll(t, c.serve, 300*time.Millisecond).Ask(t.Context(), PollRequest{Most: 1})
		if err == nil || !c.fits(err) || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 400 {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := (&Poll{URL: "http://127.0.0.1:1/?secret=s3cret", Client: http.DefaultClient, Now: time.Now}).Ask(t.Context(), PollRequest{})
	if err == nil || errors.Is(err, ErrHeld) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("no server listens: %v", err)
	}
	p := newPoll(t, nil, 0)
	p.Client = (&Credentials{Secret: func() (string, error) { return "", errors.New("no such file") }}).Authenticated(p.Client)
	if _, err := p.Ask(t.Context(), PollRequest{}); !errors.Is(err, ErrCredentials) {
		t.Errorf("without credentials: %v", err)
	}
}

// No answer makes it panic, and what is read of one is bounded by its length.
func FuzzPoll(f *testing.F) {
	for _, seed := range []string{`{"sets":{"a":"b"},"moreAvailable":true}`, `{"sets":{"a":{}}}`, `{"sets":[]}`, `null`, `[]`, ``, `{"sets":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readPoll(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is an answer", body)
		}
		for name, set := range a.Sets {
			if name == "" || len(name) > maxName || len(set) > 3*len(body) {
				t.Fatalf("%q: %q", name, set)
			}
		}
	})
}
