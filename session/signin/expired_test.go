package signin

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Section 4, 70008: a session that its own limits have ended is logged when its cookie comes back, once, as what happened
// without the person, and says by which limit.
func TestExpiredIsLogged(t *testing.T) {
	limits := session.Limits{Browser: session.Limit{Idle: time.Hour, Max: 90 * time.Minute}, Persistent: session.Limit{Idle: 20 * time.Hour, Max: 30 * time.Hour}}
	for name, tt := range map[string]struct {
		answer string
		used   time.Duration // when it was last used
		left   time.Duration
		detail string // empty: nothing is logged
	}{
		"idle":              {"no", 0, time.Hour, "idle_limit of a browser session"},
		"idle, persistent":  {"yes", 0, 40 * time.Hour, "idle_limit of a persistent session"},
		"max lifetime":      {"no", 50 * time.Minute, 40 * time.Minute, "max_lifetime of a browser session"},
		"still good":        {"no", 0, 50 * time.Minute, ""},
		"longer than known": {"no", 0, 25 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(s *settings) { s.limits = limits })
			b := g.browser()
			b.signIn(tt.answer)
			id := g.log.last(t).SessionID
			if tt.used > 0 {
				g.clock.Advance(tt.used)
				b.user()
			}
			storetest.Until(t, "the use is written", func() bool {
				own, err := g.service.Sessions.Own(t.Context(), session.Identity{Issuer: g.idp.URL, Subject: "s-1"}, 10)
				return err == nil && len(own.Sessions) == 1 && (tt.used == 0 || own.Sessions[0].LastUsed.Equal(g.clock.Now().Truncate(time.Millisecond)))
			})
			g.clock.Advance(tt.left)
			// Several tabs come back at once, with the cookie that the first answer takes off.
			cookie := b.cookie(browser.SessionCookie)
			for range 3 {
				r := g.browser().do(http.MethodGet, "/", nil, "Cookie", cookie.Name+"="+cookie.Value)
				if c := r.setCookies()[browser.SessionCookie]; name != "still good" && (r.status != http.StatusSeeOther || c == nil || c.MaxAge >= 0) {
					t.Errorf("%d, cookie %v", r.status, c)
				}
			}
			if tt.detail == "" {
				if n := g.log.count(signinlog.SessionExpired); n != 0 {
					t.Errorf("%d entries", n)
				}
				return
			}
			rec := g.log.last(t)
			if n := g.log.count(signinlog.SessionExpired); n != 1 || rec.Code != signinlog.SessionExpired {
				t.Fatalf("%d entries, the last is %+v", n, rec)
			}
			if rec.Detail != tt.detail || rec.Interactive || rec.UserName != "ada" || rec.UserSubject != "s-1" || rec.SessionID != id ||
				rec.App != "wiki" || rec.IP != "203.0.113.9" || rec.Code.Status() != signinlog.StatusFailure {
				t.Errorf("%+v", rec)
			}
		})
	}
}

// F4, 70043: a session that ends because Entra refuses its refresh token for a sign-in frequency there is logged as that;
// every other refusal is one whose reason nobody knows.
func TestFrequencyAtRefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		codes any
		want  signinlog.Code
	}{
		"frequency":        {[]int{70043}, signinlog.FrequencyAtRefresh},
		"among others":     {[]int{50000, 70043}, signinlog.FrequencyAtRefresh},
		"password changed": {[]int{50173}, signinlog.GrantRevoked},
		"as text":          {"70043", signinlog.GrantRevoked},
		"none":             {nil, signinlog.GrantRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			g, b := recheckGateway(t)
			g.idp.Set(func(p *oidctest.IDP) {
				p.TokenFail = map[string]any{"error": "invalid_grant", "error_description": "AADSTS70043: too old", "error_codes": tt.codes}
			})
			g.clock.Advance(2 * recheck)
			if r := b.get("/"); r.status != http.StatusSeeOther {
				t.Fatalf("refused: %d", r.status)
			}
			var rec signinlog.Record
			g.log.mu.Lock()
			for _, r := range g.log.all {
				if r.Code == signinlog.FrequencyAtRefresh || r.Code == signinlog.GrantRevoked {
					rec = r
				}
			}
			g.log.mu.Unlock()
			if rec.Code != tt.want || rec.Interactive || rec.UserSubject != "s-1" {
				t.Errorf("logged %+v", rec)
			}
			if said := len(rec.SessionLifetime) == 1; said != (tt.want == signinlog.FrequencyAtRefresh) {
				t.Errorf("sessionLifetimePolicies %v", rec.SessionLifetime)
			}
		})
	}
}

// The session that a limit has ended says whose a form is, also in a browser that several people use.
func TestExpiredSessionNamesTheSender(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.prompt.SharedUsers, s.limits = 9, session.Limits{Browser: session.Limit{Idle: time.Hour, Max: 2 * time.Hour}}
	})
	g.namesTheSender()
}

// namesTheSender lets a form meet a session that has ended within an hour, in a browser that another person has used before.
func (g *gateway) namesTheSender() {
	g.t.Helper()
	g.site.PreservePost = 1000
	b := g.browser()
	ada := b.idp.Subject()
	b.idp.SignInAs("bob")
	b.signIn("no")
	b.endSession()
	b.idp.SignInAs(ada)
	b.signIn("no")
	g.clock.Advance(time.Hour)
	if r := b.do(http.MethodPost, page, written); r.status != http.StatusUnauthorized || r.setCookies()[browser.FormCookie] == nil {
		g.t.Fatalf("%d, cookies %v", r.status, r.setCookies())
	}
	b.signIn("no")
	tokenOf(g.t, b.get(page))
}
