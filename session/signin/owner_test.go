package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

func (g *gateway) runApp(w http.ResponseWriter, r *http.Request) {
	g.keepSent(r)
	if g.app != nil {
		g.app(w, r)
	}
}

// forgetful is an app that trusts a cookie of its own as long as it has one, as many do: it goes on as the user for whom
// it set the cookie, whoever is signed in.
type forgetful struct{ greeted, sent []string }

func (a *forgetful) serve(w http.ResponseWriter, r *http.Request) {
	who := r.Header.Get("Test-User")
	if who == "" {
		return
	}
	a.sent = append(a.sent, strings.Join(r.Header["Cookie"], "; "))
	if c, err := r.Cookie("sid"); err == nil {
		who = c.Value
	} else {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: who, Path: "/"})
	}
	a.greeted = append(a.greeted, who)
}

// alwaysAsked: a browser of several users is asked as well.
func alwaysAsked(s *settings) { s.prompt.SharedUsers = 0 }

func (a *forgetful) last() string { return a.greeted[len(a.greeted)-1] }

// as makes the app, and the provider, know the browser's user by a name.
func (b *testBrowser) as(name string) {
	b.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-" + name, "preferred_username": name} })
}

// ask asks for the page of the app as somebody who is signed in under that name.
func (b *testBrowser) ask(name string) {
	b.t.Helper()
	b.do(http.MethodGet, "/", nil, "Test-User", name)
}

func (b *testBrowser) leave() {
	b.t.Helper()
	page := b.get(browser.Base + "/sign-out")
	b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
}

// Field trial 5.1: whoever signs in next does not go on as the one before, however the session of that one has ended.
func TestAnotherUserMeetsNoCookieOfTheApp(t *testing.T) {
	for how, end := range map[string]func(b *testBrowser){
		"signed out":   func(b *testBrowser) { b.leave() },
		"idle":         func(b *testBrowser) { b.clock.Advance(session.DefaultLimits.Browser.Idle); b.get("/") },
		"not noticed":  func(b *testBrowser) { b.clock.Advance(session.DefaultLimits.Browser.Max) },
		"cookie gone":  func(b *testBrowser) { b.forget(browser.SessionCookie) },
		"someone else": func(*testBrowser) {},
	} {
		t.Run(how, func(t *testing.T) {
			app := new(forgetful)
			b := newGateway(t, alwaysAsked).browser()
			b.app = app.serve
			b.site.AppData = &appdata.Rule{Cookies: []string{"sid"}, Cache: true}
			b.as("ada")
			b.answer(b.prompted("/"), "no")
			b.ask("ada")
			b.ask("ada")
			if app.last() != "ada" || b.cookie("sid") == nil {
				t.Fatal("the app does not keep ada's session")
			}
			end(b)
			b.as("sam")
			r := b.get(browser.Base + "/sign-in?return=/")
			b.answer(b.get(b.callback(query(t, r.location)).location), "no")
			if b.cookie("sid") != nil {
				t.Error("ada's cookie is still there once sam is signed in")
			}
			b.ask("sam")
			if app.last() != "sam" {
				t.Errorf("sam is greeted as %s", app.last())
			}
			kept := b.cookie("sid")
			b.ask("sam")
			if kept == nil || b.cookie("sid") == nil || b.cookie("sid").Value != kept.Value {
				t.Error("sam's own cookie does not stay")
			}
		})
	}
}

// forget drops a cookie, as a browser does that was closed.
func (b *testBrowser) forget(name string) {
	u, err := url.Parse(b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, MaxAge: -1, Path: "/"}})
}

// Field trial 5.1: in the very request that shows another user the app does not get the cookie either, whose deletion comes
// before anything that the app sets. That is how it is where the word is new and people are signed in.
func TestTheRequestThatShowsAnotherUser(t *testing.T) {
	for name, rule := range map[string]appdata.Rule{"by name": {Cookies: []string{"sid"}}, "all": {All: true}} {
		t.Run(name, func(t *testing.T) {
			app := new(forgetful)
			b := newGateway(t, alwaysAsked).browser()
			b.signIn("no")
			b.app, b.site.AppData = app.serve, &rule
			u, _ := url.Parse(b.URL)
			b.client.Jar.SetCookies(u, []*http.Cookie{{Name: "sid", Value: "ada", Path: "/"}, {Name: "theme", Value: "dark", Path: "/"}})
			b.ask("sam")
			if app.last() != "sam" || strings.Contains(app.sent[0], "sid=") || b.cookie("sid").Value != "sam" {
				t.Errorf("greeted %v with %q, then %v", app.greeted, app.sent, b.cookie("sid"))
			}
			if theme := b.cookie("theme") != nil; theme == rule.All {
				t.Errorf("another cookie is there: %v", theme)
			}
			// Somebody else's proof is none, nor is one of another app or host.
			proof := b.cookie(ownerCookie("wiki"))
			b.site.App = "other"
			b.client.Jar.SetCookies(u, []*http.Cookie{{Name: ownerCookie("other"), Value: proof.Value, Path: "/"}, {Name: "sid", Value: "ada", Path: "/"}})
			b.ask("sam")
			if app.last() != "sam" {
				t.Error("the proof of one app is good for another")
			}
		})
	}
}

// Field trial 5.1 with a sign-in host: each site's own answers do it, whatever the session ended at; the sign-in host
// deletes nothing on their behalf.
func TestAnotherUserAtManySites(t *testing.T) {
	g := estate(t, alwaysAsked)
	app := new(forgetful)
	g.app = app.serve
	for _, site := range g.sites {
		site.AppData = &appdata.Rule{Cookies: []string{"sid"}}
	}
	b := g.walker()
	b.as("ada")
	b.enter(wiki+"/", "no")
	b.in(crm + "/")
	for _, origin := range []string{wiki, crm} {
		b.do(http.MethodGet, origin+"/", nil, "Test-User", "ada")
	}
	if b.at(login, ownerCookie("wiki")) != nil {
		t.Error("the sign-in host took itself for the site")
	}
	// Signed out at one of them, as a provider does by the back channel: nothing is told to the browser.
	live, err := g.service.Sessions.Own(t.Context(), session.Identity{Issuer: g.idp.URL, Subject: "s-ada"}, 10)
	if err != nil || len(live.Sessions) != 1 {
		t.Fatal(len(live.Sessions), err)
	}
	if err := g.service.Sessions.End(t.Context(), live.Sessions[0]); err != nil {
		t.Fatal(err)
	}
	b.as("sam")
	b.enter(wiki+"/", "no")
	b.in(crm + "/")
	for _, origin := range []string{wiki, crm} {
		b.do(http.MethodGet, origin+"/", nil, "Test-User", "sam")
		if app.last() != "sam" {
			t.Errorf("%s greets sam as %s", origin, app.last())
		}
	}
}

// Field trial 5.2: the answer to the form and the page after it empty the cache; nobody can have a link do so to somebody who is signed
// in, and the storage goes with a user of the site alone.
func TestSignOutClearsSiteData(t *testing.T) {
	const header = "Clear-Site-Data"
	g := newGateway(t, alwaysAsked)
	b, stranger := g.browser(), g.browser()
	b.signIn("yes")
	if got := b.get(browser.Base + "/signed-out").header.Get(header); got != "" {
		t.Errorf("a link while signed in: %q", got)
	}
	page := b.get(browser.Base + "/sign-out")
	r := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if got := r.header.Get(header); got != `"cache"` {
		t.Errorf("the form: %q", got)
	}
	if got := b.get(browser.Base + "/signed-out").header.Get(header); got != `"cache"` {
		t.Errorf("the page after it: %q", got)
	}
	g.site.AppData = &appdata.Rule{Cache: true, Storage: true}
	if got := stranger.get(browser.Base + "/signed-out").header.Get(header); got != `"cache"` {
		t.Errorf("a stranger: %q", got)
	}
	b.signIn("yes")
	if b.cookie(ownerCookie("wiki")) == nil {
		t.Fatal("nothing shows whose the storage is")
	}
	b.forget(browser.SessionCookie)
	for i, want := range []string{`"cache", "storage"`, `"cache"`} {
		if got := b.get(browser.Base + "/signed-out").header.Get(header); got != want {
			t.Errorf("visit %d without a session: %q, want %q", i+1, got, want)
		}
	}
	b.signIn("no")
	b.as("sam")
	q := query(t, b.get(browser.Base+"/sign-in?return=/").location)
	if got := b.answer(b.get(b.callback(q).location), "no").header.Get(header); got != `"cache", "storage"` {
		t.Errorf("another user: %q", got)
	}
	g.site.AppData = &appdata.Rule{}
	page = b.get(browser.Base + "/sign-out")
	if got := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}}).header.Get(header); got != "" {
		t.Errorf("off: %q", got)
	}
}

// ownerCookie is the name of the cookie that shows to whom the data of an app belongs.
func ownerCookie(app string) string {
	_, hash, _ := strings.Cut(string(session.HashKey("owner", app)), ":")
	return browser.OwnerCookie + hash[:8]
}
