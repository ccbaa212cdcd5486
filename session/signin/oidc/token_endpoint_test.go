package oidc

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 4.10: a token endpoint that cannot be reached is told of until it can, whether anybody signs in or not.
func TestTokenEndpointIsLookedAt(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	p := New(Config{Name: "main", Issuer: idp.URL, ClientID: oidctest.Client, Now: clock.Now})
	if err := p.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := p.meta.Load()
	gone := *m
	gone.TokenEndpoint = "http://127.0.0.1:1/token"
	p.meta.Store(&gone)
	if _, err := p.Redeem(t.Context(), Response{Code: "n"}, Grant{Nonce: "n"}); !IsDown(err) || !strings.Contains(p.State().TokenErr, "refused") {
		t.Errorf("%v, state %+v", err, p.State())
	}
	if p.lookAtToken(t.Context(), &gone); p.State().TokenErr == "" {
		t.Error("nothing is there, and it is called good")
	}
	idp.Set(func(p *oidctest.IDP) { p.Broken["/token"] = true })
	if p.lookAtToken(t.Context(), m); p.State().TokenErr == "" {
		t.Error("it answers 503, and is called good")
	}
	idp.Set(func(p *oidctest.IDP) { p.Broken["/token"] = false })
	if p.lookAtToken(t.Context(), m); p.State().TokenErr != "" {
		t.Errorf("state %+v", p.State())
	}
}
