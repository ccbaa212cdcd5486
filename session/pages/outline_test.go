package pages

import (
	"bytes"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func outlinedPages(user string) []Page {
	full := Prompt{
		UserName: user, AppName: user, CSRF: user, Return: user, BrowserMax: 24 * time.Hour, PersistentMax: 90 * 24 * time.Hour,
		PersistentIdle: 30 * 24 * time.Hour, RememberFor: time.Hour, AdminText: "Ask <Ada>.",
	}
	short := full
	short.AppName, short.Return, short.TooLong, short.AdminText = "", "", true, ""
	unnamed := Prompt{AppName: user, CSRF: user}
	return []Page{full, short, unnamed, Prompt{}}
}

// byTemplate is a page as html/template writes it, without an outline.
func byTemplate(t testing.TB, p *Pages, text *bundle, page Page) string {
	t.Helper()
	var body bytes.Buffer
	if err := p.execute(&body, text, http.StatusOK, page); err != nil {
		t.Fatal(err)
	}
	return body.String()
}

// A15: in each language an outlined page is byte for byte the one that html/template writes, whatever its texts are.
func TestOutlineIsThePage(t *testing.T) {
	p, err := New(Config{Brand: Brand{Name: "Ada & Co"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range p.languages.bundles {
		for _, user := range []string{"ada@example.com", `"><script>alert('1')</script>`, probe, p.outlines.marks[1], "", "{{.Base}}{user}"} {
			for i, page := range outlinedPages(user) {
				want := byTemplate(t, p, text, page)
				for range 2 {
					if body, err := p.render(nil, text, http.StatusOK, page); err != nil || string(body) != want {
						t.Errorf("page %d in %s for %q is not the template's: %v\n%s\n%s", i, text.lang, user, err, body, want)
					}
				}
			}
		}
	}
	for key, o := range p.outlines.kept.by {
		if o == nil {
			t.Errorf("no outline of %T in %s", key.page, key.where.text.lang)
		}
	}
	if n := len(p.outlines.kept.by); n == 0 || n > maxOutlines {
		t.Errorf("%d outlines are kept", n)
	}
}

// An outline keeps nothing of a user: the next one sees nothing of the one before.
func TestOutlineKeepsNothingOfAUser(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"ada-secret", "bob"} {
		w := httptest.NewRecorder()
		p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, outlinedPages(user)[0])
		if n := strings.Count(w.Body.String(), user); n != 4 || user == "bob" && strings.Contains(w.Body.String(), "ada-secret") {
			t.Errorf("%s is on the page %d times:\n%s", user, n, w.Body)
		}
	}
	for key, o := range p.outlines.kept.by {
		for _, piece := range o {
			if strings.Contains(piece.html, "secret") || strings.Contains(key.page.(Prompt).CSRF, "secret") {
				t.Errorf("an outline holds a text of its user: %q", piece.html)
			}
		}
	}
}

// Where a template writes a text as something other than words or a quoted attribute, there is no outline.
func TestOutlineInAnotherContext(t *testing.T) {
	for name, body := range map[string]string{
		"a link":             `<a href="{{.Page.Return}}">x</a>`,
		"no quotes":          `<input value={{.Page.Return}}>`,
		"a script":           `<script>x = {{.Page.Return}}</script>`,
		"a style":            `<p style="color:{{.Page.Return}}">x</p>`,
		"part of a URL":      `<a href="/?to={{.Page.Return}}">x</a>`,
		"changed":            `<p>{{printf "%.2s" .Page.Return}}</p>`,
		"more than written":  `<p>{{len .Page.Return}}</p>`,
		"an unknown element": `<p>{{.Page.Return}}{{.Say "no.such.key"}}</p>`,
	} {
		p, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		p.templates["prompt"] = func() (*template.Template, error) { return template.New("layout.html").Parse(body) }
		page := Prompt{Return: "javascript:alert(1) x"}
		got, err := p.render(nil, p.languages.bundles[0], http.StatusOK, page)
		if (err != nil) != (name == "an unknown element") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && string(got) != byTemplate(t, p, p.languages.bundles[0], page) {
			t.Errorf("%s: %s", name, got)
		}
		for _, o := range p.outlines.kept.by {
			if o != nil {
				t.Errorf("%s: there is an outline", name)
			}
		}
	}
}

// crowded is a page with more texts than an outline has room for.
type crowded struct{ Prompt }

func (c crowded) put(instead func(string) string) any {
	for range maxTexts + 1 {
		c.CSRF = instead("text")
	}
	return c
}

func TestOutlineIsBounded(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxOutlines {
		page := Prompt{UserName: "ada", BrowserMax: time.Duration(i) * time.Hour}
		if _, err := p.render(nil, p.languages.bundles[0], http.StatusOK, page); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.outlines.kept.by); n > maxOutlines {
		t.Errorf("%d outlines are kept", n)
	}
	clear(p.outlines.kept.by)
	body, err := p.render(nil, p.languages.bundles[0], http.StatusOK, crowded{Prompt{CSRF: "canary"}})
	if err != nil || !bytes.Contains(body, []byte(`value="canary"`)) || len(p.outlines.kept.by) != 0 {
		t.Errorf("%v, %d outlines: %s", err, len(p.outlines.kept.by), body)
	}
}

func FuzzOutline(f *testing.F) {
	f.Add("ada@example.com", "wiki", "a+b", "/?a=1&b=2")
	f.Add(probe, "\xff", "\x00", "</title>")
	p, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, user, app, csrf, ret string) {
		page := Prompt{UserName: user, AppName: app, CSRF: csrf, Return: ret}
		text := p.languages.bundles[1]
		body, err := p.render(nil, text, http.StatusOK, page)
		if want := byTemplate(t, p, text, page); err != nil || string(body) != want {
			t.Errorf("%v\n%s\n%s", err, body, want)
		}
	})
}

// unwritten is a response whose body is not kept.
type unwritten struct{ h http.Header }

func (u *unwritten) Header() http.Header         { return u.h }
func (u *unwritten) WriteHeader(int)             {}
func (u *unwritten) Write(b []byte) (int, error) { return len(b), nil }

// Each sign-in has a prompt and a page that leads on: they leave little garbage.
func TestGarbageOfPages(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Accept-Language", "de-CH,de;q=0.9,en;q=0.8")
	for name, tt := range map[string]struct {
		page Page
		most float64
	}{
		"prompt":   {outlinedPages("ada@example.com")[0], 12},
		"continue": {Continue{URL: "/wiki/a"}, 12},
	} {
		w := &unwritten{h: http.Header{}}
		n := testing.AllocsPerRun(200, func() {
			clear(w.h)
			p.Write(w, r, 0, tt.page)
		})
		t.Logf("%s: %v allocations", name, n)
		if n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, tt.most)
		}
	}
}
