package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

func newPages(t testing.TB) *pages.Pages {
	t.Helper()
	p, err := pages.New(pages.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sample(t testing.TB, name string) pages.Page {
	t.Helper()
	for _, s := range pagestest.Gallery() {
		if s.Name == name {
			return s.Page
		}
	}
	t.Fatalf("no sample %q", name)
	return nil
}

// get renders a page as a GET with the given Accept-Language would see it.
func get(t testing.TB, p *pages.Pages, page pages.Page, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/.latchkey/stay", http.NoBody)
	if accept != "" {
		r.Header.Set("Accept-Language", accept)
	}
	w := httptest.NewRecorder()
	p.Write(w, r, 0, page)
	return w
}

// tokens reads a page as a browser would.
func tokens(t testing.TB, page string) []html.Token {
	t.Helper()
	var all []html.Token
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		all = append(all, z.Token())
	}
	return all
}

func attr(token html.Token, name string) (string, bool) {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// The promises that hold for every page: nothing inline, nothing from elsewhere, one h1, one main, a title, a
// language, labelled fields, and buttons that are buttons.
func TestEveryPage(t *testing.T) {
	p := newPages(t)
	for _, lang := range []string{"en", "ar"} {
		for _, s := range pagestest.Gallery() {
			t.Run(s.Name+"/"+lang, func(t *testing.T) {
				body := get(t, p, s.Page, lang).Body.String()
				count, title := map[string]int{}, ""
				labels, inputs, ids, described := map[string]bool{}, []string{}, map[string]bool{}, []string{}
				all := tokens(t, body)
				for i, token := range all {
					if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
						continue
					}
					count[token.Data]++
					for _, a := range token.Attr {
						if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
							t.Errorf("inline %s on %s", a.Key, token.Data)
						}
						again, _ := s.Page.(pages.SendForm) // which posts to the page of the app itself
						if (a.Key == "src" || a.Key == "href" || a.Key == "action") && token.Data != "a" && (a.Val != again.URL || again.URL == "") &&
							!strings.HasPrefix(a.Val, "/.latchkey/") {
							t.Errorf("%s %s loads or posts elsewhere: %s", token.Data, a.Key, a.Val)
						}
					}
					if id, ok := attr(token, "id"); ok {
						if ids[id] {
							t.Errorf("two elements with id %s", id)
						}
						ids[id] = true
					}
					for _, name := range []string{"aria-describedby", "aria-labelledby"} {
						if id, ok := attr(token, name); ok {
							described = append(described, id)
						}
					}
					switch token.Data {
					case "script":
						src, _ := attr(token, "src")
						stem := ""
						switch s.Page.(type) {
						case pages.Done:
							stem = "done."
						case pages.Again:
							stem = "fragment."
						}
						if stem == "" || !strings.HasPrefix(src, "/.latchkey/assets/"+stem) || all[i+1].Type == html.TextToken {
							t.Errorf("script %q", src)
						}
					case "style", "iframe", "object", "embed", "base", "img":
						t.Errorf("element %s", token.Data)
					case "html":
						if l, _ := attr(token, "lang"); l != lang {
							t.Errorf("lang is %q", l)
						}
						dir := map[string]string{"en": "ltr", "ar": "rtl"}[lang]
						if d, _ := attr(token, "dir"); d != dir {
							t.Errorf("dir is %q", d)
						}
					case "title":
						title = strings.TrimSpace(all[i+1].Data)
					case "label":
						target, _ := attr(token, "for")
						labels[target] = true
					case "input", "select", "textarea":
						if kind, _ := attr(token, "type"); kind != "hidden" {
							id, _ := attr(token, "id")
							inputs = append(inputs, id)
						}
					case "a":
						if href, _ := attr(token, "href"); href == "" {
							t.Error("a link that leads nowhere")
						}
					}
				}
				for name, want := range map[string]int{"h1": 1, "main": 1, "title": 1, "link": 2} {
					if count[name] != want {
						t.Errorf("%d elements %s, want %d", count[name], name, want)
					}
				}
				if !strings.HasSuffix(title, " – Latchkey") || len(title) < len(" – Latchkey")+4 {
					t.Errorf("title is %q", title)
				}
				for _, id := range inputs {
					if !labels[id] {
						t.Errorf("field %q has no label", id)
					}
				}
				for _, id := range described {
					if !ids[id] {
						t.Errorf("nothing has id %q", id)
					}
				}
				if strings.Contains(body, "ZgotmplZ") {
					t.Error("a value of the gallery was refused by html/template")
				}
				if size := len(body) + assetBytes(t, p, all); size > 20<<10 {
					t.Errorf("%d bytes with all that it loads", size)
				}
			})
		}
	}
}

// assetBytes fetches what a page loads and sums it up.
func assetBytes(t *testing.T, p *pages.Pages, all []html.Token) (sum int) {
	t.Helper()
	for _, token := range all {
		if href, ok := attr(token, "href"); ok && token.Data == "link" {
			w := httptest.NewRecorder()
			p.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, href, http.NoBody))
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d", href, w.Code)
			}
			sum += w.Body.Len()
		}
	}
	return sum
}

// The prompt's form, as sign-in reads it. Yes is the first submit button, which is what Enter presses (HTML, implicit
// submission), and it is the one that looks primary.
func TestPromptForm(t *testing.T) {
	p := newPages(t)
	var answers, classes []string
	fields := map[string]string{}
	for _, token := range tokens(t, get(t, p, sample(t, "prompt"), "").Body.String()) {
		name, _ := attr(token, "name")
		value, _ := attr(token, "value")
		switch {
		case token.Type == html.StartTagToken && token.Data == "button":
			class, _ := attr(token, "class")
			answers, classes = append(answers, name+"="+value), append(classes, class)
		case token.Data == "input":
			fields[name] = value
		case token.Data == "form" && token.Type == html.StartTagToken:
			method, _ := attr(token, "method")
			action, _ := attr(token, "action")
			if method != "post" || action != "/.latchkey/stay" {
				t.Errorf("form: %s %s", method, action)
			}
		}
	}
	if got := strings.Join(answers, " "); got != "answer=yes answer=no answer=cancel" {
		t.Errorf("buttons: %s", got)
	}
	if got := strings.Join(classes, ","); got != "primary,,quiet" {
		t.Errorf("classes: %s", got)
	}
	if len(fields) != 2 || fields["csrf"] != "csrf-canary-4f1d" || fields["remember"] != "1" {
		t.Errorf("fields: %v", fields)
	}
	if body := get(t, p, pages.Prompt{}, "").Body.String(); strings.Contains(body, "remember") {
		t.Error("a box although nothing would be remembered")
	}
}

// Both limits are stated, and those that never matter are not.
func TestPromptSaysBothLimits(t *testing.T) {
	p := newPages(t)
	text := func(page pages.Prompt) string {
		var b strings.Builder
		for _, token := range tokens(t, get(t, p, page, "").Body.String()) {
			if token.Type == html.TextToken {
				b.WriteString(token.Data)
			}
		}
		return b.String()
	}
	full := sample(t, "prompt").(pages.Prompt)
	for _, want := range []string{
		"For up to 180 days, even after you close this browser. Ends sooner after 90 days without use.",
		"Until you close this browser, and for 7 days at most. Ends sooner after 24 hours without use.",
		"This browser keeps your answer for 180 days.",
		"Signing in to wiki as ada.lovelace@example.com",
	} {
		if !strings.Contains(text(full), want) {
			t.Errorf("%q is not on the page:\n%s", want, text(full))
		}
	}
	redundant := full
	redundant.PersistentIdle, redundant.BrowserMax = redundant.PersistentMax, 0
	got := text(redundant)
	if strings.Count(got, "Ends sooner") != 1 || strings.Contains(got, "0 seconds") {
		t.Errorf("an idle limit that never ends a session, or a limit that does not exist, is stated:\n%s", got)
	}
	if got := text(pages.Prompt{}); strings.Contains(got, "Ends sooner") || !strings.Contains(got, "Until you sign out") {
		t.Errorf("without limits:\n%s", got)
	}
}

// What Yes means with a binding and without one stands in one sentence, before the answer. Where both are the same, the
// page is as without bindings.
func TestPromptSaysBothLifetimesOfYes(t *testing.T) {
	const day = 24 * time.Hour
	const (
		plain = "For up to 180 days, even after you close this browser. Ends sooner after 90 days without use."
		both  = "For up to 180 days, even after you close this browser, if it can protect your sign-in with a key of this device, and otherwise for up to 30 days."
		as    = "For up to 180 days, even after you close this browser, if it can protect your sign-in with a key of this device, and otherwise as with “No”."
	)
	p := newPages(t)
	for name, tt := range map[string]struct {
		change func(*pages.Prompt)
		want   string
	}{
		"no binding":            {func(*pages.Prompt) {}, plain},
		"the same":              {func(p *pages.Prompt) { p.UnboundIdle, p.UnboundMax = 90*day, 180*day }, plain},
		"both shorter":          {func(p *pages.Prompt) { p.UnboundIdle, p.UnboundMax = 7*day, 30*day }, both + " Ends sooner without use: after 90 days, or after 7 days without that protection."},
		"max shorter":           {func(p *pages.Prompt) { p.UnboundIdle, p.UnboundMax = 90*day, 30*day }, both + " Ends sooner after 90 days without use."},
		"idle shorter":          {func(p *pages.Prompt) { p.UnboundIdle, p.UnboundMax = 7*day, 180*day }, "For up to 180 days, even after you close this browser. Ends sooner without use: after 90 days, or after 7 days without that protection."},
		"idle for one only":     {func(p *pages.Prompt) { p.PersistentIdle, p.UnboundIdle, p.UnboundMax = 180*day, 7*day, 30*day }, both + " Ends sooner without use: after 180 days, or after 7 days without that protection."},
		"idle matters for none": {func(p *pages.Prompt) { p.PersistentIdle, p.UnboundIdle, p.UnboundMax = 180*day, 30*day, 30*day }, both},
		"as after No":           {func(p *pages.Prompt) { p.UnboundEnds = true }, as + " Ends sooner after 90 days without use."},
		"no limit at all":       {func(p *pages.Prompt) { *p = pages.Prompt{UnboundEnds: true} }, "Until you sign out, even after you close this browser."},
	} {
		t.Run(name, func(t *testing.T) {
			page := sample(t, "prompt").(pages.Prompt)
			tt.change(&page)
			var yes strings.Builder
			inside := false
			for _, token := range tokens(t, get(t, p, page, "").Body.String()) {
				id, _ := attr(token, "id")
				switch {
				case token.Type == html.StartTagToken && token.Data == "dd":
					inside = id == "yes"
				case token.Type == html.EndTagToken && token.Data == "dd":
					inside = false
				case token.Type == html.TextToken && inside:
					yes.WriteString(token.Data)
				}
			}
			if yes.String() != tt.want {
				t.Errorf("got %q, want %q", yes.String(), tt.want)
			}
		})
	}
}

// The page tries again by itself only where it says so, and only on this site.
func TestBindingPageTriesOnce(t *testing.T) {
	p := newPages(t)
	page := sample(t, "blocked-binding-trying").(pages.Blocked)
	for to, want := range map[string]string{
		"/.latchkey/bound/wait?to=%2F": "3; url=/.latchkey/bound/wait?to=%2F", "": "", "//evil.example": "", "javascript:x": "", "/a b": "3; url=/a%20b",
	} {
		page.NextURL = to
		if got := get(t, p, page, "").Header().Get("Refresh"); got != want {
			t.Errorf("%q: Refresh %q, want %q", to, got, want)
		}
	}
	for _, b := range []pages.Binding{"", pages.BindingWait, pages.BindingAgain, pages.BindingYes} {
		page.Binding, page.NextURL = b, "/.latchkey/bound/wait?to=%2F"
		w := get(t, p, page, "")
		if got := w.Header().Get("Refresh"); got != "" || w.Code != http.StatusForbidden {
			t.Errorf("%q: Refresh %q, status %d", b, got, w.Code)
		}
	}
}

// A session that is bound says so, and whose device it is.
func TestMeSaysWhatIsBound(t *testing.T) {
	body := get(t, newPages(t), sample(t, "me"), "").Body.String()
	if strings.Count(body, "<dd>Protected by this device</dd>") != 1 || strings.Count(body, "<dd>Protected by its device</dd>") != 1 {
		t.Errorf("%s", body)
	}
	if bare := get(t, newPages(t), sample(t, "me-bare"), "").Body.String(); strings.Contains(bare, "Protected") {
		t.Errorf("%s", bare)
	}
}

func BenchmarkPrompt(b *testing.B) {
	p, prompt := newPages(b), sample(b, "prompt")
	b.ReportAllocs()
	for b.Loop() {
		get(b, p, prompt, "de-CH,de;q=0.9,en;q=0.8")
	}
}

// httpGet renders a page for a request that is hostile wherever a request can be.
func httpGet(t *testing.T, p *pages.Pages, page pages.Page) *httptest.ResponseRecorder {
	t.Helper()
	const attack = `<script>alert(1)</script>`
	r := httptest.NewRequest(http.MethodGet, "/.latchkey/stay?x=%3Cscript%3Ealert(1)%3C/script%3E", http.NoBody)
	r.Host = "evil.example"
	for _, name := range []string{"Referer", "User-Agent", "Cookie", "X-Forwarded-Host", "X-Forwarded-Proto", "Origin"} {
		r.Header.Set(name, attack)
	}
	r.Header.Set("Accept-Language", "en, "+attack)
	w := httptest.NewRecorder()
	p.Write(w, r, 0, page)
	return w
}
