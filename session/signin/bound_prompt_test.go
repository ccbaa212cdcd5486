package signin

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// The prompt is honest about what Yes means without a binding: both limits where a browser may bind the session, and
// those without a binding where it cannot.
func TestPromptOfBoundSessions(t *testing.T) {
	const day = 24 * time.Hour
	long, short := session.Limit{Idle: 90 * day, Max: 180 * day}, session.Limit{Idle: 7 * day, Max: 30 * day}
	browser := session.Limit{Idle: day, Max: 7 * day}
	for name, tt := range map[string]struct {
		binds          access.Binds
		unbound        session.Limit
		insecure, ends bool
		yes, otherwise session.Limit
	}{
		"no binding":                  {yes: long},
		"no binding, and shorter":     {unbound: short, yes: short},
		"binding, and no difference":  {binds: access.Binds{On: true}, yes: long},
		"binding, and shorter":        {binds: access.Binds{On: true}, unbound: short, yes: long, otherwise: short},
		"binding required":            {binds: access.Binds{On: true, Required: true}, unbound: browser, ends: true, yes: long, otherwise: browser},
		"binding, but plain http":     {binds: access.Binds{On: true}, unbound: short, insecure: true, yes: short},
		"required, but on plain http": {binds: access.Binds{On: true, Required: true}, unbound: browser, insecure: true, yes: browser},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.binds, s.limits = tt.binds, session.Limits{Browser: browser, Persistent: long, Unbound: tt.unbound}
			})
			v := &access.Visit{Site: g.site, Host: "wiki.example.com", Secure: !tt.insecure}
			p := g.service.promptPage(v, pending.SignIn{}, "prompt", "/")
			if yes := (session.Limit{Idle: p.PersistentIdle, Max: p.PersistentMax}); yes != tt.yes {
				t.Errorf("Yes: %+v, want %+v", yes, tt.yes)
			}
			if other := (session.Limit{Idle: p.UnboundIdle, Max: p.UnboundMax}); other != tt.otherwise || p.UnboundEnds != tt.ends {
				t.Errorf("otherwise: %+v, %v, want %+v", other, p.UnboundEnds, tt.otherwise)
			}
			if no := (session.Limit{Idle: p.BrowserIdle, Max: p.BrowserMax}); no != browser {
				t.Errorf("No: %+v", no)
			}
		})
	}
}
