package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func (b *testBrowser) script(method string, header ...string) result {
	b.t.Helper()
	return b.do(method, browser.AccountPath, nil, append([]string{"Accept", "application/json"}, header...)...)
}

// The page is held to what the site is: whose provider the site does not take any more, whose session is over, or whom the
// provider does not know any more is not let in; what a limit or a setting ends, ends here as well.
func TestMeIsHeldAsTheSiteIs(t *testing.T) {
	t.Run("a provider that the site does not take", func(t *testing.T) {
		g, _ := meGateway(t, func(s *settings) {
			second := oidctest.New(t, s.clock.Now)
			s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "partner", Issuer: second.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
		})
		b := g.browser()
		b.signIn("yes")
		token := b.mine().CSRF
		g.site.Providers = []string{"partner"}
		if r := b.script(http.MethodGet); r.status != http.StatusUnauthorized || r.setCookies()[browser.SessionCookie] != nil {
			t.Errorf("the list: %d, %v", r.status, r.setCookies())
		}
		if r := b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "do": {"end_all"}}); r.status != http.StatusUnauthorized {
			t.Errorf("a change: %d", r.status)
		}
		g.site.Providers = nil
		if !b.signedIn() {
			t.Error("signed out")
		}
	})
	t.Run("somebody whom the provider does not know any more", func(t *testing.T) {
		g, _ := meGateway(t, func(s *settings) { s.recheck = time.Hour })
		b := g.browser()
		b.signIn("yes")
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_grant"} })
		g.clock.Advance(2 * time.Hour)
		storetest.Until(t, "the session has ended", func() bool { return b.script(http.MethodGet).status == http.StatusUnauthorized })
	})
	t.Run("X16 the prompt is switched off", func(t *testing.T) {
		g, _ := meGateway(t)
		b := g.browser()
		b.signIn("yes")
		g.service.Prompt.Off = true
		if r := b.script(http.MethodGet); r.setCookies()[browser.SessionCookie] == nil || r.setCookies()[browser.SessionCookie].MaxAge != 0 || !strings.Contains(r.body, `"kind":"browser"`) {
			t.Errorf("%d, cookie %v\n%s", r.status, r.setCookies()[browser.SessionCookie], r.body)
		}
	})
	t.Run("a session that is over", func(t *testing.T) {
		g, _ := meGateway(t)
		b := g.browser()
		b.signIn("yes")
		b.endSession()
		r := b.script(http.MethodGet)
		if c := r.setCookies()[browser.SessionCookie]; r.status != http.StatusUnauthorized || c == nil || c.MaxAge >= 0 || !strings.Contains(r.body, "session_ended") {
			t.Errorf("%d, cookie %v\n%s", r.status, c, r.body)
		}
	})
}

// Which of the twins answers: a browser gets the page, a script what it can read, and neither is kept or shown to another.
func TestMeTwins(t *testing.T) {
	g, _ := meGateway(t)
	b := g.browser()
	b.signIn("yes")
	for accept, want := range map[string]string{
		"text/html,application/xhtml+xml,application/json;q=0.9": "text/html", "application/json": "application/json",
		"text/plain, application/json;q=0.5": "application/json", "*/*": "text/html",
	} {
		if r := b.do(http.MethodGet, browser.AccountPath, nil, "Accept", accept); !strings.HasPrefix(r.header.Get("Content-Type"), want) {
			t.Errorf("%s: %s", accept, r.header.Get("Content-Type"))
		}
	}
	if r := b.do(http.MethodGet, browser.AccountPath, nil, "Content-Type", "application/json", "Accept", "*/*"); !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("what a GET says that it sends: %s", r.header.Get("Content-Type"))
	}
	r := b.post(`{"csrf":"` + b.mine().CSRF + `","do":"forget_answer"}`)
	if !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Errorf("a script that posts JSON and says nothing: %s", r.header.Get("Content-Type"))
	}
	r = b.script(http.MethodGet)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Vary": "Accept, Cookie",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// post sends JSON without asking for any.
func (b *testBrowser) post(body string) result {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.URL+browser.AccountPath, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, _ = copyTo(&text, resp)
	return result{status: resp.StatusCode, header: resp.Header, body: text.String()}
}

// What is said to be done is done, and no more than that, whatever else a form names; who listens hears of what was done.
func TestMeEndsWhatIsNamed(t *testing.T) {
	g, _ := meGateway(t)
	b, one, two := g.browser(), g.browser(), g.browser()
	for _, each := range []*testBrowser{b, one, two} {
		each.signIn("yes")
	}
	var events []string
	g.service.Notify = func(event string, _ map[string]any) { events = append(events, event) }
	b.change("do", "end_others", "session", one.mine().Sessions[0].ID)
	if one.signedIn() || two.signedIn() || !b.signedIn() {
		t.Error("all others were to end, whichever is named")
	}
	core, logged := observer.New(zap.InfoLevel)
	g.service.Logger, events = zap.New(core), nil
	b.change("do", "end_others")
	b.change("session", "AAAAAAAAAA")
	if len(events) > 0 || logged.Len() > 0 {
		t.Errorf("nothing ended, told %v and logged %v", events, logged.All())
	}
	g.service.Notify = nil
	one.signIn("yes")
	b.change("session", b.mine().Sessions[0].ID)
	if b.signedIn() || !one.signedIn() {
		t.Error("this session alone was to end")
	}
	// What is a browser session already is not made one: it keeps its cookie.
	two.signIn("no")
	if r := two.change("do", "browser"); r.status != http.StatusOK || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("%d, cookies %v", r.status, r.setCookies())
	}
}

// Promise 3: whoever is told that a session has ended can rely on it. A store that does not end it is said, and no cookie goes.
func TestMeCannotEnd(t *testing.T) {
	wrap := &refusing{}
	g, _ := meGateway(t, func(s *settings) { s.wrap = wrap })
	b, other := g.browser(), g.browser()
	b.signIn("yes")
	other.signIn("yes")
	m := b.mine()
	wrap.keeps.Store(true)
	for name, form := range map[string]url.Values{
		"another": {"session": {other.mine().Sessions[0].ID}}, "the others": {"do": {"end_others"}},
		"this one": {"session": {m.Sessions[0].ID}}, "all": {"do": {"end_all"}},
	} {
		form.Set("csrf", m.CSRF)
		if r := b.do(http.MethodPost, browser.AccountPath, form); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
			t.Errorf("%s: %d, %v", name, r.status, r.setCookies())
		} else if strings.Count(r.body, "</html>") != 1 {
			t.Errorf("%s: answered twice:\n%s", name, r.body)
		}
	}
	wrap.keeps.Store(false)
	if !b.signedIn() || !other.signedIn() {
		t.Error("somebody is signed out")
	}
}

// However much there is, an answer has an end, and says that there is more.
func TestMeIsBounded(t *testing.T) {
	g, log := meGateway(t)
	b := g.browser()
	b.signIn("yes")
	log.entries(t, 1)
	write := func(n int) {
		for range n {
			log.Write(signinlog.Record{
				ID: session.NewRandom(9), Created: g.clock.Now(), App: "wiki", Interactive: true,
				UserIssuer: g.idp.URL, UserSubject: g.idp.Subject(), IP: "invalid IP",
			})
		}
	}
	write(50 - 1)
	log.entries(t, 50)
	if m := b.mine(); len(m.SignIns) != 50 || m.MoreSignIns {
		t.Errorf("%d sign-ins, more %v", len(m.SignIns), m.MoreSignIns)
	}
	write(1)
	log.entries(t, 50+1)
	if m := b.mine(); len(m.SignIns) != 50 || !m.MoreSignIns {
		t.Errorf("%d sign-ins of %d, more %v", len(m.SignIns), 50+1, m.MoreSignIns)
	}
	if page := b.get(browser.AccountPath).body; strings.Contains(page, "invalid IP") {
		t.Error("an address that is none is shown")
	}
	draft := session.Record{
		Identity: session.Identity{Issuer: g.idp.URL, Subject: g.idp.Subject()}, Provider: g.service.Providers[0].Name,
	}
	for range 100 {
		if _, _, err := g.service.Sessions.Create(t.Context(), draft, session.Tokens{}); err != nil {
			t.Fatal(err)
		}
	}
	// The session that asks is there in any case, beside those that are listed.
	if m := b.mine(); len(m.Sessions) < 100 || len(m.Sessions) > 100+1 || !m.MoreSessions || !m.Sessions[0].Current {
		t.Errorf("%d sessions of %d, more %v", len(m.Sessions), 100+1, m.MoreSessions)
	}
}
