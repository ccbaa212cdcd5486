package transmitter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/wellknown"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// The well-known name is inserted before the path of the issuer, and not appended to it.
func TestAddress(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://tr.example.com":           "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/":          "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/realms/x":  "https://tr.example.com/.well-known/ssf-configuration/realms/x",
		"https://tr.example.com/realms/x/": "https://tr.example.com/.well-known/ssf-configuration/realms/x",
	} {
		if got := Address(issuer); got != want {
			t.Errorf("%s: %s, want %s", issuer, got, want)
		}
	}
}

// Metadata of another issuer, or with keys at an address that may not be asked, is refused; what is known is used while
// new metadata cannot be had.
func TestMetadata(t *testing.T) {
	clock := storetest.NewClock()
	body, status := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/ssf-configuration/realm" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "ORIGIN", "http://"+r.Host)))
	}))
	t.Cleanup(server.Close)
	tr := &Transmitter{Issuer: server.URL + "/realm", Client: oidc.NewClient(oidc.ClientConfig{}), Now: clock.Now}
	for what, bad := range map[string]string{
		"not JSON": "x", "another issuer": `{"issuer":"https://evil.example","jwks_uri":"ORIGIN/keys"}`, "no keys": `{"issuer":"ORIGIN/realm"}`,
		"keys over http": `{"issuer":"ORIGIN/realm","jwks_uri":"http://other.example/keys"}`, "keys in a file": `{"issuer":"ORIGIN/realm","jwks_uri":"file:///etc/passwd"}`,
		"without a slash": `{"issuer":"ORIGIN/realm/","jwks_uri":"ORIGIN/keys"}`,
	} {
		body = bad
		if m, err := tr.Metadata(t.Context()); err == nil {
			t.Errorf("%s: %+v", what, m)
		}
		clock.Advance(wellknown.Pause)
	}
	body = `{"issuer":"ORIGIN/realm","jwks_uri":"ORIGIN/keys","spec_version":"1_0"}`
	m, err := tr.Metadata(t.Context())
	if err != nil || m.JWKSURI != server.URL+"/keys" {
		t.Fatalf("%+v, %v", m, err)
	}
	status = http.StatusBadGateway
	clock.Advance(2 * time.Hour)
	if again, err := tr.Metadata(t.Context()); err != nil || again != m {
		t.Errorf("%+v, %v", again, err)
	}
}

// Keycloak under a path of its own has its metadata behind the issuer only. What is where the specification has it counts
// first, and an error there is one.
func TestMetadataBehindTheIssuer(t *testing.T) {
	const before, behind = "/.well-known/ssf-configuration/auth/realms/x", "/auth/realms/x/.well-known/ssf-configuration"
	for _, row := range []struct {
		what           string
		before, behind int
		keys           string
		asked          int
	}{
		{"where the specification has it", 200, 200, before, 1},
		{"behind the issuer alone", 404, 200, behind, 2},
		{"nowhere", 404, 404, "", 2},
		{"for a moment not where it should be", 503, 200, "", 1},
	} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.WriteHeader(map[string]int{before: row.before, behind: row.behind}[r.URL.Path])
			origin := "http://" + r.Host
			_, _ = w.Write([]byte(`{"issuer":"` + origin + `/auth/realms/x","jwks_uri":"` + origin + r.URL.Path + `"}`))
		}))
		tr := &Transmitter{Issuer: server.URL + "/auth/realms/x", Client: oidc.NewClient(oidc.ClientConfig{}), Now: time.Now}
		m, err := tr.Metadata(t.Context())
		if (err == nil) != (row.keys != "") || err == nil && m.JWKSURI != server.URL+row.keys || asked != row.asked {
			t.Errorf("%s: %+v, %v, asked %d times", row.what, m, err, asked)
		}
		server.Close()
	}
}

// A transmitter that does not answer delays no event: while old metadata is known one caller fetches, and after a failure
// there is a pause.
func TestMetadataOfASlowTransmitter(t *testing.T) {
	clock := storetest.NewClock()
	var fetches atomic.Int32
	var slow atomic.Bool
	asked, goOn := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		if slow.Load() {
			asked <- struct{}{}
			<-goOn
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"issuer":"http://` + r.Host + `","jwks_uri":"http://` + r.Host + `/keys"}`))
	}))
	t.Cleanup(server.Close)
	tr := &Transmitter{Issuer: server.URL, Client: oidc.NewClient(oidc.ClientConfig{}), Now: clock.Now}
	metadata := func(ctx context.Context) {
		if _, err := tr.Metadata(ctx); err != nil {
			t.Error(err)
		}
	}
	metadata(t.Context())
	slow.Store(true)
	clock.Advance(2 * time.Hour)
	var first sync.WaitGroup
	first.Go(func() { metadata(t.Context()) })
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	metadata(gone)
	if n := fetches.Load(); n != 2 {
		t.Errorf("%d fetches while one is under way", n)
	}
	close(goOn)
	first.Wait()
	metadata(t.Context())
	if n := fetches.Load(); n != 2 {
		t.Errorf("%d fetches after a failure", n)
	}
	clock.Advance(2 * time.Minute)
	slow.Store(false)
	metadata(t.Context())
	if n := fetches.Load(); n != 3 {
		t.Errorf("%d fetches once the transmitter answers", n)
	}
}
