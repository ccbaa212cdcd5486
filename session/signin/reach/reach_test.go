package reach

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func anything(string) error { return nil }

// Field trial 1.23: redirects of what is public are followed, for three hops.
func TestFollowing(t *testing.T) {
	mux := http.NewServeMux()
	for _, hop := range [][2]string{{"/4", "/3"}, {"/3", "/2"}, {"/2", "/1"}, {"/1", "/0"}} {
		mux.Handle(hop[0], http.RedirectHandler(hop[1], http.StatusFound))
	}
	posted := false
	mux.HandleFunc("/0", func(w http.ResponseWriter, r *http.Request) {
		posted = posted || r.Method == http.MethodPost
		_, _ = io.WriteString(w, "there")
	})
	mux.Handle("/307", http.RedirectHandler("/0", http.StatusTemporaryRedirect))
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	plain := httptest.NewServer(mux)
	defer plain.Close()
	mux.Handle("/down", http.RedirectHandler(plain.URL+"/0", http.StatusFound))
	mux.Handle("/across", http.RedirectHandler("https://elsewhere.invalid/x?code=canary", http.StatusFound))

	for path, good := range map[string]bool{"/0": true, "/1": true, "/3": true, "/4": false, "/down": false} {
		resp, err := Following(secure.Client(), anything).Get(secure.URL + path)
		if (err == nil) != good || err != nil && !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	if _, err := Following(secure.Client(), anything).Post(secure.URL+"/307", "text/plain", strings.NewReader("secret")); !errors.Is(err, ErrRedirect) || posted {
		t.Errorf("a POST was sent on: %v", err)
	}
	if _, err := Following(secure.Client(), anything).Get(secure.URL + "/307"); err != nil {
		t.Error(err)
	}
	no := func(address string) error { return errors.New(address) }
	if _, err := Following(secure.Client(), no).Get(secure.URL + "/across"); !errors.Is(err, ErrRedirect) || strings.Contains(err.(interface{ Unwrap() error }).Unwrap().Error(), "canary") {
		t.Errorf("an address that is not allowed: %v", err)
	}
}

// Field trial 1.23: what is for the public address goes to the internal one, under the public name, and nothing else does.
func TestInside(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	defer server.Close()
	rt, err := Inside(http.DefaultTransport, "https://id.example.com/realms/x", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: rt}
	for _, address := range []string{"https://id.example.com/realms/x/token?a=b", "https://ID.example.com:443/realms/x/token?a=b"} {
		resp, err := c.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if !strings.HasPrefix(strings.ToLower(got.Host), "id.example.com") || got.RequestURI != "/realms/x/token?a=b" || got.Header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("%s came as %s %s %v", address, got.Host, got.RequestURI, got.Header)
		}
	}
	got = nil
	for _, address := range []string{"http://id.example.com.invalid/x", "http://id.example.com:1/x", "https://id.example.com:8443.invalid/"} {
		if resp, err := c.Get(address); err == nil {
			_ = resp.Body.Close()
		}
		if got != nil {
			t.Errorf("%s went inside", address)
		}
	}
}

func TestCheckInside(t *testing.T) {
	for address, good := range map[string]bool{
		"http://keycloak:8080": true, "http://keycloak": true, "https://id.example.com:8443": true, "http://10.1.2.3:8080/": true,
		"http://[fd00::1]:80": true, "http://127.0.0.1:1": true, "http://id.auth.svc": true, "http://id.auth.svc.cluster.local": true,
		"http://id.example.com": false, "http://203.0.113.9": false, "ftp://keycloak": false, "keycloak:8080": false, "": false,
		"http://keycloak:8080/realms": false, "http://u:p@keycloak": false, "http://keycloak?x": false, "http://keycloak#x": false,
	} {
		if err := CheckInside(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	for address, good := range map[string]bool{
		"http://keycloak:8080/token": true, "http://keycloak:8080": true, "http://keycloak/token": false, "https://keycloak:8080/": false,
		"http://a@keycloak:8080/": false, "%": false,
	} {
		if Under(address, "http://keycloak:8080") != good || Under(address, "") {
			t.Errorf("%q is under the origin: %t", address, !good)
		}
	}
}
