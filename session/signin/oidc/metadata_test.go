package oidc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 1.23: metadata and keys may redirect; the issuer is compared as before, and an endpoint for secrets may not.
func TestDiscoveryRedirects(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	front := http.NewServeMux()
	front.Handle("/.well-known/openid-configuration", http.RedirectHandler(idp.URL+"/.well-known/openid-configuration", http.StatusMovedPermanently))
	front.Handle("/keys", http.RedirectHandler(idp.URL+"/keys", http.StatusFound))
	server := httptest.NewServer(front)
	defer server.Close()
	p := New(Config{Name: "main", Issuer: server.URL, ClientID: oidctest.Client, Now: clock.Now})
	if err := p.Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "issuer") {
		t.Errorf("metadata of another issuer by a redirect: %v", err)
	}
	idp.Set(func(f *oidctest.IDP) {
		f.Metadata = map[string]any{"issuer": server.URL, "jwks_uri": server.URL + "/keys"}
	})
	if err := p.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := p.meta.Load()
	if _, err := m.keys.VerifySignature(t.Context(), idp.Sign(map[string]any{"sub": "s"})); err != nil {
		t.Error(err)
	}
}

// Field trial 1.23: metadata that stands elsewhere, and a provider that the gateway reaches under another address.
func TestMetadataElsewhere(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	idp.Metadata = map[string]any{"issuer": "https://id.example.com/x"}
	p := New(Config{
		Name: "main", Issuer: "https://id.example.com/x", ClientID: oidctest.Client, Now: clock.Now, MetadataURL: idp.URL + "/.well-known/openid-configuration",
	})
	if err := p.Discover(t.Context()); err != nil {
		t.Error(err)
	}

	const public = "https://id.example.com"
	var hosts []string
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host+" "+r.Method+" "+r.URL.Path)
		if r.URL.Path == "/.well-known/openid-configuration" {
			oidctest.WriteJSON(w, http.StatusOK, map[string]any{
				"issuer": public, "authorization_endpoint": public + "/authorize", "jwks_uri": public + "/keys",
				"token_endpoint": "http://" + r.Header.Get("X-Test") + "/token", "revocation_endpoint": public + "/revoke",
			})
		}
	})
	server := httptest.NewServer(inner)
	defer server.Close()
	origin := server.URL
	p = New(Config{Name: "main", Issuer: public, ClientID: oidctest.Client, Now: clock.Now, InternalURL: origin})
	m, err := p.fetchMetadata(t.Context())
	if err == nil || m == nil {
		t.Fatalf("a token endpoint of no host was taken: %v", err)
	}
	for endpoint, good := range map[string]bool{
		public + "/token": true, origin + "/token": true, "http://id.example.com/token": false, "http://other:8080/token": false,
	} {
		body := `{"issuer":"` + public + `","authorization_endpoint":"` + public + `/a","jwks_uri":"` + public + `/keys","token_endpoint":"` + endpoint + `","revocation_endpoint":"` + public + `/revoke"}`
		if err := p.use([]byte(body)); (err == nil) != good {
			t.Errorf("token endpoint %s: %v", endpoint, err)
		}
	}
	// Browsers are never sent inside, whatever the metadata says.
	if err := New(Config{Issuer: public, InternalURL: "http://keycloak:8080"}).use([]byte(
		`{"issuer":"` + public + `","authorization_endpoint":"http://keycloak:8080/a","jwks_uri":"` + public + `/keys","token_endpoint":"` + public + `/t"}`)); err == nil {
		t.Error("an authorization endpoint inside was taken")
	}
	if err := p.Revoke(t.Context(), "refresh"); err != nil {
		t.Error(err)
	}
	if !slices.Equal(hosts, []string{"id.example.com GET /.well-known/openid-configuration", "id.example.com POST /revoke"}) {
		t.Errorf("asked %q", hosts)
	}
}

// The bound is on a body as on all others: metadata of over a megabyte is none.
func TestMetadataIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"x":"`+strings.Repeat("x", maxIDPBody)+`"}`)
	}))
	defer server.Close()
	if err := New(Config{Issuer: server.URL}).Discover(t.Context()); err == nil || len(err.Error()) > 400 {
		t.Error(err)
	}
}

// Field trials: what the default scopes are for what a provider lists, and what Google wants beside them.
func TestScopes(t *testing.T) {
	for _, row := range []struct {
		name                string
		configured, offered []string
		issuer              string
		want                string
		google              bool
	}{
		{"no list", nil, nil, "https://id", "openid profile email offline_access", false},
		{"Entra", nil, []string{"openid", "profile", "email", "offline_access"}, "https://id", "openid profile email offline_access", false},
		{"GitLab", nil, []string{"api", "openid", "profile", "email"}, "https://gitlab.com", "openid profile email", false},
		{"Apple", nil, []string{"openid", "email", "name"}, "https://appleid.apple.com", "openid email", false},
		{"Hydra lists protocol scopes alone", nil, []string{"offline_access", "offline", "openid"}, "https://hydra", "openid profile email offline_access", false},
		{"Google", nil, []string{"openid", "email", "profile"}, google, "openid profile email", true},
		{"Google, by name", []string{"openid", "email"}, []string{"openid", "email", "profile"}, google, "openid email", false},
		{"by name", []string{"openid", "offline_access"}, []string{"openid"}, "https://id", "openid offline_access", false},
		{"openid is always there", []string{"email"}, nil, "https://id", "openid email", false},
	} {
		p, m := New(Config{Name: "x", Issuer: row.issuer, Scopes: row.configured}), &Metadata{Scopes: row.offered}
		if got := strings.Join(p.scopes(m), " "); got != row.want {
			t.Errorf("%s: %s", row.name, got)
		}
		if got := p.ownParams(m); (got["access_type"] == "offline" && got["prompt"] == "consent") != row.google {
			t.Errorf("%s: parameters %v", row.name, got)
		}
	}
}
