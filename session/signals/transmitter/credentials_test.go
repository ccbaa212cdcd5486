package transmitter

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// guarded is an endpoint that demands a token, and the token endpoint that gives one.
type guarded struct {
	*httptest.Server
	mu sync.Mutex
	// given counts the tokens, asked the requests with the right one. lasts is what the answer says of the life of a token.
	given, asked int
	lasts        string
	// answer replaces the answer of the token endpoint.
	answer string
	// valid is the only token that is accepted.
	valid string
	grant http.Header
	form  string
	hold  chan struct{}
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{lasts: "300"}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.hold != nil && r.URL.Path == "/token" {
			<-g.hold
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/token":
			g.given++
			g.grant, g.form = r.Header, string(body)
			g.valid = fmt.Sprintf("token-%d", g.given)
			if g.answer != "" {
				_, _ = io.WriteString(w, g.answer)
				return
			}
			_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%s}`, g.valid, g.lasts)
		case r.URL.Path == "/away":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case r.Header.Get("Authorization") != "Bearer "+g.valid || string(body) != "body":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			g.asked++
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) credentials(clock *storetest.Clock) *Credentials {
	return &Credentials{
		TokenURL: g.URL + "/token", ClientID: "latchkey", ClientSecret: func() (string, error) { return "client-secret", nil },
		Scopes: []string{"ssf.manage", "ssf.read"}, Client: oidc.NewClient(oidc.ClientConfig{}), Now: clock.Now,
	}
}

// post sends a request, and returns its status.
func (g *guarded) post(t *testing.T, c *http.Client, path string) (int, error) {
	t.Helper()
	resp, err := c.Post(g.URL+path, "text/plain", strings.NewReader("body"))
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// A token is fetched once, used until shortly before its end, and fetched again, once, if it is refused before that.
func TestClientCredentials(t *testing.T) {
	g, clock := newGuarded(t), storetest.NewClock()
	client := g.credentials(clock).Authenticated(oidc.NewClient(oidc.ClientConfig{}))
	step := func(what string, status, given int) {
		t.Helper()
		got, err := g.post(t, client, "/")
		if err != nil || got != status || g.given != given {
			t.Errorf("%s: %d, %v, %d tokens; want %d, %d tokens", what, got, err, g.given, status, given)
		}
	}
	step("first", 200, 1)
	step("again", 200, 1)
	if id, secret, _ := (&http.Request{Header: g.grant}).BasicAuth(); id != "latchkey" || secret != "client-secret" {
		t.Errorf("the client says %q %q", id, secret)
	}
	if g.form != "grant_type=client_credentials&scope=ssf.manage+ssf.read" {
		t.Errorf("the form is %s", g.form)
	}
	clock.Advance(269 * time.Second)
	step("before its end", 200, 1)
	clock.Advance(time.Second)
	step("shortly before its end", 200, 2)
	g.valid = "another"
	step("refused once", 200, 3)
	g.lasts = "null"
	g.answer = `{"access_token":"wrong","token_type":"Bearer"}`
	g.valid = "another"
	step("refused twice", 401, 4)
	step("refused, without a loop", 401, 5)
}

// A server that states no life of a token is asked again after a minute.
func TestTokenWithoutEnd(t *testing.T) {
	g, clock := newGuarded(t), storetest.NewClock()
	g.lasts = `"soon"`
	client := g.credentials(clock).Authenticated(oidc.NewClient(oidc.ClientConfig{}))
	for want, wait := range []time.Duration{0, 50 * time.Second, 10 * time.Second} {
		clock.Advance(wait)
		if status, err := g.post(t, client, "/"); status != 200 || err != nil || g.given != max(1, want) {
			t.Errorf("after %v: %d, %v, %d tokens", wait, status, err, g.given)
		}
	}
}

// What the token endpoint may answer without being believed, and that no secret is in the error.
func TestTokenRefused(t *testing.T) {
	for what, answer := range map[string]string{
		"no token": `{}`, "not JSON": `<html>`, "an error": `{"error":"invalid_client"}`, "of another type": `{"access_token":"abc","token_type":"DPoP"}`,
		"a line": `{"access_token":"a\nb","token_type":"Bearer"}`, "too long": `{"token_type":"Bearer","access_token":"` + strings.Repeat("x", maxAccessToken+1) + `"}`,
		"endless": `{"token_type":"Bearer","access_token":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		g := newGuarded(t)
		g.answer = answer
		status, err := g.post(t, g.credentials(storetest.NewClock()).Authenticated(oidc.NewClient(oidc.ClientConfig{})), "/")
		if err == nil || g.asked != 0 || strings.Contains(err.Error(), "client-secret") || len(err.Error()) > 500 {
			t.Errorf("%s: %d, %v", what, status, err)
		}
	}
	g := newGuarded(t)
	c := g.credentials(storetest.NewClock())
	c.ClientSecret = func() (string, error) { return "", errors.New("no such file") }
	if _, err := g.post(t, c.Authenticated(oidc.NewClient(oidc.ClientConfig{})), "/"); err == nil || g.given != 0 {
		t.Errorf("without a secret: %v", err)
	}
}

// Requests at the same time wait for one token.
func TestTokenOnce(t *testing.T) {
	g := newGuarded(t)
	g.hold = make(chan struct{})
	client := g.credentials(storetest.NewClock()).Authenticated(oidc.NewClient(oidc.ClientConfig{}))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, err := g.post(t, client, "/"); status != 200 || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
	close(g.hold)
	all.Wait()
	if g.given != 1 || g.asked != 8 {
		t.Errorf("%d tokens, %d requests", g.given, g.asked)
	}
}

// A fixed secret is read for each request. Neither it nor a token follows a redirect.
func TestFixedSecret(t *testing.T) {
	g := newGuarded(t)
	secret := "one"
	c := &Credentials{Secret: func() (string, error) { return secret, nil }}
	follows := oidc.NewClient(oidc.ClientConfig{})
	follows.CheckRedirect = nil
	client := c.Authenticated(follows)
	g.valid = "two"
	if status, err := g.post(t, client, "/"); status != 401 || err != nil || g.given != 0 {
		t.Errorf("%d, %v", status, err)
	}
	secret = "two"
	if status, err := g.post(t, client, "/"); status != 200 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	if status, err := g.post(t, client, "/away"); err == nil || g.asked != 1 {
		t.Errorf("a redirect: %d, %v", status, err)
	}
}
