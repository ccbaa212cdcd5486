package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"
)

// A short second language would have to be complete; this one is built from English by the test.
func withText(t *testing.T, tag string) *Pages {
	t.Helper()
	english, err := textFiles.ReadFile("text/en.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Text: map[string][]byte{tag: english}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPickLanguage(t *testing.T) {
	tests := []struct{ have, accept, want string }{
		{"de", "", "en"},
		{"de", "de", "de"},
		{"de", "de-CH, en;q=0.5", "de"},
		{"de", "en, de;q=0.5", "en"},
		{"de", "fr, de;q=0.5", "de"},
		{"de", "xx", "en"},
		{"de", "tlh, vo;q=0.1", "en"},
		{"de", "*", "en"},
		{"de", "de;q=0", "en"},
		{"de", "; ;,,q=", "en"},
		{"de", "de\x00", "en"},
		{"de", strings.Repeat("de,", 400), "en"},
		{"he", "iw", "he"},
		{"nb", "no", "nb"},
		{"zh-Hant", "zh-TW", "zh-Hant"},
		{"pt", "pt-BR,pt;q=0.9", "pt"},
	}
	for _, tt := range tests {
		// Plural categories differ, so the bundle is put in by hand: only the choice is tested here.
		l := languages{bundles: []*bundle{{tag: language.English}, {tag: language.MustParse(tt.have)}}}
		l.matcher = language.NewMatcher([]language.Tag{l.bundles[0].tag, l.bundles[1].tag})
		if got := l.pick(tt.accept).tag.String(); got != tt.want {
			t.Errorf("have %s, asked for %.40q: %s, want %s", tt.have, tt.accept, got, tt.want)
		}
	}
}

func TestDirection(t *testing.T) {
	for tag, want := range map[string]string{
		"en": "ltr", "ar": "rtl", "he": "rtl", "fa": "rtl", "ur": "rtl", "ckb": "rtl", "ps": "rtl", "dv": "rtl", "yi": "rtl",
		"az": "ltr", "az-Arab": "rtl", "pa-Arab": "rtl", "ks": "rtl", "zh": "ltr", "ar-Latn": "ltr", "tr": "ltr",
	} {
		if got := direction(language.MustParse(tag)); got != want {
			t.Errorf("%s is written %s, want %s", tag, got, want)
		}
	}
}

// What the operator's own texts may be, and how a fault is told.
func TestTextErrors(t *testing.T) {
	english, err := textFiles.ReadFile("text/en.json")
	if err != nil {
		t.Fatal(err)
	}
	without := regexp.MustCompile(`(?m)^  "prompt\.title".*\n`).ReplaceAll(english, nil)
	tests := []struct {
		name, tag, text, want string
	}{
		{"override in part", "en", `{"prompt.title": "Stay?"}`, ""},
		{"override counted", "en", `{"duration.day": {"one": "a day", "other": "{n} d"}}`, ""},
		{"same plural categories", "de", string(english), ""},
		{"missing key", "de", string(without), "prompt.title is missing"},
		{"new language in part", "de", `{"prompt.title": "Angemeldet bleiben?"}`, "is missing"},
		{"unknown key", "en", `{"prompt.titel": "x"}`, "unknown key prompt.titel"},
		{"no language tag", "not a tag", `{}`, "not a language tag"},
		{"no JSON", "en", `prompt.title: x`, "expected a JSON object"},
		{"no object", "en", `["x"]`, "expected a JSON object"},
		{"no text", "en", `{"prompt.title": 5}`, "prompt.title: expected a text"},
		{"null", "en", `{"prompt.title": null}`, "prompt.title: the text is empty"},
		{"empty", "en", `{"prompt.title": "  "}`, "prompt.title: the text is empty"},
		{"no category", "en", `{"duration.day": {"single": "x"}}`, `unknown plural category "single"`},
		{"category missing", "en", `{"duration.day": {"other": "{n} days"}}`, "lacks a plural category: expected one, other"},
		{"category too many", "en", `{"duration.day": {"one": "a", "two": "b", "other": "{n}"}}`, "a plural category too many"},
		{"categories of Arabic", "ar", string(english), "lacks a plural category: expected few, many, one, other, two, zero"},
		{"categories where nothing is counted", "en", `{"prompt.title": {"one": "x", "other": "y"}}`, "a plural category too many"},
		{"value missing", "en", `{"prompt.who": "Signing in"}`, "the same {values} as in English"},
		{"value too many", "en", `{"prompt.who": "{user} {app}"}`, "there is no value {app} here"},
		{"value in the wrong category", "en", `{"duration.day": {"one": "{user}", "other": "{n}"}}`, "there is no value {user} here"},
		{"open brace", "en", `{"prompt.who": "{user} {"}`, "expected a lower-case name in braces"},
		{"closing brace", "en", `{"prompt.who": "{user}}"}`, "closing brace without an opening one"},
		{"placeholder of another kind", "en", `{"prompt.who": "{user} {env.X}"}`, "expected a lower-case name in braces"},
		{"empty name", "en", `{"prompt.who": "{user} {}"}`, "expected a lower-case name in braces"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(Config{Text: map[string][]byte{tt.tag: []byte(tt.text)}})
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && err == nil:
				t.Fatal("accepted")
			case tt.want != "" && !strings.Contains(err.Error(), tt.want):
				t.Fatalf("error %q, want %q in it", err, tt.want)
			case tt.want == "" && p.languages.bundles[0].tag != language.English:
				t.Error("English is no longer what everything falls back to")
			}
		})
	}
}

func TestOverrideIsUsed(t *testing.T) {
	p, err := New(Config{Text: map[string][]byte{"en": []byte(`{"prompt.title": "Stay with {{us}?"}`)}})
	if err == nil {
		t.Fatalf("braces in a title were accepted: %v", p)
	}
	p, err = New(Config{Text: map[string][]byte{"en": []byte(`{"prompt.title": "Stay with us?"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	v := view{Page: Prompt{}, text: p.languages.bundles[0]}
	if title, err := v.Title(); err != nil || title.String() != "Stay with us?" {
		t.Errorf("title %q, %v", title, err)
	}
}

// Every key that a template names exists, and every key that exists is named by a template or by the code.
func TestKeysAreUsed(t *testing.T) {
	p := withText(t, "de")
	files, err := filepath.Glob("template/*.html")
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	quoted := regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)+)"`)
	for _, name := range append(files, code...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(source), -1) {
			used[m[1]] = true
		}
	}
	for _, b := range blocks {
		used["blocked."+string(b)+".title"], used["blocked."+string(b)+".lead"] = true, true
	}
	for k := range kinds {
		for _, part := range []string{".title", ".lead", ".action"} {
			used["problem."+string(k)+part] = true
		}
	}
	for _, limited := range []time.Duration{0, time.Hour} {
		for _, a := range (Prompt{BrowserMax: limited, PersistentMax: limited}).Answers() {
			used[a.Label], used[a.Limit] = true, true
		}
	}
	english := p.languages.bundles[0]
	for key := range english.texts {
		if !used[key] {
			t.Errorf("nothing uses %s", key)
		}
	}
	for key := range used {
		if english.texts[key] == nil && !strings.Contains(key, ".html") && !slices.Contains([]string{"page.css", "mark.svg"}, key) {
			t.Errorf("%s is used and does not exist", key)
		}
	}
}

func TestSayErrors(t *testing.T) {
	v := view{text: withText(t, "de").languages.bundles[0]}
	for name, call := range map[string]func() (Phrase, error){
		"unknown key":          func() (Phrase, error) { return v.Say("prompt.none") },
		"value missing":        func() (Phrase, error) { return v.Say("prompt.who") },
		"value of another key": func() (Phrase, error) { return v.Say("prompt.who", "app", "wiki") },
		"name without a value": func() (Phrase, error) { return v.Say("prompt.who", "user") },
	} {
		if phrase, err := call(); err == nil {
			t.Errorf("%s: %q", name, phrase)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(`{"prompt.title": "x", "duration.day": {"one": "{n}", "other": "{n} d"}}`)
	f.Add(`{"prompt.who": "{user"}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := New(Config{Text: map[string][]byte{"en": []byte(text)}})
		if err != nil {
			return
		}
		v := view{text: p.languages.bundles[0]}
		for _, n := range []int{0, 1, 2, 21} {
			if words, err := v.Words(time.Duration(n) * 24 * time.Hour); err != nil {
				t.Errorf("%d days: %q, %v", n, words, err)
			}
		}
		if _, err := v.Say("prompt.who", "user", fmt.Sprint(text)); err != nil {
			t.Error(err)
		}
	})
}
