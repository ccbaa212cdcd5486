package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func ticketOf(t *testing.T, finish string) string {
	t.Helper()
	ticket := query(t, finish).Get("ticket")
	if len(ticket) != ticketSize {
		t.Fatalf("ticket %q", ticket)
	}
	return ticket
}

func finishAt(origin, ticket string) string {
	return origin + browser.Base + "/finish?" + url.Values{"ticket": {ticket}}.Encode()
}

// What stands in the address is good for one host, one browser, one flow, once, and for a minute (A13, A23, A42). Whatever
// else comes gives nobody a session, and does not even touch the store.
func TestTickets(t *testing.T) {
	type scene struct {
		*gateway
		b      *testBrowser // who began at wiki, and has not used the ticket
		finish string
	}
	for name, c := range map[string]struct {
		use func(s scene) (who *testBrowser, at string)
		// goesOn: the browser is sent round once more, by itself; writes: the store was asked, as the ticket may be good.
		goesOn, writes bool
	}{
		"another browser (login CSRF)": {func(s scene) (*testBrowser, string) { return s.walker(), s.finish }, true, false},
		"another host": {func(s scene) (*testBrowser, string) {
			return s.b, finishAt(crm, ticketOf(s.t, s.finish))
		}, true, false},
		"another host, with the flow's cookie": {func(s scene) (*testBrowser, string) {
			ticket := ticketOf(s.t, s.finish)
			b := s.walker()
			flow := s.b.at(wiki, browser.FlowCookie+ticket[:browser.FlowNameSize])
			b.client.Jar.SetCookies(parse(s.t, crm), []*http.Cookie{{Name: flow.Name, Value: flow.Value, Path: "/", Secure: true}})
			return b, finishAt(crm, ticket)
		}, true, false},
		"another flow of the same browser": {func(s scene) (*testBrowser, string) {
			other := s.b.toFinish(wiki + "/other")
			return s.b, finishAt(wiki, ticketOf(s.t, other)[:browser.FlowNameSize+1]+ticketOf(s.t, s.finish)[browser.FlowNameSize+1:])
		}, true, false},
		"one of somebody else, in a flow of one's own (fixation)": {func(s scene) (*testBrowser, string) {
			thief := s.walker()
			mine := thief.toFinish(wiki + "/")
			return thief, finishAt(wiki, ticketOf(s.t, mine)[:browser.FlowNameSize+1]+ticketOf(s.t, s.finish)[browser.FlowNameSize+1:])
		}, true, false},
		"too old": {func(s scene) (*testBrowser, string) {
			s.clock.Advance(61 * time.Second)
			return s.b, s.finish
		}, true, true},
		"forged": {func(s scene) (*testBrowser, string) {
			ticket := ticketOf(s.t, s.finish)
			return s.b, finishAt(wiki, ticket[:browser.FlowNameSize+1]+strings.Repeat("A", sealedTokenSize))
		}, true, false},
		"too long":  {func(s scene) (*testBrowser, string) { return s.b, s.finish + "A" }, false, false},
		"huge":      {func(s scene) (*testBrowser, string) { return s.b, s.finish + strings.Repeat("A", 100<<10) }, false, false},
		"too short": {func(s scene) (*testBrowser, string) { return s.b, s.finish[:len(s.finish)-1] }, false, false},
		"none":      {func(s scene) (*testBrowser, string) { return s.b, wiki + browser.Base + "/finish" }, false, false},
		"twice":     {func(s scene) (*testBrowser, string) { return s.b, s.finish + "&" + strings.SplitN(s.finish, "?", 2)[1] }, false, false},
		"the session's own cookie": {func(s scene) (*testBrowser, string) {
			return s.b, finishAt(wiki, ticketOf(s.t, s.finish)[:browser.FlowNameSize+1]+s.b.at(login, browser.SessionCookie).Value)
		}, true, false},
		"at the sign-in host": {func(s scene) (*testBrowser, string) { return s.b, finishAt(login, ticketOf(s.t, s.finish)) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := estate(t)
			b := g.walker()
			s := scene{g, b, b.toFinish(wiki + "/")}
			who, at := c.use(s)
			entries, logged := g.store.Len(), len(g.log.all)
			r := who.get(at)
			for name, ck := range r.setCookies() {
				if name == browser.HostPrefix+browser.SessionCookie && ck.MaxAge >= 0 {
					t.Error("a session was given")
				}
			}
			if goesOn := r.status == http.StatusSeeOther && strings.HasPrefix(r.location, login+browser.Base+"/sign-in?for="); goesOn != c.goesOn {
				t.Errorf("%d to %q", r.status, r.location)
			}
			if !c.goesOn && (r.status < 400 || r.status > 499) {
				t.Errorf("status %d", r.status)
			}
			if !c.writes && (g.store.Len() != entries || len(g.log.all) != logged) {
				t.Errorf("the store had %d entries and has %d; the log %d and %d", entries, g.store.Len(), logged, len(g.log.all))
			}
		})
	}
}

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A ticket is spent once: reload, Back and a thief with all of the browser's cookies get nothing more of it. A user who is
// signed in goes on to the page of that sign-in (field trial 5.7); no other host knows that page.
func TestSpentTicket(t *testing.T) {
	g := estate(t)
	b := g.walker()
	finish := b.toFinish(wiki + "/where")
	flow := b.at(wiki, browser.FlowCookie+ticketOf(t, finish)[:browser.FlowNameSize])
	if r := b.get(finish); r.location != "/where" {
		t.Fatalf("%d to %q", r.status, r.location)
	}
	if b.at(wiki, flow.Name[len(browser.HostPrefix):]) != nil {
		t.Error("the flow's cookie is there still")
	}
	if at, r := b.open(finish); at != wiki+"/where" || r.status != http.StatusOK {
		t.Errorf("reload: %d at %s", r.status, at)
	}
	b.in(crm + "/")
	if r := b.get(finishAt(crm, ticketOf(t, finish))); r.location != "/" {
		t.Errorf("at another host: %d to %q", r.status, r.location)
	}
	thief := g.walker()
	thief.client.Jar.SetCookies(parse(t, wiki), []*http.Cookie{{Name: flow.Name, Value: flow.Value, Path: "/", Secure: true}})
	r := thief.get(finish)
	if c := r.setCookies()[browser.HostPrefix+browser.SessionCookie]; c != nil {
		t.Error("a second use gave a session")
	}
	if g.log.last(t).Code != signinlog.FlowExpired {
		t.Errorf("log: %+v", g.log.last(t))
	}
	// With the cookie, and signed in: back to the page.
	b.client.Jar.SetCookies(parse(t, wiki), []*http.Cookie{{Name: flow.Name, Value: flow.Value, Path: "/", Secure: true}})
	if r := b.get(finish); r.location != "/where" {
		t.Errorf("spent, signed in: %d to %q", r.status, r.location)
	}
	b.in(wiki + "/")
}

// Of two uses at once one gets the session.
func TestTicketUsedTwiceAtOnce(t *testing.T) {
	g := estate(t)
	b := g.walker()
	finish := b.toFinish(wiki + "/")
	flow := b.at(wiki, browser.FlowCookie+ticketOf(t, finish)[:browser.FlowNameSize])
	results := make(chan bool)
	for range 8 {
		go func() {
			r, _ := http.NewRequest(http.MethodGet, finish, nil)
			r.AddCookie(&http.Cookie{Name: flow.Name, Value: flow.Value})
			resp, err := g.walker().client.Do(r)
			given := false
			if err == nil {
				for _, c := range resp.Cookies() {
					given = given || c.Name == browser.HostPrefix+browser.SessionCookie && c.MaxAge >= 0
				}
				_ = resp.Body.Close()
			}
			results <- given
		}()
	}
	given := 0
	for range 8 {
		if <-results {
			given++
		}
	}
	if given != 1 {
		t.Errorf("%d sessions for one ticket", given)
	}
}

// A session that ended between ticket and site is not given; the browser is sent round.
func TestTicketOfAnEndedSession(t *testing.T) {
	g := estate(t)
	b := g.walker()
	finish := b.toFinish(wiki + "/")
	if _, err := g.service.Sessions.EndAll(t.Context(), session.Identity{Issuer: g.idp.URL, Subject: "s-1"}); err != nil {
		t.Fatal(err)
	}
	if r := b.get(finish); r.setCookies()[browser.HostPrefix+browser.SessionCookie] != nil || !strings.HasPrefix(r.location, login) {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// A browser that keeps no cookies at the site is told so after the second round.
func TestTicketsWithoutCookies(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(login+"/", "yes")
	kept := b.client.Jar
	at, r := wiki+"/", result{}
	for range 2 {
		b.client.Jar = nil
		r = b.get(at)
		b.client.Jar = kept // at the sign-in host
		at, _ = b.walk(at, r, wiki+browser.Base+"/finish")
	}
	b.client.Jar = nil
	if r = b.get(at); r.status != http.StatusBadRequest || g.log.last(t).Code != signinlog.LoopDetected {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// The session that a site's browser presented before does not outlive the hand-over of another (A13).
func TestHandoverEndsTheOneBefore(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	before := b.at(wiki, browser.SessionCookie)
	b.client.Jar.SetCookies(parse(t, login), []*http.Cookie{{Name: browser.HostPrefix + browser.SessionCookie, Path: "/", MaxAge: -1, Secure: true}})
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2", "preferred_username": "bob"} })
	at, r := b.open(wiki + browser.Base + "/sign-in?return=/")
	at, r = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"no"}}), "")
	if at != wiki+"/" || r.body != "app: bob browser" {
		t.Fatalf("%d at %s: %s", r.status, at, r.body)
	}
	if r := g.walker().do(http.MethodGet, wiki+"/", nil, "Cookie", before.Name+"="+before.Value); r.status != http.StatusSeeOther {
		t.Errorf("the session before lives on: %d", r.status)
	}
}

// What the sign-in host is asked for is sealed: nobody but a site of this configuration can ask, under no other name than
// its own, for no other place, and not for ever (A02, A20, A33, A44).
func TestWhoMayAskTheSignInHost(t *testing.T) {
	g := estate(t)
	b := g.walker()
	asked := query(t, b.get(wiki+"/").location).Get("for")
	if asked == "" {
		t.Fatal("wiki does not ask")
	}
	stray := query(t, b.do(http.MethodGet, "https://evil.test/", nil).location).Get("for")
	seal := func(change func(*handover), place ...string) string {
		h := g.service.openHandover(asked)
		change(h)
		plain, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(g.service.Keys.Seal(keyring.PurposeFlow, plain, place...))
	}
	for name, c := range map[string]struct{ at, value string }{
		"a host that nobody serves":  {login, stray},
		"garbage":                    {login, "AAAA"},
		"huge":                       {login, strings.Repeat("A", 64<<10)},
		"cut off":                    {login, asked[:len(asked)-1]},
		"at another host":            {crm, asked},
		"sealed for another host":    {login, seal(func(*handover) {}, hostOf(crm), handoverPlace)},
		"sealed for another purpose": {login, seal(func(*handover) {}, hostOf(login), stepPlace)},
		"another app's name":         {login, seal(func(h *handover) { h.App = "crm" }, hostOf(login), handoverPlace)},
		"another origin":             {login, seal(func(h *handover) { h.Origin = "https://evil.test" }, hostOf(login), handoverPlace)},
		"twice":                      {login, asked + "&for=" + asked},
	} {
		t.Run(name, func(t *testing.T) {
			b := g.walker()
			b.enter(login+"/", "yes")
			entries := g.store.Len()
			r := b.get(c.at + browser.Base + "/sign-in?for=" + c.value)
			if r.status != http.StatusBadRequest || r.location != "" || r.header.Get("Refresh") != "" {
				t.Errorf("%d to %q", r.status, r.location)
			}
			if g.store.Len() != entries {
				t.Error("something was written")
			}
		})
	}
	open := seal(func(h *handover) { h.Return = "//evil.test/" }, hostOf(login), handoverPlace)
	if h := g.service.openHandover(open); h == nil || h.Return != browser.Home {
		t.Errorf("A19: a return path is taken as it came: %+v", h)
	}
	g.clock.Advance(flowLife)
	b.enter(login+"/", "yes")
	if r := b.get(login + browser.Base + "/sign-in?for=" + asked); r.status != http.StatusBadRequest || !strings.Contains(r.body, wiki+browser.Base+"/sign-in") {
		t.Errorf("an hour later: %d\n%s", r.status, r.body)
	}
}

// An answer to the provider's callback cannot be made of a flow that a ticket is to end, and the other way round.
func TestFlowsOfOneKind(t *testing.T) {
	g := estate(t)
	b := g.walker()
	h := g.service.openHandover(query(t, b.get(wiki+browser.Base+"/sign-in?provider=main").location).Get("for"))
	if h.Provider != "main" {
		t.Fatalf("%+v", h)
	}
	r := b.get(wiki + browser.Base + "/callback?" + url.Values{"state": {h.Flow + markFirst + h.State}, "code": {"x"}}.Encode())
	if r.status != http.StatusBadRequest || g.idp.Count("/token") != 0 {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// A sign-in that begins elsewhere takes who may be meant along to the provider.
func TestHandoverOfAHint(t *testing.T) {
	g := estate(t)
	b := g.walker()
	at := wiki + browser.Base + "/sign-in?" + url.Values{"iss": {g.idp.URL}, "login_hint": {"ada@example.com"}, "target_link_uri": {wiki + "/page"}}.Encode()
	at, _ = b.walk(at, b.get(at), g.idp.URL)
	if asked := query(t, at); asked.Get("login_hint") != "ada@example.com" {
		t.Errorf("the provider is asked %v", asked)
	}
}

// A01: whatever the address holds, no session comes of it and nothing breaks; good tickets with one byte changed neither.
func TestChangedTickets(t *testing.T) {
	g := estate(t)
	b := g.walker()
	finish := b.toFinish(wiki + "/")
	ticket := ticketOf(t, finish)
	entries := g.store.Len()
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(browser.FlowNameSize+1, ticketSize-1).Draw(rt, "at")
		to := rapid.SampledFrom(strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%/", "")).Draw(rt, "to")
		changed := ticket[:at] + to + ticket[at+1:]
		if changed == ticket {
			return
		}
		r := b.get(finishAt(wiki, changed))
		if r.setCookies()[browser.HostPrefix+browser.SessionCookie] != nil || g.store.Len() != entries {
			rt.Fatalf("%d: a session, or a ticket spent", r.status)
		}
	})
	if r := b.get(finish); r.location != "/" {
		t.Errorf("the ticket itself: %d to %q", r.status, r.location)
	}
}

func FuzzFinish(f *testing.F) {
	f.Add("AAAAAAAA-" + strings.Repeat("A", sealedTokenSize))
	f.Add("")
	f.Add("AAAAAAAA~" + strings.Repeat("\x00", sealedTokenSize))
	clock := storetest.NewClock()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	store := storetest.NewMemory(clock.Now)
	manager := session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Now: clock.Now})
	f.Cleanup(manager.Close)
	site := &access.Site{App: "wiki"}
	s := New(access.Config{
		Sessions: manager, Store: store, Keys: ring, Pages: fuzzPages(f), Log: &records{}, Now: clock.Now,
		SignInHost: login, SiteFor: func(string, string) *access.Site { return site },
	})
	f.Fuzz(func(t *testing.T, ticket string) {
		for _, path := range []string{"/finish?" + url.Values{"ticket": {ticket}}.Encode(), "/sign-in?" + url.Values{"for": {ticket}}.Encode()} {
			host := hostOf(wiki)
			if strings.HasPrefix(path, "/sign-in") {
				if host = hostOf(login); ticket == "" {
					continue // asks for nothing
				}
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "https://"+host+browser.Base+path, nil)
			r.Header.Set("Accept", "text/html")
			s.ServeHTTP(w, r, &access.Visit{Site: site, Origin: "https://" + host, Host: host, Secure: true, Cookies: browser.ReadCookies(r.Header["Cookie"], true)})
			to := w.Header().Get("Location")
			if store.Len() != 0 || to != "" && !strings.HasPrefix(to, login+browser.Base+"/sign-in?for=") && !strings.HasPrefix(to, "/") {
				t.Fatalf("%q: %d to %q", ticket, w.Code, to)
			}
		}
	})
}

// A02, A19, A26: whatever stands in a cookie or a form, people go on to pages of sites that this configuration serves.
func TestReturnTarget(t *testing.T) {
	g := estate(t)
	for raw, want := range map[string]string{
		wiki + "/x?a=b": wiki + "/x?a=b", wiki: wiki + "/", wiki + "//evil.test": wiki + "/", wiki + browser.Base + "/sign-out": wiki + "/",
		"https://evil.test/": browser.Home, "http://evil.test": browser.Home, wiki + ".evil.test/": browser.Home, wiki + "@evil.test/": browser.Home,
		"//evil.test/": browser.Home, "javascript://wiki.alpha.test/": browser.Home, "/x": "/x",
	} {
		if got := g.service.ReturnTarget(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
