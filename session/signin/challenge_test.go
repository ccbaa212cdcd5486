package signin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 3.7: the claims challenge that Entra gives for a code, or for a refresh token, is the parameter claims of
// the next authorization request, merged with what a policy asks for there, and once. The log has Entra's code.
func TestClaimsChallenge(t *testing.T) {
	refusal := map[string]any{
		"error": "invalid_grant", "error_codes": []int{50076}, "suberror": "basic_action", "claims": challengeValue,
	}
	const merged = `{"access_token":{"capolids":{"essential":true,"values":["c-1"]}},"id_token":{"acrs":{"essential":true,"value":"c1"}}}`
	t.Run("code", func(t *testing.T) {
		g := newGateway(t)
		g.demand = &oidc.Demand{ACRs: []string{"c1"}}
		b := g.browser()
		asked := b.toProvider("/page")
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = refusal })
		r := b.callback(asked)
		if r.status != http.StatusSeeOther {
			t.Fatalf("%d", r.status)
		}
		if got := query(t, r.location).Get("claims"); got != merged {
			t.Errorf("asked for %s", got)
		}
		if rec := g.log.last(t); rec.Code != signinlog.MFARequired || rec.Detail != "invalid_grant 50076 basic_action" {
			t.Errorf("log: %d %q", rec.Code, rec.Detail)
		}
		again := query(t, r.location)
		if r := b.callback(again); r.status != http.StatusBadGateway || g.log.last(t).Detail != "invalid_grant 50076 basic_action" {
			t.Errorf("the second time: %d", r.status)
		}
	})
	t.Run("refresh", func(t *testing.T) {
		g, b := recheckGateway(t)
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = refusal })
		g.clock.Advance(2 * recheck)
		asked := b.toProvider("/page")
		if got := asked.Get("claims"); got != challengeValue {
			t.Errorf("asked for %q", got)
		}
		if rec := g.log.last(t); rec.Code != signinlog.GrantRevoked || rec.Detail != "invalid_grant 50076 basic_action" {
			t.Errorf("log: %d %q", rec.Code, rec.Detail)
		}
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = nil })
		if r := b.callback(asked); !stays(r.location) {
			t.Errorf("afterwards: %d to %q", r.status, r.location)
		}
	})
	t.Run("behind the request", func(t *testing.T) {
		g, b := recheckGateway(t)
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = refusal })
		g.clock.Advance(recheck)
		b.user()
		var r result
		storetest.Until(t, "the session ends", func() bool { r = b.get("/page"); return r.status == http.StatusSeeOther })
		if got := query(t, r.location).Get("claims"); got != challengeValue {
			t.Errorf("asked for %q", got)
		}
	})
	t.Run("configured", func(t *testing.T) {
		g := newGateway(t, func(s *settings) { s.params = map[string]string{"claims": `{"id_token":{"ipaddr":null}}`} })
		b := g.browser()
		g.demand = &oidc.Demand{ACRs: []string{"c1"}}
		const want = `{"id_token":{"acrs":{"essential":true,"value":"c1"},"ipaddr":null}}`
		if got := b.toProvider("/page").Get("claims"); got != want {
			t.Errorf("asked for %s", got)
		}
	})
}

// The cookie goes with a session that is over, and with no other.
func TestChallengeClearsWhatIsOver(t *testing.T) {
	g := newGateway(t)
	for name, row := range map[string]struct {
		err    error
		clears bool
	}{
		"ended":   {fmt.Errorf("keeping session: %w", session.ErrNotFound), true},
		"expired": {session.ErrExpired, true},
		"revoked": {fmt.Errorf("keeping session: %w", session.ErrRevoked), false},
	} {
		r := httptest.NewRequest(http.MethodPost, browser.AccountPath, strings.NewReader("{}"))
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		v := &access.Visit{Site: g.site, Host: "localhost"}
		v.Cookies.Session = "something"
		g.service.Challenge(w, r, v, row.err, nil)
		if cleared := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0"); w.Code != http.StatusUnauthorized || cleared != row.clears {
			t.Errorf("%s: %d, cleared %v", name, w.Code, cleared)
		}
	}
}
