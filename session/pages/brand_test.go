package pages

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBrandErrors(t *testing.T) {
	link := Link{Label: "Imprint", URL: "https://example.com/"}
	tests := []struct {
		name  string
		brand Brand
		want  string
	}{
		{"everything", Brand{
			Name: "Analytical Engines", Accent: "#0067b8", Background: "#EEF", Footer: []Link{link, {"Mail", "mailto:a@example.com"}},
			CSS: []byte("h1{letter-spacing:0}"), Contact: "http://help.example.com/?a=b",
		}, ""},
		{"blank name", Brand{Name: " "}, "name: it is empty"},
		{"long name", Brand{Name: strings.Repeat("é", 101)}, "longer than 100 characters"},
		{"name with a line break", Brand{Name: "a\nb"}, "control characters"},
		{"name of a colour", Brand{Accent: "red"}, `accent: "red" is no colour`},
		{"translucent", Brand{Accent: "#0067b880"}, "is no colour"},
		{"colour with more in it", Brand{Background: "#fff;}body{display:none"}, "background:"},
		{"too many links", Brand{Footer: make([]Link, 9)}, "more than 8 links"},
		{"link without a label", Brand{Footer: []Link{{"", "https://example.com/"}}}, "it is empty"},
		{"script", Brand{Footer: []Link{{"x", "javascript:alert(1)"}}}, "no https, http or mailto URL"},
		{"data", Brand{Contact: "data:text/html,x"}, "no https, http or mailto URL"},
		{"bare address", Brand{Contact: "help@example.com"}, "is written mailto:help@example.com"},
		{"no host", Brand{Contact: "https:"}, "contact:"},
		{"relative", Brand{Contact: "//help.example.com"}, "contact:"},
		{"with a password", Brand{Contact: "https://a:b@example.com"}, "contact:"},
		{"css with a picture", Brand{CSS: []byte("a{background:URL( 'https://evil.example/x')}")}, "would load something"},
		{"css with an import", Brand{CSS: []byte(`@import "x.css";`)}, "would load something"},
		{"css from elsewhere", Brand{CSS: []byte("<!doctype html>{")}, "braces do not match"},
		{"large css", Brand{CSS: bytes.Repeat([]byte(" "), MaxCSS+1)}, "more than 32 KB"},
		{"binary css", Brand{CSS: []byte("\xff\xfe")}, "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Config{Brand: tt.brand})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// Whatever the brand's colours, what is written on them can be read and what is drawn in them can be seen.
func TestColoursCanBeSeen(t *testing.T) {
	declared := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6});`)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "colours")
		b := Brand{Accent: colour(n[:3]).String(), Background: colour(n[3:]).String()}
		schemes := strings.SplitAfterN(string(b.style("")), "}}\n", 3)
		if len(schemes) != 3 {
			t.Fatalf("style %q", schemes)
		}
		for i, ground := range []colour{lightGround, darkGround} {
			v := map[string]colour{}
			for _, m := range declared.FindAllStringSubmatch(schemes[i], -1) {
				c, err := parseColour(m[2])
				if err != nil {
					t.Fatal(err)
				}
				v[m[1]] = c
			}
			for _, pair := range []struct {
				what  string
				ratio float64
				on    float64
			}{
				{"the button", contrast(v["accent"], v["on-accent"]), textContrast},
				{"the button under the pointer", contrast(v["accent-strong"], v["on-accent"]), textContrast},
				{"edges", contrast(v["accent-edge"], ground), shapeContrast},
				{"the ground", contrast(v["ground"], v["on-ground"]), textContrast},
			} {
				if pair.ratio < pair.on {
					t.Errorf("%v: %s has a contrast of %.2f: %v", b, pair.what, pair.ratio, v)
				}
			}
			if v["accent"].String() != b.Accent {
				t.Errorf("the accent was changed to %s", v["accent"])
			}
		}
	})
}

func testLogo(t testing.TB, width, height int) *Image {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	logo, err := CheckImage(b.Bytes(), MaxLogo)
	if err != nil {
		t.Fatal(err)
	}
	return &logo
}

// What a brand brings is on the page, under names of its own that hold a hash, and the policy of the page is unchanged.
func TestBrandOnThePage(t *testing.T) {
	p, err := New(Config{Brand: Brand{
		Name: "Engines", Logo: testLogo(t, 40, 20), Picture: testLogo(t, 60, 60), Accent: "#0067b8", CSS: []byte(".own{color:red}"),
		Footer: []Link{{"Imprint", "https://example.com/imprint"}}, Contact: "mailto:help@example.com",
	}})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	page := func(p *Pages, page Page) (string, http.Header) {
		w := httptest.NewRecorder()
		p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, page)
		return w.Body.String(), w.Header()
	}
	asset := func(path string) (int, string) {
		w := httptest.NewRecorder()
		p.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w.Code, w.Header().Get("Content-Type") + "\n" + w.Body.String()
	}
	body, header := page(p, Blocked{RequestID: "7d1c"})
	_, want := page(plain, Blocked{})
	if got := header.Get("Content-Security-Policy"); got != want.Get("Content-Security-Policy") {
		t.Errorf("the brand changed the policy: %s", got)
	}
	for _, part := range []string{
		`width="80" height="40" alt=""`, `<a href="https://example.com/imprint" dir="auto">Imprint</a>`,
		`href="mailto:help@example.com?subject=Engines:%207d1c"`, `<link rel="icon" type="image/png" href="/.latchkey/assets/logo.`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not on the page:\n%s", part, body)
		}
	}
	hashed := regexp.MustCompile(`/\.latchkey/assets/(page|logo|background)\.[\w-]{12}\.(css|png)`)
	logo, sheet := hashed.FindString(body[strings.Index(body, "<img"):]), hashed.FindString(body)
	if code, got := asset(logo); code != 200 || !strings.HasPrefix(got, "image/png\n") {
		t.Errorf("logo %s: %d", logo, code)
	}
	code, css := asset(sheet)
	if code != 200 || !strings.HasSuffix(css, ".own{color:red}") || !strings.Contains(css, "--accent:#0067b8") {
		t.Errorf("stylesheet %s: %d", sheet, code)
	}
	if code, _ := asset(hashed.FindString(css)); code != 200 {
		t.Errorf("the picture in the stylesheet: %d", code)
	}
	if plainBody, _ := page(plain, Blocked{}); strings.Contains(plainBody, sheet) || strings.Contains(plainBody, "<img") || strings.Contains(plainBody, "foot") {
		t.Error("two brands share what should be one's own")
	}
	wide, err := New(Config{Brand: Brand{Name: "Engines", Logo: testLogo(t, 200, 40)}})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := page(wide, SignedOut{}); !strings.Contains(body, `alt="Engines"`) || strings.Contains(body, `<span dir="auto">Engines`) || !strings.Contains(body, "mark.") {
		t.Errorf("a wide logo stands for the name:\n%s", body)
	}
}
