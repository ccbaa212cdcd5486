package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// oidcProvider is the npm package oidc-provider, by the lock file of the end-to-end tests, with its own settings and
// its own pages.
type oidcProvider struct {
	r        registration
	accounts *accounts
	keys     []jose.JSONWebKey
	process  *tryout.Process
	found    string
}

func (p *oidcProvider) name() string    { return "oidc-provider" }
func (p *oidcProvider) version() string { return p.found }

func (p *oidcProvider) install(string) error {
	modules := filepath.Join(here(), "..", "node_modules", "oidc-provider", "package.json")
	raw, err := os.ReadFile(modules)
	if err != nil {
		return fmt.Errorf("run `make deps`: %w", err)
	}
	var about struct{ Version string }
	if err := json.Unmarshal(raw, &about); err != nil {
		return fmt.Errorf("reading %s: %w", modules, err)
	}
	p.found = about.Version
	return nil
}

func (p *oidcProvider) prepare(t testing.TB, r registration) {
	p.r = r
	p.accounts = newAccounts(t, filepath.Join(r.dir, "accounts.json"))
	p.keys = []jose.JSONWebKey{newKey(t, "first")}
	p.write(t)
}

func newKey(t testing.TB, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "RS256", Use: "sig"}
}

func (p *oidcProvider) write(t testing.TB) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"issuer": p.r.issuerOrigin, "port": p.r.port, "accounts": p.accounts.path, "keys": p.keys,
		"client": map[string]any{
			"client_id": p.r.clientID, "client_secret": p.r.secret, "redirect_uris": []string{p.r.callback()},
			"grant_types":               []string{"authorization_code", "refresh_token"},
			"post_logout_redirect_uris": []string{p.r.signedOut()},
			"backchannel_logout_uri":    p.r.backChannel(), "backchannel_logout_session_required": true,
		},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.r.dir, "settings.json"), raw, 0o600)
	}
	if err != nil {
		t.Fatalf("writing the settings: %v", err)
	}
}

func (p *oidcProvider) start(t testing.TB) {
	p.process = tryout.Start(t, here(), p.r.port, nil, "node", filepath.Join(here(), "oidcprovider.mjs"), filepath.Join(p.r.dir, "settings.json"))
}

func (p *oidcProvider) stop(t testing.TB) { p.process.Stop(t) }

// With its own settings it gives a refresh token only to a sign-in that has asked for consent.
func (p *oidcProvider) lines() string {
	return "issuer " + p.r.issuerOrigin + "\n\t\t\tauth_param prompt consent"
}

func (p *oidcProvider) lacks() map[string]string {
	return map[string]string{
		"memory":        "its adapter is a memory",
		"second factor": "no acr and no amr with its own settings and pages",
	}
}

func (p *oidcProvider) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	switch {
	case strings.Contains(page.Text, `name="login"`):
		f := page.FormWith(t, "login")
		f.Values.Set("login", who.login)
		f.Values.Set("password", who.password)
		return c.Send(f)
	case strings.Contains(page.Text, "op.logoutForm"):
		f := page.FormWith(t, "xsrf")
		f.Values.Set("logout", "yes")
		return c.Send(f)
	}
	return c.Send(page.FormWith(t, "prompt"))
}

func (p *oidcProvider) setGroups(t testing.TB, who person, groups ...string) {
	p.accounts.change(t, who, func(a *account) { a.Groups = groups })
}

func (p *oidcProvider) disable(t testing.TB, who person) {
	p.accounts.change(t, who, func(a *account) { a.Disabled = true })
}

// rotate puts a new key first and goes on publishing the old one.
func (p *oidcProvider) rotate(t testing.TB) {
	p.keys = append([]jose.JSONWebKey{newKey(t, "second")}, p.keys...)
	p.write(t)
	before := p.published(t)
	if err := p.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatalf("rotating keys: %v", err)
	}
	rig.Until(t, soon, "the new key is published", func() bool { return p.published(t) != before })
}

func (p *oidcProvider) published(t testing.TB) string {
	return rig.NewHTTP(t).Do(rig.Call{URL: p.r.issuerOrigin + "/jwks"}).Text
}

func (p *oidcProvider) leave(t testing.TB, c *rig.HTTP) {
	page := c.Follow(c.Get(p.r.issuerOrigin+"/session/end"), nil)
	if r := c.Follow(p.answer(t, c, page, person{}), nil); r.StatusCode != http.StatusOK {
		t.Fatalf("signing out at the provider: %d %s", r.StatusCode, excerpt(r.Text))
	}
}

// newPublic is the public half of a key in the form of PKIX.
func newPublic(t testing.TB, key any) []byte {
	t.Helper()
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("no RSA key: %T", key)
	}
	raw, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
