// Package pages_test looks at every page with a real browser: axe-core, reflow, keyboard, and what Chromium does with
// forms. Set LATCHKEY_SCREENSHOTS to a directory to get a picture of every page in every look.
package pages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// post is a form as the server got it.
type post struct {
	form                  map[string][]string
	origin, site, referer string
}

// gallery serves every sample at /<name>. Forms are taken and answered with Continue to /app, which
// redirects to another origin, as an app may.
type gallery struct {
	url, elsewhere string
	mu             sync.Mutex
	posts          []post
	foreign        []string
}

func serve(t *testing.T) *gallery {
	t.Helper()
	p, err := pages.New(pages.Config{})
	if err != nil {
		t.Fatal(err)
	}
	own := branded(t)
	g := &gallery{}
	mux := http.NewServeMux()
	for _, s := range pagestest.Gallery() {
		mux.HandleFunc("GET /"+s.Name, func(w http.ResponseWriter, r *http.Request) {
			p.Write(stay{w}, pages.WithLocales(r, r.URL.Query().Get("lang")), 0, s.Page)
		})
		mux.HandleFunc("GET /branded/"+s.Name, func(w http.ResponseWriter, r *http.Request) {
			own.Write(stay{w}, pages.WithLocales(r, r.URL.Query().Get("lang")), 0, s.Page)
		})
	}
	mux.HandleFunc("/.latchkey/assets/", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "fragment") {
			return // the script that moves a page on, which is to be looked at
		}
		known := httptest.NewRecorder()
		if p.Assets().ServeHTTP(known, r); known.Code == http.StatusNotFound {
			own.Assets().ServeHTTP(w, r)
			return
		}
		p.Assets().ServeHTTP(w, r)
	})
	answer := func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		g.posts = append(g.posts, post{r.PostForm, r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"), r.Referer()})
		g.mu.Unlock()
		p.Write(w, r, 0, pages.Continue{URL: "/app"})
	}
	mux.HandleFunc("POST /.latchkey/stay", answer)
	mux.HandleFunc("POST /.latchkey/sign-out", answer)
	mux.HandleFunc("POST /.latchkey/me", answer)
	mux.HandleFunc("GET /app", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, g.elsewhere+"/arrived", http.StatusFound)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.foreign = append(g.foreign, r.URL.Path)
		g.mu.Unlock()
		http.NotFound(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><p>referred by %q</p>`, r.Referer())
	}))
	t.Cleanup(other.Close)
	g.url, g.elsewhere = server.URL, other.URL
	return g
}

// stay keeps a page from moving on, so that it can be looked at, and lets axe-core run in one for frames.
type stay struct{ http.ResponseWriter }

func (s stay) WriteHeader(status int) {
	s.Header().Del("Refresh")
	policy, _, _ := strings.Cut(s.Header().Get("Content-Security-Policy"), "; sandbox ")
	s.Header().Set("Content-Security-Policy", policy)
	s.ResponseWriter.WriteHeader(status)
}

// fullest is every page type with as much on it as it can hold; what else there is differs in words or shows less.
var fullest = []string{
	"chooser", "prompt", "prompt-full", "sign-out-everywhere", "signed-out", "me", "continue", "blocked", "problem-idp_down", "framed-sign-in",
	"prompt-bound", "blocked-binding-wait", "problem-ended_by_provider", "me-tokens", "make-token", "made-token",
}

// worded are those of them that differ from another one in words alone: axe-core has seen all else there.
var worded = []string{"prompt-bound", "blocked-binding-wait", "prompt", "problem-ended_by_provider"}

// look is light or dark at a width: that of a phone (which is also 400 % zoom of a desktop), of a tablet or of a desktop.
type look struct {
	width, height int
	dark          bool
}

var (
	phone, darkPhone     = look{320, 256, false}, look{320, 256, true}
	tablet, darkTablet   = look{768, 1024, false}, look{768, 1024, true}
	desktop, darkDesktop = look{1280, 800, false}, look{1280, 800, true}
	looks                = []look{phone, darkPhone, darkTablet, tablet, desktop, darkDesktop}
)

// axe-core finds nothing on any page: light and dark, at three widths, left to right and right to left, with a brand whose
// colours are as bad as they come, and in the language with the longest words. It runs where something can differ: colours
// do not depend on the width, nor sizes on the colours. Nothing has to be scrolled sideways in any language, and what one
// presses is large enough, in every look. One browser shows them all.
func TestEveryPageIsAccessible(t *testing.T) {
	g := serve(t)
	b := rig.NewBrowser(t, rig.BrowserOptions{Locale: "en-US"})
	for _, s := range pagestest.Gallery() {
		if slices.Contains(fullest, s.Name) {
			continue
		}
		b.Goto(g.url + "/" + s.Name + "?lang=en")
		inspect(t, b, s.Name, "en", "ltr", phone, true)
	}
	for _, name := range fullest {
		for _, in := range []struct {
			lang, dir string
			axe       []look
		}{
			{"en", "ltr", []look{phone, darkPhone, tablet, darkDesktop}},
			{"ar", "rtl", []look{darkTablet, desktop}},
		} {
			b.Goto(g.url + "/" + name + "?lang=" + in.lang)
			for _, l := range looks {
				axe := slices.Contains(in.axe, l) && (l == in.axe[0] || !slices.Contains(worded, name))
				inspect(t, b, name, in.lang, in.dir, l, axe)
			}
		}
		for _, lang := range languages(t) {
			dir := "ltr"
			if lang == "ar" || lang == "fa" || lang == "he" {
				dir = "rtl"
			}
			b.Goto(g.url + "/" + name + "?lang=" + lang)
			inspect(t, b, name, lang, dir, phone, false)
		}
	}
	for _, in := range []struct{ name, lang, dir string }{{"prompt-full", "de", "ltr"}, {"blocked", "he", "rtl"}} {
		b.Goto(g.url + "/branded/" + in.name + "?lang=" + in.lang)
		for _, l := range []look{phone, darkPhone, desktop, darkDesktop} {
			inspect(t, b, "branded-"+in.name, in.lang, in.dir, l, l == phone || l == darkDesktop)
		}
	}
	for _, event := range b.Events() {
		if !strings.Contains(event, "the server responded with a status of") {
			t.Errorf("the browser complains: %s", event)
		}
	}
	if len(g.foreign) > 0 {
		t.Errorf("pages asked for more than they should: %v", g.foreign)
	}
}

// languages are those that the pages speak.
func languages(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(rig.Root(), "session/pages/text/*.json"))
	if err != nil || len(files) < 21 {
		t.Fatalf("the languages of the pages: %v %v", files, err)
	}
	for _, file := range files {
		all = append(all, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return all
}

// inspect looks at the page that the browser shows, in a look, and has axe-core look at it if axe is set.
func inspect(t *testing.T, b *rig.Browser, name, lang, dir string, l look, axe bool) {
	t.Helper()
	b.Look(l.width, l.height, l.dark)
	look := fmt.Sprintf("%s-%d-%t", lang, l.width, l.dark)
	if axe {
		for _, finding := range b.Axe() {
			t.Errorf("%s, %s: %s", name, look, finding)
		}
	}
	var seen struct {
		Sideways int      `json:"sideways"`
		Small    []string `json:"small"`
		Dir      string   `json:"dir"`
		Scripts  int      `json:"scripts"`
		Broken   int      `json:"broken"`
	}
	b.Evaluate(&seen, `(() => {
		const root = document.documentElement;
		const small = [...document.querySelectorAll('button, a, label')]
			.filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.textContent);
		return { sideways: root.scrollWidth - root.clientWidth, small, dir: getComputedStyle(root).direction,
			scripts: document.scripts.length, broken: [...document.images].filter((i) => !i.naturalWidth).length };
	})()`)
	if seen.Sideways > 0 || len(seen.Small) > 0 || seen.Dir != dir || seen.Scripts > 0 && name != "done" && name != "again" || seen.Broken > 0 {
		t.Errorf("%s, %s: %+v", name, look, seen)
	}
	if to := os.Getenv("LATCHKEY_SCREENSHOTS"); to != "" {
		b.Screenshot(filepath.Join(to, name+"-"+look+".png"))
	}
}

// branded are pages in a brand that is hard to bear: a pale accent, a picture behind everything, a long name.
func branded(t *testing.T) *pages.Pages {
	t.Helper()
	logo, err := pages.CheckImage([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="20" fill="#ffcc00"/><path d="M12 26 20 10l8 16z" fill="#222"/></svg>`), pages.MaxLogo)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := pages.CheckImage([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 900"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="#ffe9a8"/><stop offset="1" stop-color="#2b3f6b"/></linearGradient></defs><rect width="1600" height="900" fill="url(#g)"/></svg>`), pages.MaxBackground)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(pages.Config{Brand: pages.Brand{
		Name: "Donaudampfschifffahrtsgesellschaft", Logo: &logo, Accent: "#ffcc00", Background: "#fff3c4", Picture: &picture,
		Footer:  []pages.Link{{Label: "Impressum", URL: "https://example.com/legal"}, {Label: "Datenschutz", URL: "https://example.com/privacy"}},
		Contact: "mailto:help@example.com",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The prompt by keyboard: a visible focus, an order that follows the eye, and Enter means what looks primary (A9 of
// the semantics). The answer carries our own origin, and the browser gets through to an app that redirects to another
// one: with a plain redirect instead of Continue, Chromium's form-action would stop it there.
func TestPromptByKeyboard(t *testing.T) {
	g := serve(t)
	b := rig.NewBrowser(t, rig.BrowserOptions{})
	b.Goto(g.url + "/prompt")
	for i, want := range []string{"", "Yes", "No", "Cancel sign-in"} {
		b.Press("Tab")
		if got := b.Focused(); got != want {
			t.Errorf("stop %d of the tab key is %q, want %q", i+1, got, want)
		}
		var outline string
		b.Evaluate(&outline, `getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth`)
		if outline != "solid 3px" {
			t.Errorf("stop %d: the focus shows as %q", i+1, outline)
		}
	}
	b.Goto(g.url + "/prompt")
	b.Press("Tab")
	b.Press("Space")
	b.Press("Enter")
	b.WaitURL("/arrived")
	if text := b.Text(); text != `referred by ""` {
		t.Errorf("the other origin learns where we were: %s", text)
	}
	if len(g.posts) != 1 {
		t.Fatalf("%d posts", len(g.posts))
	}
	got := g.posts[0]
	want := map[string][]string{"csrf": {"csrf-canary-4f1d"}, "remember": {"1"}, "answer": {"yes"}}
	if fmt.Sprint(got.form) != fmt.Sprint(want) || got.origin != g.url || got.site != "same-origin" || got.referer != g.url+"/prompt" {
		t.Errorf("posted %+v", got)
	}
	if at := b.Back(); at.URL != g.url+"/prompt" {
		t.Errorf("back leads to %s", at.URL)
	}
}

// Without JavaScript everything works: each button sends its own answer.
func TestAnswersWithoutJavaScript(t *testing.T) {
	g := serve(t)
	b := rig.NewBrowser(t, rig.BrowserOptions{NoJavaScript: true})
	for i, tt := range []struct{ page, button, field, value string }{
		{"prompt", "Yes", "answer", "yes"},
		{"prompt", "No", "answer", "no"},
		{"prompt", "Cancel sign-in", "answer", "cancel"},
		{"sign-out-everywhere", "Sign out", "everywhere", ""},
	} {
		b.Goto(g.url + "/" + tt.page)
		b.Click(tt.button)
		b.WaitURL("/arrived")
		if len(g.posts) != i+1 {
			t.Fatalf("%s: %d posts", tt.button, len(g.posts))
		}
		form := g.posts[i].form
		if got := strings.Join(form[tt.field], ","); got != tt.value || len(form["remember"]) > 0 || len(form["csrf"]) != 1 {
			t.Errorf("%s posted %v", tt.button, form)
		}
	}
}
