package signin

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// signalled has the provider report that the claims of the user have changed.
func (g *gateway) signalled(t *testing.T, who *session.Record) {
	t.Helper()
	if _, err := g.service.Sessions.Signal(t.Context(), who.Identity, session.Signalled{Recheck: g.clock.Now()}, nil); err != nil {
		t.Fatal(err)
	}
}

// If the provider reports that claims have changed, the next request waits for the new ones, however young the old ones are
// and although they are never rechecked otherwise. An outage then ends nothing. A refusal does.
func TestRecheckReported(t *testing.T) {
	for name, every := range map[string]time.Duration{"recheck": recheck, "without recheck": 0} {
		t.Run(name, func(t *testing.T) {
			g, b := recheckGateway(t, func(s *settings) { s.recheck = every })
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil} })
			g.clock.Advance(time.Minute)
			if got := b.user(); got != "app: ada persistent" {
				t.Fatalf("renewed without a report: %q", got)
			}
			who, _ := b.loaded()
			g.signalled(t, who)
			if got := b.user(); got != "app: grace persistent" {
				t.Errorf("after the report: %q", got)
			}
			if b.user(); g.idp.Count("/token") != 2 {
				t.Errorf("%d token requests", g.idp.Count("/token"))
			}
			if every == 0 {
				g.clock.Advance(25 * time.Hour) // longer than an outage may take where claims are rechecked
			}
			g.clock.Advance(time.Minute)
			g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "temporarily_unavailable"} })
			g.signalled(t, who)
			if got := b.user(); got != "app: grace persistent" {
				t.Errorf("during an outage: %q", got)
			}
		})
	}
	g, b := recheckGateway(t)
	who, _ := b.loaded()
	g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_grant"} })
	g.clock.Advance(time.Second)
	g.signalled(t, who)
	if r := b.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("refused: %d", r.status)
	}
}

// Without a refresh token such a report leads to the provider: by a silent redirect where that is configured, else by a
// sign-in. A script gets 401.
func TestRecheckReportedWithoutToken(t *testing.T) {
	for name, silent := range map[string]bool{"silent": true, "by a sign-in": false} {
		t.Run(name, func(t *testing.T) {
			g, b := recheckGateway(t, func(s *settings) {
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.TokenBody = map[string]any{"refresh_token": nil}
			})
			g.service.Providers[0].SilentRecheck = silent
			g.clock.Advance(time.Minute)
			who, token := b.loaded()
			g.signalled(t, who)
			who, _ = b.loaded()
			_, err := rechecked(g.service, who, token)
			if due := g.service.renewer.SilentRecheckDue(b.visit(), who.Session()); due != silent || errors.Is(err, access.ErrClaimsOld) == silent {
				t.Errorf("due: %t, %v", due, err)
			}
			if r := b.get("/"); r.status != http.StatusSeeOther || !b.visitLive(token) {
				t.Errorf("a page: %d", r.status)
			}
			g.service.SignInHost = "https://login.example.com"
			if _, err := rechecked(g.service, who, token); !errors.Is(err, access.ErrClaimsOld) {
				t.Errorf("with a sign-in host: %v", err)
			}
		})
	}
}

func (b *testBrowser) visitLive(token session.Token) bool {
	_, err := b.service.Sessions.Reload(b.t.Context(), token)
	return err == nil
}
