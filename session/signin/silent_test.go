package signin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// Field trial 3.1: RecheckSilently tells what it did, and which of provider and session is why it could not.
func TestSilentRecheckOutcome(t *testing.T) {
	for _, tt := range []struct {
		name         string
		age          time.Duration
		away         bool // the provider does not answer
		failed, down bool // the last round trip of this session went wrong; because of the provider
		script       bool
		elsewhere    bool // pages of another host renew
		due, sent    bool
		want         error
		token        bool
	}{
		{name: "new claims", age: recheck - time.Second},
		{name: "with a refresh token", age: 2 * recheck, token: true},
		{name: "a page", age: recheck, due: true, sent: true},
		{name: "a script", age: recheck, script: true, due: true},
		{name: "a script a day later", age: recheck + outage, script: true, due: true, want: access.ErrClaimsOld},
		{name: "the provider is away", age: recheck, away: true, due: true},
		{name: "the provider is away for a day", age: recheck + outage, away: true, due: true, want: oidc.ErrProviderDown},
		{name: "the provider refused this session", age: recheck, failed: true, due: true},
		{name: "the provider refused this session for a day", age: recheck + outage, failed: true, due: true, want: access.ErrClaimsOld},
		{name: "the provider failed for this session for a day", age: recheck + outage, failed: true, down: true, due: true, want: oidc.ErrProviderDown},
		{name: "another site", age: recheck, elsewhere: true},
		{name: "another site a day later", age: recheck + outage, elsewhere: true, due: true, want: access.ErrClaimsOld},
		{name: "another site with a refresh token", age: recheck + outage, elsewhere: true, token: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.recheck, s.idp = recheck, oidctest.New(t, s.clock.Now)
				if !tt.token {
					s.idp.TokenBody = map[string]any{"refresh_token": nil}
				}
			})
			g.service.Providers[0].SilentRecheck = true
			b := g.browser()
			b.signIn("yes")
			who, token := b.loaded()
			g.clock.Advance(tt.age)
			if tt.elsewhere {
				g.service.SignInHost = "https://login.example.com"
			}
			if tt.away {
				g.idp.CloseClientConnections()
				g.idp.Close()
			}
			if tt.failed {
				err := error(&oidc.RefusedError{Word: "server_error"})
				if tt.down {
					err = oidc.ErrProviderDown
				}
				g.service.renewer.SilentFailed(g.service.Providers[0], who.ID, err)
			}
			w, r, v := httptest.NewRecorder(), b.request(t), b.visit()
			if !tt.script {
				r.Header.Set("Accept", "text/html")
			}
			if due := g.service.renewer.SilentRecheckDue(v, who.Session()); due != tt.due {
				t.Fatalf("due: %t", due)
			}
			if !tt.due {
				return
			}
			sent, err := g.service.RecheckSilently(w, r, v, who.Session(), token)
			if sent != tt.sent || !errors.Is(err, tt.want) {
				t.Errorf("sent %t: %v", sent, err)
			}
			if status := w.Result().StatusCode; sent != (status == http.StatusSeeOther) {
				t.Errorf("%d", status)
			}
			if errors.Is(err, session.ErrUnavailable) || access.Over(err) {
				t.Errorf("%v ends the session or names the store", err)
			}
		})
	}
}
