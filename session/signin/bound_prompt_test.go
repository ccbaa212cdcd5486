package signin

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// V18: The prompt is honest about what Yes means without a binding: both limits where a browser may bind the session, and
// those without a binding where it cannot.
func TestPromptOfBoundSessions(t *testing.T) {
	const day = 24 * time.Hour
	long, short := session.Limit{Idle: 90 * day, Max: 180 * day}, session.Limit{Idle: 7 * day, Max: 30 * day}
	ends := session.Limit{Idle: day, Max: 7 * day}
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
		"binding required":            {binds: access.Binds{On: true, Required: true}, unbound: ends, ends: true, yes: long, otherwise: ends},
		"binding, but plain http":     {binds: access.Binds{On: true}, unbound: short, insecure: true, yes: short},
		"required, but on plain http": {binds: access.Binds{On: true, Required: true}, unbound: ends, insecure: true, yes: ends},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.binds, s.limits = tt.binds, session.Limits{Browser: ends, Persistent: long, Unbound: tt.unbound}
			})
			v := &access.Visit{Site: g.site, Host: "wiki.example.com", Secure: !tt.insecure}
			p := g.service.promptPage(v, pending.SignIn{}, "prompt", "/")
			if yes := (session.Limit{Idle: p.PersistentIdle, Max: p.PersistentMax}); yes != tt.yes {
				t.Errorf("Yes: %+v, want %+v", yes, tt.yes)
			}
			if other := (session.Limit{Idle: p.UnboundIdle, Max: p.UnboundMax}); other != tt.otherwise || p.UnboundEnds != tt.ends {
				t.Errorf("otherwise: %+v, %v, want %+v", other, p.UnboundEnds, tt.otherwise)
			}
			if no := (session.Limit{Idle: p.BrowserIdle, Max: p.BrowserMax}); no != ends {
				t.Errorf("No: %+v", no)
			}
		})
	}
}

// V18: Where a "Yes" needs a binding and the site is served on plain http, "Yes" would be a "No": the question is not asked.
func TestNoQuestionOnPlainHTTP(t *testing.T) {
	for required, asked := range map[bool]bool{true: false, false: true} {
		g := newGateway(t, func(s *settings) {
			s.binds, s.limits = access.Binds{On: true, Required: required}, boundLimits
			s.limits.Unbound = s.limits.Browser
		})
		b := g.browser()
		r := b.get(browser.Base + "/sign-in?return=/page")
		if r = b.callback(query(t, r.location)); stays(r.location) != asked {
			t.Errorf("required %t: to %q", required, r.location)
		}
		if required && (len(g.log.all) != 1 || g.log.all[0].PromptReason != prompt.ReasonNoDifference) {
			t.Errorf("the log: %+v", g.log.all)
		}
	}
}
