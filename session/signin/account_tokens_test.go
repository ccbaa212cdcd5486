package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

const newToken = browser.AccountPath + "?new=token"

// tokenGateway is a gateway whose site has tokens, with what it logs and tells.
func tokenGateway(t *testing.T, change ...func(*settings)) (*gateway, *told) {
	t.Helper()
	g, _ := meGateway(t, change...)
	g.service.TokenApps = func() []string { return []string{"wiki"} }
	return g, tellTo(g)
}

// told is what a gateway has logged and told.
type told struct {
	logged *observer.ObservedLogs
	events []string
}

func tellTo(g *gateway) *told {
	core, logged := observer.New(zap.DebugLevel)
	out := &told{logged: logged}
	g.service.Logger = zap.New(core)
	g.service.Notify = func(event string, data map[string]any) {
		if name, ok := data["token"].(string); ok {
			out.events = append(out.events, event+" "+name+" "+data["by"].(string))
		}
	}
	return out
}

var (
	onceField = regexp.MustCompile(`name="once" value="([^"]+)"`)
	tokenText = regexp.MustCompile(`lk_[a-z2-7]{39}`)
)

// makeForm fills in the form for a new token at an origin; empty for the gateway's own.
func (b *testBrowser) makeForm(origin string, fields ...string) url.Values {
	b.t.Helper()
	page := b.get(origin + newToken + "&granted")
	once := onceField.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || once == nil {
		b.t.Fatalf("the form: %d\n%s", page.status, page.body)
	}
	form := url.Values{"csrf": {csrf(page.body)}, "once": {once[1]}, "do": {"create_token"}, "name": {"laptop"}, "expires": {"90d"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

// makeToken makes a token with the form, and returns it.
func (b *testBrowser) makeToken(fields ...string) string {
	b.t.Helper()
	r := b.do(http.MethodPost, browser.AccountPath, b.makeForm("", fields...))
	text := tokenText.FindString(r.body)
	if r.status != http.StatusOK || text == "" {
		b.t.Fatalf("no token: %d\n%s", r.status, r.body)
	}
	return text
}

// finds is what the gateway finds for a token at an app.
func (g *gateway) finds(text, app string) (*apitoken.Token, error) {
	g.t.Helper()
	id, ok := apitoken.ID(text)
	if !ok {
		g.t.Fatalf("%q is no token", text)
	}
	found, _, err := g.service.Tokens.Find(g.t.Context(), id, app)
	return found, err
}

// A user makes a token, sees it once, sees it in the list without its text, and revokes it.
func TestMeToken(t *testing.T) {
	g, told := tokenGateway(t)
	b := g.browser()
	b.signIn("no")
	if page := b.get(browser.AccountPath).body; !strings.Contains(page, `href="/.latchkey/me?new=token"`) || strings.Contains(page, "Also revoke") {
		t.Errorf("the page:\n%s", page)
	}
	r := b.do(http.MethodPost, browser.AccountPath, b.makeForm("", "name", "  git on the laptop ", "expires", "30d"))
	text := tokenText.FindString(r.body)
	if r.status != http.StatusOK || strings.Count(r.body, text) != 1 || r.header.Get("Cache-Control") != "no-store" || text == "" {
		t.Fatalf("%d %v\n%s", r.status, r.header, r.body)
	}
	made, err := g.finds(text, "wiki")
	if err != nil || made.Name != "git on the laptop" || made.Expires.Sub(made.Created) != 30*24*time.Hour {
		t.Fatalf("%+v: %v", made, err)
	}
	g.service.Tokens.Used(t.Context(), made, "203.0.113.9")
	page := b.get(browser.AccountPath)
	for _, want := range []string{"git on the laptop", made.Short(), "head-office", "29 days", "Also revoke my 1 token"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%q is not on the page:\n%s", want, page.body)
		}
	}
	if strings.Contains(page.body, text) {
		t.Error("the token is shown again")
	}
	if r := b.change("token", made.Short()); r.header.Get("Refresh") != "0; url="+browser.AccountPath {
		t.Errorf("revoking it: %d %v", r.status, r.header)
	}
	if _, err := g.finds(text, "wiki"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("after the end: %v", err)
	}
	if want := []string{"token_created " + made.Short() + " person", "token_revoked " + made.Short() + " person"}; !slices.Equal(told.events, want) {
		t.Errorf("events %v, want %v", told.events, want)
	}
	if n := told.logged.FilterField(zap.String("token", made.Short())).Len(); n != 2 {
		t.Errorf("%d lines of the log name the token: %v", n, told.logged.All())
	}
	for _, line := range told.logged.All() {
		if raw, err := json.Marshal(line.ContextMap()); err != nil || strings.Contains(string(raw)+line.Message, text[len(apitoken.Prefix):]) {
			t.Errorf("the token is in the log: %s %s", line.Message, raw)
		}
	}
}

// What is wrong with the form is said on the form, with what was typed; nothing is made.
func TestMeTokenNotMade(t *testing.T) {
	g, _ := tokenGateway(t)
	b := g.browser()
	b.signIn("no")
	long := strings.Repeat("n", apitoken.MaxName+1)
	for what, row := range map[string]struct {
		fields      []string
		status      int
		says, typed string
	}{
		"no name":         {[]string{"name", " "}, http.StatusBadRequest, "The name is missing", `value="7d" selected`},
		"a long name":     {[]string{"name", long}, http.StatusBadRequest, "The name is missing", `value="` + long + `"`},
		"another app":     {[]string{"app", "mail"}, http.StatusBadRequest, "Choose the app", `value="laptop"`},
		"no such end":     {[]string{"expires", "soon"}, http.StatusBadRequest, "Choose the app", `value="laptop"`},
		"too late an end": {[]string{"expires", "4000d"}, http.StatusBadRequest, "Choose the app", `value="laptop"`},
		"over at once":    {[]string{"expires", "0d"}, http.StatusBadRequest, "Choose the app", `value="laptop"`},
	} {
		r := b.do(http.MethodPost, browser.AccountPath, b.makeForm("", append([]string{"expires", "7d"}, row.fields...)...))
		if r.status != row.status || !strings.Contains(r.body, row.says) || !strings.Contains(r.body, row.typed) || !onceField.MatchString(r.body) {
			t.Errorf("%s: %d\n%s", what, r.status, r.body)
		}
	}
	form := b.makeForm("")
	for what, row := range map[string]struct {
		change func(url.Values)
		header []string
		status int
	}{
		"no token of the form":   {func(f url.Values) { f.Del("csrf") }, nil, http.StatusForbidden},
		"another one":            {func(f url.Values) { f.Set("csrf", csrf(b.get(browser.Base+"/sign-out").body)) }, nil, http.StatusForbidden},
		"from another site":      {func(url.Values) {}, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"without the once-value": {func(f url.Values) { f.Del("once") }, nil, http.StatusBadRequest},
	} {
		send := url.Values{}
		for k, v := range form {
			send[k] = slices.Clone(v)
		}
		row.change(send)
		if r := b.do(http.MethodPost, browser.AccountPath, send, row.header...); r.status != row.status {
			t.Errorf("%s: %d\n%s", what, r.status, r.body)
		}
	}
	if held, err := g.service.Tokens.Own(t.Context(), adaOf(g)); err != nil || len(held) != 0 {
		t.Fatalf("%d tokens: %v", len(held), err)
	}
	for range apitoken.MaxTokens {
		b.makeToken()
	}
	if r := b.do(http.MethodPost, browser.AccountPath, b.makeForm("")); r.status != http.StatusConflict || !strings.Contains(r.body, "Revoke one first") {
		t.Errorf("one too many: %d\n%s", r.status, r.body)
	}
}

func adaOf(g *gateway) session.Identity { return session.Identity{Issuer: g.idp.URL, Subject: "s-1"} }

// A form makes one token, however often it is sent: at a reload of the answer, or after Back. One that made none can be
// sent again.
func TestMeTokenOnce(t *testing.T) {
	g, _ := tokenGateway(t)
	b := g.browser()
	b.signIn("no")
	form := b.makeForm("")
	text := tokenText.FindString(b.do(http.MethodPost, browser.AccountPath, form).body)
	r := b.do(http.MethodPost, browser.AccountPath, form)
	if r.status != http.StatusConflict || tokenText.MatchString(r.body) || !strings.Contains(r.body, "was sent before") || !onceField.MatchString(r.body) {
		t.Errorf("again: %d\n%s", r.status, r.body)
	}
	if held, err := g.service.Tokens.Own(t.Context(), adaOf(g)); err != nil || len(held) != 1 {
		t.Errorf("%d tokens: %v", len(held), err)
	}
	if _, err := g.finds(text, "wiki"); err != nil {
		t.Errorf("the token: %v", err)
	}
	form = b.makeForm("", "name", "")
	b.do(http.MethodPost, browser.AccountPath, form)
	form.Set("name", "laptop")
	if r := b.do(http.MethodPost, browser.AccountPath, form); r.status != http.StatusOK || !tokenText.MatchString(r.body) {
		t.Errorf("a form that has made nothing: %d\n%s", r.status, r.body)
	}
}

// A sign-in of long ago goes to the provider first, and comes back to the form, with what was typed.
func TestMeTokenNeedsSignIn(t *testing.T) {
	g, _ := tokenGateway(t)
	b := g.browser()
	b.signIn("no")
	stale := b.makeForm("", "name", "git & more", "expires", "30d")
	g.clock.Advance(15 * time.Minute)
	r := b.do(http.MethodPost, browser.AccountPath, stale, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	back := strings.TrimPrefix(r.header.Get("Refresh"), "0; url=")
	if r.status != http.StatusOK || !strings.HasPrefix(back, newToken+"&") || tokenText.MatchString(r.body) {
		t.Fatalf("a form of before: %d %v\n%s", r.status, r.header, r.body)
	}
	r = b.callback(b.toProvider(back))
	if r.location != back {
		t.Fatalf("after the sign-in: %d to %q, want %q", r.status, r.location, back)
	}
	page := b.get(back + "&granted")
	if page.status != http.StatusOK || !strings.Contains(page.body, `value="git &amp; more"`) || !strings.Contains(page.body, `value="30d" selected`) {
		t.Errorf("the form: %d\n%s", page.status, page.body)
	}
	if r := b.do(http.MethodPost, browser.AccountPath, stale); r.status != http.StatusForbidden {
		t.Errorf("the form of before, sent after the sign-in: %d", r.status)
	}
	b.makeToken()
	g.clock.Advance(15 * time.Minute)
	if r := b.callback(b.toProvider(newToken)); r.location != newToken {
		t.Errorf("the link: %d to %q", r.status, r.location)
	}
	g.clock.Advance(15 * time.Minute)
	if r := b.do(http.MethodGet, newToken, nil, "Accept", "application/json"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "token_needs_sign_in") {
		t.Errorf("a script: %d %s", r.status, r.body)
	}
	if r := b.get(browser.AccountPath); r.status != http.StatusOK || !strings.Contains(r.body, "laptop") {
		t.Errorf("the list needs a sign-in: %d", r.status)
	}
}

// A23: another user's token reads like one that is gone, and stays.
func TestMeTokenOfAnother(t *testing.T) {
	g, told := tokenGateway(t)
	b, stranger := g.browser(), g.browser()
	b.signIn("no")
	text := b.makeToken()
	made, err := g.finds(text, "wiki")
	if err != nil {
		t.Fatal(err)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	stranger.signIn("no")
	told.events = nil
	theirs, gone := stranger.change("token", made.Short()), stranger.change("token", "AAAAAAAAAA")
	if theirs.status != gone.status || theirs.body != gone.body || theirs.header.Get("Refresh") != gone.header.Get("Refresh") {
		t.Errorf("%d and %d:\n%s\n%s", theirs.status, gone.status, theirs.body, gone.body)
	}
	if _, err := g.finds(text, "wiki"); err != nil || len(told.events) != 0 {
		t.Errorf("it has ended: %v %v", err, told.events)
	}
	if page := stranger.get(browser.AccountPath).body; strings.Contains(page, made.Short()) || strings.Contains(page, "Also revoke") {
		t.Errorf("another user's token is on the page:\n%s", page)
	}
}

// A site without tokens has nothing of them, whatever is asked for.
func TestMeWithoutTokens(t *testing.T) {
	g, _ := tokenGateway(t)
	g.service.TokenApps = func() []string { return nil }
	b := g.browser()
	b.signIn("no")
	g.clock.Advance(time.Hour)
	for _, page := range []string{browser.AccountPath, newToken, browser.Base + "/sign-out"} {
		if r := b.get(page); r.status != http.StatusOK || strings.Contains(strings.ToLower(r.body), "token") {
			t.Errorf("%s: %d\n%s", page, r.status, r.body)
		}
	}
	if r := b.change("do", "create_token", "name", "laptop", "once", "x"); r.status != http.StatusForbidden {
		t.Errorf("making one: %d", r.status)
	}
	// One for another app is revoked with the rest, but here there can be none.
	g.service.TokenApps = func() []string { return []string{"mail"} }
	if r := b.get(newToken); r.status != http.StatusOK || strings.Contains(r.body, "create_token") || strings.Contains(r.body, "new=token") {
		t.Errorf("tokens of another app: %d\n%s", r.status, r.body)
	}
}

// With a sign-in host tokens are made there, for every app that has them, and a link to another site's page leads there.
func TestMeTokenWithSignInHost(t *testing.T) {
	g := estate(t, func(s *settings) { s.prompt.SharedUsers = 0 })
	g.service.TokenApps = func() []string { return []string{"crm", "wiki"} }
	b := g.walker()
	b.enter(wiki+"/page", "no")
	if r := b.get(wiki + newToken); r.location != login+newToken {
		t.Errorf("the link: %d to %q", r.status, r.location)
	}
	form := b.makeForm(login, "app", "crm")
	here := url.Values{"csrf": {csrf(b.get(wiki + browser.Base + "/sign-out").body)}, "do": {"create_token"}, "name": {"laptop"}}
	if r := b.do(http.MethodPost, wiki+browser.AccountPath, here); tokenText.MatchString(r.body) {
		t.Errorf("made at a site: %d\n%s", r.status, r.body)
	}
	if page := b.get(login + newToken + "&granted").body; !strings.Contains(page, `<option>crm</option>`) || !strings.Contains(page, `<option>wiki</option>`) {
		t.Errorf("the apps:\n%s", page)
	}
	r := b.do(http.MethodPost, login+browser.AccountPath, form)
	if _, err := g.finds(tokenText.FindString(r.body), "crm"); r.status != http.StatusOK || err != nil {
		t.Errorf("%d %v", r.status, err)
	}
}
