package pages

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"
)

func textFile(t testing.TB, lang string) []byte {
	t.Helper()
	data, err := textFiles.ReadFile("text/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A short second language would have to be complete; this one is built from English by the test.
func withText(t *testing.T, tag string) *Pages {
	t.Helper()
	p, err := New(Config{Text: map[string][]byte{tag: textFile(t, "en")}})
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
		l := newLanguages([]*bundle{{tag: language.English}, {tag: language.MustParse(tt.have)}})
		for _, when := range []string{"first", "again"} {
			if got := l.pick(tt.accept).tag.String(); got != tt.want {
				t.Errorf("have %s, asked for %.40q %s: %s, want %s", tt.have, tt.accept, when, got, tt.want)
			}
		}
	}
}

// What is cached of untrusted headers is limited, and never gives a user another user's language.
func TestPickedIsBounded(t *testing.T) {
	l := newLanguages([]*bundle{{tag: language.English}, {tag: language.German}})
	for i := range 10 * maxPicked {
		if got := l.pick(fmt.Sprintf("de;q=0.%d", i+1)).tag; got != language.German {
			t.Fatalf("the %d. asked for German and got %s", i+1, got)
		}
	}
	if got := l.pick("en").tag; got != language.English || len(l.picked.by) > maxPicked {
		t.Errorf("%s; %d headers are remembered", got, len(l.picked.by))
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
	english := textFile(t, "en")
	without := regexp.MustCompile(`(?m)^  "prompt\.title".*\n`).ReplaceAll(english, nil)
	tests := []struct {
		name, tag, text, want string
	}{
		{"override in part", "en", `{"prompt.title": "Stay?"}`, ""},
		{"override counted", "en", `{"duration.day": {"one": "a day", "other": "{n} d"}}`, ""},
		{"same plural categories", "is", string(english), ""},
		{"missing key", "is", string(without), "prompt.title is missing"},
		{"new language in part", "is", `{"prompt.title": "Vera áfram?"}`, "is missing"},
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
		{"element", "en", `{"prompt.title": "Stay <b>signed in</b>?"}`, `"<" in`},
		{"half an element", "en", `{"prompt.title": "a > b"}`, `">" in`},
		{"character reference", "en", `{"prompt.title": "Stay&nbsp;signed in?"}`, `"&nbsp;" in`},
		{"numeric reference", "en", `{"prompt.title": "Stay&#x20;?"}`, `"&#x20;" in`},
		{"ampersand", "en", `{"prompt.title": "You & us"}`, ""},
		{"line break", "en", `{"prompt.title": "Stay\nsigned in?"}`, "plain, without markup"},
		{"direction override", "en", `{"prompt.title": "Stay\u202e?"}`, "plain, without markup"},
		{"not UTF-8", "en", "{\"prompt.title\": \"Stay\xff\"}", "plain, without markup"},
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
	p := withText(t, "is")
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
	for _, b := range bindings {
		used["blocked.binding."+string(b)] = true
	}
	for k := range kinds {
		for _, part := range []string{".title", ".lead", ".action"} {
			used["problem."+string(k)+part] = true
		}
	}
	for _, f := range []Frame{FrameStronger, FrameElsewhere} {
		used["framed."+string(f)+".title"], used["framed."+string(f)+".lead"] = true, true
	}
	for _, f := range forms {
		used["me."+string(f)] = true
	}
	for _, s := range stays {
		used["me.stay."+string(s)] = true
	}
	for _, o := range outcomes {
		used["me.outcome."+string(o)] = true
	}
	for _, f := range tokenFaults {
		used["me.token."+string(f)] = true
	}
	for _, y := range whys {
		used[y.key()] = true
	}
	for month := range 12 {
		used[fmt.Sprintf("date.month_%d", month+1)] = true
	}
	for _, limited := range []time.Duration{0, time.Hour} {
		for _, bound := range []Prompt{{}, {UnboundMax: time.Minute}, {UnboundEnds: true}} {
			bound.BrowserMax, bound.PersistentMax = limited, limited
			for _, a := range bound.Answers() {
				used[a.Label], used[a.Limit] = true, true
			}
		}
	}
	english := p.languages.bundles[0]
	for key := range english.texts {
		if !used[key] {
			t.Errorf("nothing uses %s", key)
		}
	}
	for key := range used {
		if english.texts[key] == "" && !strings.Contains(key, ".html") && !slices.Contains([]string{"page.css", "mark.svg", "idle.js", "session.js", "ask.js", "done.js", "fragment.js"}, key) {
			t.Errorf("%s is used and does not exist", key)
		}
	}
}

func TestSayErrors(t *testing.T) {
	v := view{text: withText(t, "is").languages.bundles[0]}
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

// Every language says everything, in words that fit. What is missing reads English until then; this names it.
func TestEveryLanguageIsComplete(t *testing.T) {
	bundles, err := builtInBundles()
	if err != nil {
		t.Fatal(err)
	}
	lacking := map[string][]string{}
	for _, b := range bundles {
		joined, _ := b.faults.(interface{ Unwrap() []error })
		if joined == nil {
			continue
		}
		for _, fault := range joined.Unwrap() {
			lacking[fault.Error()] = append(lacking[fault.Error()], b.tag.String())
		}
	}
	for _, fault := range slices.Sorted(maps.Keys(lacking)) {
		t.Errorf("text/*.json: %s in %s", fault, strings.Join(lacking[fault], " "))
	}
}

// A translation that was forgotten: a page is still a page, and the fault is known.
func TestIncompleteLanguageReadsEnglish(t *testing.T) {
	bundles, err := builtInBundles()
	if err != nil {
		t.Fatal(err)
	}
	b := newBundle(language.MustParse("is"))
	if err := b.read([]byte(`{"prompt.title": "Vera áfram?", "prompt.who": "án nafns", "prompt.extra": "x"}`)); err != nil {
		t.Fatal(err)
	}
	faults := b.complete(bundles[0])
	for _, want := range []string{"prompt.lead is missing", "prompt.who: expected the same {values}", "unknown key prompt.extra"} {
		if faults == nil || !strings.Contains(faults.Error(), want) {
			t.Errorf("%q is not among the faults: %v", want, faults)
		}
	}
	b.lean(bundles[0])
	v := view{text: b}
	for key, want := range map[string]string{"prompt.title": "Vera áfram?", "prompt.lead": "Say yes on a device"} {
		if got, err := v.Say(key); err != nil || !strings.HasPrefix(got.String(), want) {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if got, err := v.Say("prompt.who", "user", "ada"); err != nil || got.String() != "Signing in as ada" {
		t.Errorf("%q, %v", got, err)
	}
}

// The languages of a request: what it was marked with, else what the browser says.
func TestLocales(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ locales, accept, want string }{
		{"ar", "en", "ar"},
		{"ar-EG en", "en", "ar"},
		{"xx ar", "en", "ar"},
		{"xx", "ar", "ar"},
		{"", "ar", "ar"},
		{"not_a_tag!", "ar", "ar"},
		{"en", "ar", "en"},
		{strings.Repeat("en ", 100), "ar", "ar"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept-Language", tt.accept)
		if got := p.languages.of(WithLocales(r, tt.locales)).tag.String(); got != tt.want {
			t.Errorf("ui_locales %.20q, Accept-Language %q: %s, want %s", tt.locales, tt.accept, got, tt.want)
		}
	}
	for given, want := range map[string]string{
		"de-ch  en": "de-CH en", "de\r\nX: y": "de", "<script> fr": "fr", "de,en": "", "": "", strings.Repeat("x", 257): "",
	} {
		if got := Locales(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}
