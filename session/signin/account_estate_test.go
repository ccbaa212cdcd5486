package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// With a sign-in host there is one page for all sites: one session with the apps that it was used for. What it changes
// reaches every site's cookie without anybody being asked to sign in.
func TestMeWithSignInHost(t *testing.T) {
	g := estate(t, func(s *settings) { s.prompt.SharedUsers = 0 })
	g.service.Clients = testClients{}
	b, elsewhere := g.walker(), g.walker()
	b.enter(wiki+"/page", "no")
	b.in(crm + "/page")
	elsewhere.enter(wiki+"/page", "no")
	at, page := b.open(wiki + browser.AccountPath)
	if at != login+browser.AccountPath || page.status != http.StatusOK {
		t.Fatalf("%d at %s\n%s", page.status, at, page.body)
	}
	storetest.Until(t, "both apps are listed", func() bool {
		page = b.get(login + browser.AccountPath)
		return strings.Contains(page.body, "<bdi>wiki</bdi>") && strings.Contains(page.body, "<bdi>crm</bdi>")
	})
	if n := strings.Count(page.body, "<li>"); n != 2 {
		t.Errorf("%d sessions", n)
	}
	post := func(do string) result {
		token := csrf(b.get(login + browser.AccountPath).body)
		return b.do(http.MethodPost, login+browser.AccountPath, url.Values{"csrf": {token}, "do": {do}})
	}
	if r := post("persistent"); r.setCookies()[browser.HostPrefix+browser.SessionCookie] == nil || r.setCookies()[browser.HostPrefix+browser.SessionCookie].MaxAge <= 0 {
		t.Fatalf("staying: %d", r.status)
	}
	for _, origin := range []string{wiki, crm} {
		if r := b.in(origin + "/page"); !strings.HasSuffix(r.body, "persistent") {
			t.Errorf("%s: %s", origin, r.body)
		}
	}
	id := func() string {
		_, id, _ := strings.Cut(b.do(http.MethodGet, crm+browser.AccountPath, nil, "Accept", "application/json").body, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		return id
	}
	kept := id()
	if r := post("browser"); r.setCookies()[browser.HostPrefix+browser.SessionCookie] == nil || r.setCookies()[browser.HostPrefix+browser.SessionCookie].MaxAge != 0 {
		t.Fatalf("not staying: %d", r.status)
	}
	for _, origin := range []string{wiki, crm} {
		if r := b.in(origin + "/page"); !strings.HasSuffix(r.body, "browser") {
			t.Errorf("%s: %s", origin, r.body)
		}
	}
	// The cookies that sites had until then outlive the browser: they must not be good for anything any more (X10).
	if now := id(); now == "" || now == kept {
		t.Errorf("the session has the id %q as before", now)
	}
	// A script at a site sees the same list, and is told where cookies are changed; another host's token is worth nothing.
	script := func(method, origin string, form url.Values) result {
		return b.do(method, origin+browser.AccountPath, form, "Accept", "application/json")
	}
	r := script(http.MethodGet, crm, nil)
	_, token, _ := strings.Cut(r.body, `"csrf":"`)
	token, _, _ = strings.Cut(token, `"`)
	if r.status != http.StatusOK || strings.Count(r.body, `"current"`) != 2 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := script(http.MethodPost, crm, url.Values{"csrf": {token}, "do": {"persistent"}}); r.status != http.StatusConflict || !strings.Contains(r.body, "only_at_sign_in_host") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := script(http.MethodPost, wiki, url.Values{"csrf": {token}, "do": {"end_all"}}); r.status != http.StatusForbidden {
		t.Errorf("another host's token: %d", r.status)
	}
	if r := script(http.MethodPost, crm, url.Values{"csrf": {token}, "do": {"end_others"}}); r.status != http.StatusOK || strings.Count(r.body, `"current"`) != 1 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if at, _ := elsewhere.open(wiki + "/page"); strings.HasPrefix(at, wiki) {
		t.Errorf("the other browser is at %s", at)
	}
}
