package signin

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// V10: A page that arrives naked gets one more try, where the browser refreshes first; then the way leads to the page, or to the
// provider, which is asked without a page: what it says proves as much as a sign-in. The session goes on, and takes another
// key in place of the one that the browser does not prove.
func TestNakedPage(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	old := b.record()
	g.clock.Advance(boundLife)
	b.without(short)
	r := b.do(http.MethodGet, wiki+"/page?a=b", nil, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
	if r.status != http.StatusOK || r.setCookies()[handle] != nil {
		t.Fatalf("%d %v", r.status, r.header)
	}
	to := next(t, wiki+"/page?a=b", r)
	if !strings.HasPrefix(to, wiki+retryPath+"?") {
		t.Fatalf("leads to %q", to)
	}
	if r := b.refreshWith(""); r.status != http.StatusForbidden {
		t.Fatalf("first leg: %d", r.status)
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Fatalf("second leg: %d", r.status)
	}
	if r := b.get(to); r.status != http.StatusSeeOther || r.location != "/page?a=b" {
		t.Errorf("%d to %q", r.status, r.location)
	}
	b.without(short)
	r = b.get(to)
	if !strings.HasPrefix(r.location, g.idp.URL) || query(t, r.location).Get("prompt") != "none" {
		t.Fatalf("still naked: %d to %q", r.status, r.location)
	}
	r = b.arriveFrom(r, "")
	if r.location != "/page?a=b" || r.setCookies()[short] == nil {
		t.Fatalf("proven by the provider: %d to %q, cookies %v", r.status, r.location, r.setCookies())
	}
	if r := b.get(wiki + "/page"); r.status != http.StatusOK {
		t.Errorf("goes on: %d", r.status)
	}
	id, before := b.id, b.value(short)
	b.device = boundtest.New(t) // the browser has made another key
	if r := b.register(r); r.status != http.StatusOK || b.id != id {
		t.Errorf("bound again: %d, as %q and not %q", r.status, b.id, id)
	}
	if who := b.record(); who.ID != old.ID || string(who.Binding.Key) == string(old.Binding.Key) || len(who.Binding.More) > 0 {
		t.Errorf("%+v", who)
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("refresh with the new key: %d", r.status)
	}
	u, _ := url.Parse(wiki)
	thief := b.with(handle)
	thief.jar().SetCookies(u, []*http.Cookie{{Name: short, Value: before, Path: "/", Secure: true}})
	if r := thief.do(http.MethodGet, wiki+"/", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized {
		t.Errorf("with the short cookie of the key that was replaced: %d", r.status)
	}
}

// V10: A provider that would have to show a page for that says so, and an ordinary sign-in begins: it ends the session, and asks
// nothing that was answered before.
func TestNakedSignInWithPages(t *testing.T) {
	for _, word := range []string{"login_required", "invalid_request"} {
		g := binding(t)
		b := g.bound("yes")
		old := b.record()
		b.without(short)
		r := b.get(wiki + retryPath + "?to=/page")
		asked := query(t, r.location)
		r = b.get(wiki + browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {word}}.Encode())
		if !strings.HasPrefix(r.location, g.idp.URL) || query(t, r.location).Get("prompt") == "none" {
			t.Fatalf("%s: %d to %q", word, r.status, r.location)
		}
		if rec := g.log.all[len(g.log.all)-1]; rec.Code != signinlog.SilentSignInFailed || rec.Detail != word || rec.SessionID != old.ID.Short() {
			t.Errorf("%s: %+v", word, rec)
		}
		if r = b.arriveFrom(r, ""); r.location != "/page" {
			t.Fatalf("%s: signed in again: %d to %q", word, r.status, r.location)
		}
		if r := b.register(r); r.status != http.StatusOK {
			t.Errorf("%s: bound again: %d", word, r.status)
		}
		if who := b.record(); who.ID == old.ID || who.Kind != session.Persistent {
			t.Errorf("%s: %+v", word, who)
		}
		if _, err := g.service.Sessions.Reload(t.Context(), session.Token{ID: old.ID}); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: the session of before: %v", word, err)
		}
	}
}

// V19: The provider proves the device only to the user of the session. Where another one signs in meanwhile, or none is
// signed in, a stolen session cookie stays worth nothing, and no other key takes the place of the owner's.
func TestStolenHandleAsksTheProvider(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	key := b.record().Binding.Key
	thief := b.with(handle)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	g.service.Prompt.SharedUsers = 0
	r := thief.arriveFrom(thief.get(wiki+retryPath+"?to=/"), "")
	if c := r.setCookies()[short]; c != nil {
		t.Errorf("another user gets %+v", c)
	}
	if _, offered := boundtest.ReadOffer(t, r.header); offered {
		t.Error("another user is offered the binding of the session")
	}
	if who := b.record(); string(who.Binding.Key) != string(key) {
		t.Error("the owner's key was replaced")
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("the owner: %d", r.status)
	}
}

// V19: Another user who signs in where a bound session was is asked the question, and a thief who signs in as themselves gets
// nothing of the owner's.
func TestNakedSignInOfAnotherUser(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	b.without(short)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	g.service.Prompt.SharedUsers = 0 // else the second user is not asked for that reason
	if r := b.arriveFrom(b.get(wiki+retryPath+"?to=/"), ""); !stays(r.location) {
		t.Errorf("not asked: %d to %q", r.status, r.location)
	}
}

// V10: Each kind of request without the short cookie gets the answer that it can do something with, and none reaches the app.
func TestNakedKinds(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	b.without(short)
	passed := g.passed.Load()
	for name, tt := range map[string]struct {
		method string
		form   url.Values
		header []string
		status int
		reason string
	}{
		"page":                  {"GET", nil, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200, ""},
		"frame":                 {"GET", nil, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 200, ""},
		"service worker":        {"GET", nil, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "empty"}, 200, ""},
		"old browser":           {"GET", nil, nil, 200, ""},
		"prefetch":              {"GET", nil, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch"}, 401, "binding_missing"},
		"fetch":                 {"GET", nil, []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"}, 401, "binding_missing"},
		"image":                 {"GET", nil, []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", "image/*"}, 401, "binding_missing"},
		"websocket":             {"GET", nil, []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-Fetch-Mode", "websocket"}, 401, "binding_missing"},
		"delete":                {"DELETE", nil, []string{"Sec-Fetch-Mode", "cors", "Accept", "*/*"}, 401, "binding_missing"},
		"form":                  {"POST", url.Values{"a": {"b"}}, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 401, ""},
		"the app's own refresh": {"POST", nil, []string{"Sec-Secure-Session-Id", "mine", "Sec-Fetch-Mode", "no-cors", "Accept", "*/*"}, 503, "binding_missing"},
		"says skipped":          {"GET", nil, []string{"Secure-Session-Skipped", `quota_exceeded;session_identifier="` + b.id + `"`, "Accept", "*/*", "Sec-Fetch-Mode", "cors"}, 401, "binding_missing"},
	} {
		r := b.do(tt.method, wiki+"/x", tt.form, tt.header...)
		if r.status != tt.status || tt.reason != "" && !strings.Contains(r.body, tt.reason) || r.location != "" {
			t.Errorf("%s: %d to %q\n%.200s", name, r.status, r.location, r.body)
		}
		if tt.status == 200 && !strings.Contains(r.header.Get("Refresh"), retryPath) {
			t.Errorf("%s: leads to %q", name, r.header.Get("Refresh"))
		}
		framable := !strings.Contains(r.header.Get("Content-Security-Policy"), "frame-ancestors")
		if tt.status == 200 && framable != (name == "frame") {
			t.Errorf("%s: can be framed is %v", name, framable)
		}
		if name == "form" && r.setCookies()[browser.HostPrefix+browser.FormCookie] == nil {
			t.Error("the form is not kept")
		}
		if c := r.setCookies()[handle]; c != nil {
			t.Errorf("%s: changes the session cookie: %+v", name, c)
		}
	}
	if g.passed.Load() != passed {
		t.Error("a naked request reached the app")
	}
}

// changed is a text with another first character.
func changed(text string) string {
	if text[0] == 'A' {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}

// V5: The short cookie is this session's, this key's and this host's, and no more than what was given.
func TestShortCookie(t *testing.T) {
	g := binding(t)
	b, other := g.bound("yes"), g.bound("yes")
	same := g.bearer() // another session of the same device
	same.device = b.device
	if r := same.register(same.arrive("yes")); r.status != http.StatusOK {
		t.Fatalf("registration: %d", r.status)
	}
	for name, value := range map[string]string{
		"none": "", "another session's of this key": same.value(short), "another session's": other.value(short), "changed": changed(b.value(short)), "longer": b.value(short) + "A", "the session cookie": b.value(handle),
	} {
		thief := b.with(handle)
		u, _ := url.Parse(wiki)
		thief.jar().SetCookies(u, []*http.Cookie{{Name: short, Value: value, Path: "/", Secure: true}})
		if r := thief.do(http.MethodGet, wiki+"/", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if r := b.with(short).do(http.MethodGet, wiki+"/", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized {
		t.Errorf("without the session cookie: %d", r.status)
	}
	if r := b.with(handle, short).get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("both: %d", r.status)
	}
}

// V16: Signing out needs no proof, ends the session and deletes both cookies. A refresh that was under way brings nothing back.
func TestSignOutNaked(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	thief := b.with(handle, short)
	page := b.get(wiki + browser.Base + "/sign-out")
	r := b.do(http.MethodPost, wiki+browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	for _, name := range []string{handle, short} {
		if c := r.setCookies()[name]; c == nil || c.MaxAge >= 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if r := thief.do(http.MethodGet, wiki+"/", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "session_ended") {
		t.Errorf("the copy: %d %s", r.status, r.body)
	}
	naked := g.bound("yes")
	naked.without(short)
	page = naked.get(wiki + browser.Base + "/sign-out")
	if page.status != http.StatusOK || csrf(page.body) == "" {
		t.Fatalf("sign-out without the short cookie: %d to %q", page.status, page.location)
	}
	who := naked.record()
	naked.do(http.MethodPost, wiki+browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if _, err := g.service.Sessions.Reload(t.Context(), session.Token{ID: who.ID}); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("it lives: %v", err)
	}
}

// V11: A step-up of a bound session goes on with its key: the browser keeps its session, and gets no longer a short cookie than
// it had.
func TestStepUpOfBoundSession(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	id, before := b.id, b.record()
	g.clock.Advance(3 * time.Minute)
	g.demand, g.demandAt, g.policies = &oidc.Demand{ACRs: []string{"gold"}}, hostOf(wiki), []string{"p"}
	r := b.get(wiki + "/page")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"acr": "gold"} })
	r = b.arriveFrom(r, "")
	if r.location != "/page" {
		t.Fatalf("%d to %q\n%s", r.status, r.location, r.body)
	}
	if _, offered := boundtest.ReadOffer(t, r.header); offered {
		t.Error("a second key is offered")
	}
	who := b.record()
	if who.ID == before.ID || !who.Binding.Bound() || string(who.Binding.Key) != string(before.Binding.Key) || who.Limit != before.Limit {
		t.Errorf("%+v", who.Binding)
	}
	if c := r.setCookies()[short]; c == nil || c.MaxAge > int((boundLife-3*time.Minute)/time.Second) {
		t.Errorf("short cookie %+v", c)
	}
	if r := b.get(wiki + "/page"); r.status != http.StatusOK {
		t.Errorf("goes on: %d", r.status)
	}
	g.clock.Advance(boundLife - 3*time.Minute)
	b.id = id
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("refresh with the challenge of before: %d", r.status)
	}
}

// A request of a bound session costs an opened cookie more than one of another session, and memory for its content.
func TestCostOfBoundRequest(t *testing.T) {
	g := binding(t, func(s *settings) { s.keepFor = time.Hour })
	cost := func(b *bearer) float64 {
		r, err := http.NewRequest(http.MethodGet, wiki+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(wiki)
		for _, c := range b.jar().Cookies(u) {
			r.AddCookie(c)
		}
		v := &access.Visit{Site: g.sites[hostOf(wiki)], Origin: wiki, Host: hostOf(wiki), Secure: true, Cookies: browser.ReadCookies(r.Header["Cookie"], true)}
		if _, _, err := g.service.Authenticate(r, v); err != nil {
			t.Fatal(err)
		}
		least := math.Inf(1) // the race detector has pools forget now and then
		for range 100 {
			least = min(least, testing.AllocsPerRun(1, func() { _, _, _ = g.service.Authenticate(r, v) }))
		}
		return least
	}
	unbound := g.bearer()
	unbound.arrive("no")
	if bound, plain := cost(g.bound("yes")), cost(unbound); bound > plain+1 {
		t.Errorf("%v allocations, %v without a binding", bound, plain)
	}
}
