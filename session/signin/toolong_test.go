package signin

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// sized is a page of so many bytes: a path, and a query of what fills it.
func sized(path, fill string, size int) string {
	page := path + "?q="
	page += strings.Repeat(fill, (size-len(page))/len(fill))
	return page + strings.Repeat("x", size-len(page))
}

// cutPage is where a sign-in leads whose page was too long: the address of the page that says so, and leads on to a path.
func cutPage(path string) string { return browser.TooLongPath + "?to=" + url.QueryEscape(path) }

// lines are the cookies that an answer sets. No browser keeps one of more than 4,096 bytes.
func cookieLines(t *testing.T, r result) {
	t.Helper()
	for _, line := range r.header["Set-Cookie"] {
		if len(line) > browser.MaxCookieValue {
			t.Errorf("a cookie of %d bytes: %.60s", len(line), line)
		}
	}
}

// The page that says so leads to nothing but a page of the site, whichever client asks for it.
func TestTooLongPage(t *testing.T) {
	g := newGateway(t)
	for query, want := range map[string]string{
		"to=%2Fwiki%2FStart": "/wiki/Start", "": browser.Home, "to=//evil.example": browser.Home, "to=https://evil.example": browser.Home, "to=/a&to=/b": browser.Home,
		"to=javascript:alert(1)": browser.Home, "to=" + browser.Base + "/sign-out": browser.Home, "to=" + url.QueryEscape(cutPage("/a")): browser.Home,
		"to=/" + strings.Repeat("a", browser.MaxReturn): browser.Home, "to=%2Fa%3Fb%3D%22": "/a?b=&#34;",
	} {
		r := g.browser().get(browser.TooLongPath + "?" + query)
		if r.status != http.StatusOK || !strings.Contains(r.body, `href="`+strings.ReplaceAll(want, "&#34;", "%22")+`"`) && !strings.Contains(r.body, `href="`+want+`"`) ||
			strings.Contains(r.body, "evil") || !strings.Contains(r.body, "too long to be kept") || r.header.Get("Refresh") != "" {
			t.Errorf("%.60s: %d, want a link to %s\n%s", query, r.status, want, r.body)
		}
	}
}

// Field trial 1.11, over a whole sign-in: what a page is made of does not matter, and no cookie is one that a browser
// refuses.
func TestLongPageIsKept(t *testing.T) {
	for _, fill := range []string{"x", "&a", "%22", "/", "<>", "=%7B'"} {
		for _, size := range []int{2049, browser.MaxReturn, browser.MaxReturn + 1, 40_000} {
			core, logs := observer.New(zap.InfoLevel)
			g := newGateway(t)
			g.service.Logger = zap.New(core)
			page := sized("/wiki/Start", fill, size)
			want := page
			if size > browser.MaxReturn {
				want = cutPage("/wiki/Start")
			}
			for _, asked := range []bool{true, false} {
				g.site.PromptOff = !asked
				b := g.browser()
				start := b.get(page)
				cookieLines(t, start)
				r := b.callback(query(t, start.location))
				cookieLines(t, r)
				if asked {
					prompt := b.get(r.location)
					if says := strings.Contains(prompt.body, "too long to be kept"); says != (size > browser.MaxReturn) {
						t.Errorf("%d of %q: the prompt says so: %t", size, fill, says)
					}
					if len(r.location) > 8000 {
						t.Errorf("%d of %q: an address of %d bytes", size, fill, len(r.location))
					}
					r = b.do(http.MethodPost, browser.Base+"/stay", url.Values{"csrf": {csrf(prompt.body)}, "answer": {"no"}, "return": {hidden(prompt.body)}})
				}
				if got := next(t, b.URL, r); got != b.URL+want {
					t.Fatalf("%d of %q leads to %.100q (%d)", size, fill, got, r.status)
				}
				if r := b.get(want); r.status != http.StatusOK || strings.Contains(r.body, `href="/wiki/Start"`) != (size > browser.MaxReturn) {
					t.Errorf("%d of %q: %d\n%s", size, fill, r.status, r.body)
				}
			}
			noted := logs.FilterMessageSnippet("too long to be kept").All()
			if size <= browser.MaxReturn && len(noted) != 0 || size > browser.MaxReturn && (len(noted) != 2 || noted[0].ContextMap()["bytes"] != int64(len(page)) || strings.Contains(fmt.Sprint(noted), "?q=")) {
				t.Errorf("%d of %q: log %v", size, fill, noted)
			}
		}
	}
}

// hidden is the page of a prompt's form, as a browser sends it.
func hidden(body string) string {
	_, rest, _ := strings.Cut(body, `name="return" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(value)
}

// The same where people sign in at a host for all sites. That host may have no room for the page, and leads to it all the
// same: the site has it.
func TestLongPageIsKeptAcrossHosts(t *testing.T) {
	far := "https://" + strings.Repeat("h", 60) + "." + strings.Repeat("i", 60) + ".test"
	for fill, site := range map[string]string{"x": wiki, "&a": wiki, "%22": wiki, "y": far} {
		for _, size := range []int{browser.MaxReturn - 1, browser.MaxReturn, browser.MaxReturn + 1} {
			g := estate(t, func(s *settings) { s.sites[hostOf(far)] = &access.Site{App: "far", Gate: s.sites[hostOf(wiki)].Gate} })
			for _, demand := range []bool{false, true} {
				b := g.walker()
				b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				page := sized("/wiki/Start", fill, size)
				want, short := site+page, size > browser.MaxReturn
				if short {
					want = site + cutPage("/wiki/Start")
				}
				if demand {
					g.policies = []string{strings.Repeat("p", 500)}
					b.demandMFA(site)
					if !short {
						want = "" // policies' names and this page do not fit together
					}
				}
				at, r := b.open(site + page)
				if !stays(strings.TrimPrefix(at, login)) {
					t.Fatalf("%d of %q: at %.100s: %d\n%s", size, fill, at, r.status, r.body)
				}
				if want != "" && strings.Contains(r.body, "too long to be kept") != short {
					t.Errorf("%d of %q: what the prompt says of the page is wrong", size, fill)
				}
				at, r = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"no"}, "return": {hidden(r.body)}}), "")
				if want == "" {
					want = site + cutPage("/wiki/Start")
				}
				if at != want || r.status != http.StatusOK {
					t.Errorf("%d of %q, demand %t: %d at %.200s, want %.100s", size, fill, demand, r.status, at, want)
				}
				g.demand, g.policies = nil, nil
			}
		}
	}
}

// As many tabs as may sign in at once, each with the longest page: their cookies make one header of 20 KB.
func TestLongPagesInSeveralTabs(t *testing.T) {
	g := newGateway(t)
	g.site.PromptOff = true
	b := g.browser()
	var asked []url.Values
	for i := range maxFlows {
		asked = append(asked, b.toProvider(sized(fmt.Sprint("/tab/", i), "x", browser.MaxReturn)))
	}
	for i := range asked {
		if r := b.callback(asked[i]); r.location != sized(fmt.Sprint("/tab/", i), "x", browser.MaxReturn) {
			t.Errorf("tab %d: %d to %.100q", i, r.status, r.location)
		}
	}
}

// The same at a step-up, at a sign-in that others begin, and at a recheck without a page.
func TestLongPageIsKeptOtherwise(t *testing.T) {
	for size, short := range map[int]bool{browser.MaxReturn: false, browser.MaxReturn + 1: true} {
		page := sized("/danger", "x", size)
		want := page
		if short {
			want = cutPage("/danger")
		}
		t.Run(fmt.Sprint("step-up ", size), func(t *testing.T) {
			g := mfaGateway(t)
			b := g.browser()
			b.signIn("yes")
			g.demand = &oidc.Demand{MFA: true}
			asked := b.toProvider(page)
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
			if r := b.callback(asked); r.location != want {
				t.Errorf("%d to %.100q", r.status, r.location)
			}
		})
		t.Run(fmt.Sprint("begun by others ", size), func(t *testing.T) {
			g := newGateway(t)
			g.site.PromptOff = true
			b := g.browser()
			r := b.get(browser.Base + "/sign-in?" + url.Values{"iss": {g.idp.URL}, "target_link_uri": {g.URL + page}}.Encode())
			if r := b.callback(query(t, r.location)); r.location != want {
				t.Errorf("%d to %.100q", r.status, r.location)
			}
			if r := b.get(browser.Base + "/sign-in?" + url.Values{"return": {page}}.Encode()); short != (b.callback(query(t, r.location)).location == cutPage("/danger")) {
				t.Errorf("a link to the sign-in: %d", r.status)
			}
		})
		t.Run(fmt.Sprint("silent ", size), func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.recheck, s.idp = recheck, oidctest.New(t, s.clock.Now)
				s.idp.TokenBody = map[string]any{"refresh_token": nil}
			})
			g.service.Providers[0].SilentRecheck = true
			b := g.browser()
			b.signIn("yes")
			g.clock.Advance(2 * recheck)
			who, token := b.loaded()
			w, r, v := httptest.NewRecorder(), b.request(t), b.visit()
			v.Return = page
			r.Header.Set("Accept", "text/html")
			if sent, err := g.service.RecheckSilently(w, r, v, who.Session(), token); !sent || err != nil {
				t.Fatal("not sent to the provider", err)
			}
			u, err := url.Parse(b.URL)
			if err != nil {
				t.Fatal(err)
			}
			b.client.Jar.SetCookies(u, w.Result().Cookies())
			if r := b.callback(query(t, w.Header().Get("Location"))); r.location != want {
				t.Errorf("%d to %.100q", r.status, r.location)
			}
		})
		t.Run(fmt.Sprint("while a prompt is open ", size), func(t *testing.T) {
			b := newGateway(t).browser()
			b.prompted("/")
			r := b.get(page)
			if r.status != http.StatusSeeOther || r.location != stayURL(want) {
				t.Fatalf("%d to %.100q", r.status, r.location)
			}
			if r := b.get(r.location); strings.Contains(r.body, "too long to be kept") != short {
				t.Errorf("%d\n%s", r.status, r.body)
			}
		})
		t.Run(fmt.Sprint("a form ", size), func(t *testing.T) {
			b := preserving(t)
			r := b.do(http.MethodPost, page, written)
			if kept := r.setCookies()[browser.FormCookie] != nil; r.status != http.StatusUnauthorized || kept == short {
				t.Errorf("%d, kept %t", r.status, kept)
			}
			// A form that is not kept is not passed on, whatever its address; a sign-in for it begins at Home.
			if link := `href="` + browser.Base + `/sign-in?return=%2F"`; strings.Contains(r.body, link) != short {
				t.Errorf("%.3000s", r.body)
			}
		})
	}
}

// What a sign-in has to achieve goes before its page: the page is cut short if both do not fit, and the user is told.
func TestPageThatTheCookieHasNoRoomFor(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	g := mfaGateway(t)
	g.service.Logger = zap.New(core)
	b := g.browser()
	b.signIn("yes")
	g.demand, g.policies = &oidc.Demand{MFA: true}, []string{strings.Repeat("p", 500)}
	page := sized("/danger", "x", browser.MaxReturn)
	start := b.get(page)
	cookieLines(t, start)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
	if r := b.callback(query(t, start.location)); r.location != cutPage("/danger") {
		t.Errorf("%d to %.100q", r.status, r.location)
	}
	if noted := logs.FilterMessageSnippet("too long to be kept").All(); len(noted) != 1 || noted[0].ContextMap()["bytes"] != int64(browser.MaxReturn) {
		t.Errorf("%v", noted)
	}
	// Whatever the sizes are, the cookie is one that browsers keep, and the page is whole, its path, or Home.
	found := map[string]int{}
	for _, path := range []string{"/danger", "/" + strings.Repeat("a", 2400)} {
		page, seen := sized(path, "x", browser.MaxReturn), ""
		for n := 0; n <= maxPolicyNames; n += 8 {
			w := httptest.NewRecorder()
			v := &access.Visit{Site: g.site, Host: "wiki.example.com", Origin: "https://wiki.example.com", Secure: true}
			f := g.service.newFlow(v, g.service.Providers[0], page)
			f.Demand = &oidc.Demand{Policies: []string{strings.Repeat("p", n)}}
			if err := g.service.keepFlow(w, v, f); err != nil {
				t.Fatal(err)
			}
			cookieLines(t, result{header: w.Header()})
			if f.Return != seen {
				found[f.Return]++
			}
			seen = f.Return
		}
	}
	want := map[string]int{
		sized("/danger", "x", browser.MaxReturn): 1, cutPage("/danger"): 1,
		sized("/"+strings.Repeat("a", 2400), "x", browser.MaxReturn): 1, cutPage("/" + strings.Repeat("a", 2400)): 1, cutPage(browser.Home): 1,
	}
	if !maps.Equal(found, want) {
		for page, n := range found {
			t.Errorf("%.60q of %d bytes %d times", page, len(page), n)
		}
	}
}

// Each page that a browser can be sent to fits into the pending cookie, with the longest origin there is.
func TestPendingCookieFits(t *testing.T) {
	s := New(access.Config{Keys: newGateway(t).service.Keys, Providers: []*oidc.Provider{noProvider}})
	v := &access.Visit{Host: strings.Repeat("h", 253), Secure: true}
	for _, page := range []string{sized("/a", "&", browser.MaxReturn), "https://" + strings.Repeat("h", 253) + ":65535" + sized("/a", "&", browser.MaxReturn)} {
		w := httptest.NewRecorder()
		s.givePending(w, v, unanswered{prompt: strings.Repeat("p", promptIDSize), page: page})
		cookieLines(t, result{header: w.Header()})
		line := w.Header().Get("Set-Cookie")
		if got, ok := s.pendingToken(&access.Visit{Host: v.Host, Cookies: browser.ReadCookies([]string{line[:strings.IndexByte(line, ';')]}, true)}); !ok || !slices.Contains([]string{page, browser.Home}, got.page) {
			t.Errorf("%t, page %.80q", ok, got.page)
		}
	}
}

// A link that leads to a page at once has it whole: nothing has to keep it. One that begins a sign-in says that it is cut.
func TestLongPageInAFrame(t *testing.T) {
	page := sized("/chart", "&a", 4*browser.MaxReturn)
	b := newGateway(t).browser()
	if to, target := b.frame(http.MethodGet, page, "Sec-Fetch-Site", "cross-site", "Referer", "https://other.example/").leaves(); to != page || target != "_blank" {
		t.Errorf("%.80s in %s", to, target)
	}
	for size, want := range map[int]string{browser.MaxReturn: sized("/frame", "x", browser.MaxReturn), browser.MaxReturn + 1: cutPage("/frame")} {
		to, _ := b.frame(http.MethodGet, sized("/frame", "x", size), "Referer", b.URL+page).leaves()
		if got := query(t, to).Get("return"); got != want {
			t.Errorf("%d: %.80s, want %.80s", size, got, want)
		}
	}
}
