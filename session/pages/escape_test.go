package pages_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

// fill returns a copy of a page with every string replaced, in slices too, and everything else as it was.
func fill(page pages.Page, replace func(field string) string) pages.Page {
	v := reflect.New(reflect.TypeOf(page)).Elem()
	v.Set(reflect.ValueOf(page))
	var walk func(reflect.Value, string)
	walk = func(v reflect.Value, field string) {
		switch v.Kind() {
		case reflect.String:
			v.SetString(replace(field))
		case reflect.Slice:
			fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(fresh, v)
			v.Set(fresh)
			for i := range v.Len() {
				walk(v.Index(i), field)
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i), v.Type().Field(i).Name)
			}
		}
	}
	walk(v, "")
	return v.Interface().(pages.Page)
}

// skeleton is the markup of a page without text and attribute values: what an injection would change.
func skeleton(t testing.TB, body string) string {
	t.Helper()
	var b strings.Builder
	for _, token := range tokens(t, body) {
		if token.Type == html.TextToken {
			continue
		}
		b.WriteString(token.Type.String() + " " + token.Data)
		for _, a := range token.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var attacks = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</title><script>alert(1)</script>`,
	`</h1></main><form action=https://evil.example><input name=csrf>`,
	`javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`,
	"\x00<\x00script>alert(1)</script>",
	`<!--`,
	`]]><svg/onload=alert(1)>`,
	`&lt;script&gt;`,
	`{{.Base}}{{template "say"}}`,
	"\u202e\u2066<b>",
	"\xff\xfe<b>\xc0\xbc",
}

// A15, A34: markup in every field of every page stays text. The markup of the page is the same as with a harmless
// word in the same place, and no attack becomes the target of a link or a form.
func TestMarkupInEveryField(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		harmless := skeleton(t, get(t, p, fill(s.Page, func(string) string { return "word" }), "").Body.String())
		for _, attack := range attacks {
			body := get(t, p, fill(s.Page, func(string) string { return attack }), "").Body.String()
			if got := skeleton(t, body); got != harmless {
				t.Errorf("%s: %q changes the page:\n%s", s.Name, attack, body)
			}
			for _, token := range tokens(t, body) {
				for _, a := range token.Attr {
					scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(a.Val)), ":")
					if (a.Key == "href" || a.Key == "action") && (scheme == "javascript" || scheme == "data") {
						t.Errorf("%s: %q became a link", s.Name, attack)
					}
				}
			}
		}
	}
}

// A15 for brand and texts: an operator's file is no way in either. Texts with markup are refused; what looks like it and
// is none, and any name, stays text.
func TestMarkupInBrandAndTexts(t *testing.T) {
	benign, err := pages.New(pages.Config{Brand: pages.Brand{Footer: []pages.Link{{Label: "word", URL: "https://example.com/"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, attack := range attacks {
		text, err := json.Marshal(map[string]string{"prompt.title": attack, "prompt.who": "{user} " + attack})
		if err != nil {
			t.Fatal(err)
		}
		brand := pages.Brand{Name: attack, Footer: []pages.Link{{Label: attack, URL: "https://example.com/"}}}
		if err := pages.CheckLabel(attack); err != nil {
			brand = pages.Brand{Footer: []pages.Link{{Label: "word", URL: "https://example.com/"}}}
		}
		config := pages.Config{Brand: brand, Text: map[string][]byte{"en": text}}
		p, err := pages.New(config)
		if refused := !utf8.ValidString(attack) || strings.ContainsAny(attack, "<>{\x00&\u202e"); (err != nil) != refused {
			t.Errorf("%q as a text: %v", attack, err)
		}
		if err != nil {
			config.Text = nil
			if p, err = pages.New(config); err != nil {
				t.Fatalf("%q: %v", attack, err)
			}
		}
		page := pages.Prompt{UserName: "ada"}
		want, got := skeleton(t, get(t, benign, page, "").Body.String()), skeleton(t, get(t, p, page, "").Body.String())
		if got != want {
			t.Errorf("%q changes the page:\n%s", attack, got)
		}
	}
}

// A54: what looks like a placeholder of Caddy, of our texts or of a template comes out as written, once.
func TestPlaceholdersStayLiteral(t *testing.T) {
	p := newPages(t)
	for _, literal := range []string{
		"{env.SECRET}", "{file./etc/passwd}", "{http.request.header.Cookie}", "{$SECRET}", "{user}", "{app}", "{{.Page.CSRF}}",
		"%7Benv.SECRET%7D", "$SECRET", "${SECRET}",
	} {
		body := get(t, p, pages.Prompt{UserName: literal, AppName: literal, AdminText: literal, CSRF: "canary"}, "").Body.String()
		var text strings.Builder
		for _, token := range tokens(t, body) {
			if token.Type == html.TextToken {
				text.WriteString(token.Data)
			}
		}
		if n := strings.Count(text.String(), literal); n != 3 {
			t.Errorf("%s is on the page %d times, want 3:\n%s", literal, n, text.String())
		}
		if strings.Count(body, "canary") != 1 {
			t.Errorf("%s: the token is on the page %d times", literal, strings.Count(body, "canary"))
		}
	}
}

// A69: the only secret that a page ever holds is the token of its own form, once, in the hidden field.
func TestSecretsOnPages(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		page := fill(s.Page, func(field string) string {
			if field == "CSRF" {
				return "canary-of-the-form"
			}
			return "word"
		})
		body := get(t, p, page, "").Body.String()
		want := 0
		switch page.(type) {
		case pages.Prompt, pages.SignOut:
			want = 1
		}
		if n := strings.Count(body, "canary-of-the-form"); n != want {
			t.Errorf("%s: the form's token is on the page %d times, want %d", s.Name, n, want)
		}
		if want == 1 && !strings.Contains(body, `<input type="hidden" name="csrf" value="canary-of-the-form">`) {
			t.Errorf("%s: the token is not in the hidden field", s.Name)
		}
	}
}

// A18: where the browser comes from is never on the page, nor is anything else of the request but its language.
func TestRequestIsNotReflected(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		plain, hostile := get(t, p, s.Page, "en"), httpGet(t, p, s.Page)
		if plain.Body.String() != hostile.Body.String() {
			t.Errorf("%s depends on the request", s.Name)
		}
	}
}

func TestMarkupProperty(t *testing.T) {
	p := newPages(t)
	gallery := pagestest.Gallery()
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(gallery).Draw(rt, "page")
		value := "w" + rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(`<>"'&/={}: `)))).Draw(rt, "value")
		harmless := skeleton(t, get(t, p, fill(s.Page, func(string) string { return "word" }), "").Body.String())
		if skeleton(t, get(t, p, fill(s.Page, func(string) string { return value }), "").Body.String()) != harmless {
			rt.Fatalf("%s: %q changes the page", s.Name, value)
		}
	})
}

func FuzzWrite(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack, "ar;q=0.9, "+attack)
	}
	p := newPages(f)
	harmless := skeleton(f, get(f, p, pages.Prompt{UserName: "word", AdminText: "word"}, "").Body.String())
	f.Fuzz(func(t *testing.T, value, accept string) {
		w := get(t, p, pages.Prompt{UserName: "w" + value, AdminText: "w" + value, CSRF: value}, accept)
		if w.Code != 200 || skeleton(t, w.Body.String()) != harmless {
			t.Errorf("status %d:\n%s", w.Code, w.Body.String())
		}
	})
}
