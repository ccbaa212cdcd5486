package pages

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed text/*.json
var textFiles embed.FS

// rtlScripts are the scripts in use that are written from right to left (Unicode, Script property).
var rtlScripts = []string{"Adlm", "Arab", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"}

// formNames are the plural categories as a text file spells them (CLDR).
var formNames = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// text is one entry of a text file: a single pattern, or one for each plural category that the language has.
type text map[plural.Form]pattern

// bundle is one language.
type bundle struct {
	tag   language.Tag
	dir   string
	texts map[string]text
}

// languages are all bundles; the first is English, to which everything falls back.
type languages struct {
	bundles []*bundle
	matcher language.Matcher
}

// loadLanguages reads the built-in texts and lays the given ones over them. Every language is held against English as
// it is built in, English itself too: an override cannot redefine what has to be there.
func loadLanguages(overrides map[string][]byte) (languages, error) {
	var l, builtIn languages
	entries, err := textFiles.ReadDir("text")
	if err != nil {
		return l, fmt.Errorf("listing the built-in texts: %w", err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		data, err := textFiles.ReadFile("text/" + e.Name())
		if err == nil {
			err = l.add(name, data)
		}
		if err == nil && name == "en" {
			err = builtIn.add(name, data)
		}
		if err != nil {
			return l, err
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(overrides)) {
		if err := l.add(tag, overrides[tag]); err != nil {
			return l, err
		}
	}
	english := slices.IndexFunc(l.bundles, func(b *bundle) bool { return b.tag == language.English })
	l.bundles[0], l.bundles[english] = l.bundles[english], l.bundles[0]
	tags := make([]language.Tag, len(l.bundles))
	for i, b := range l.bundles {
		if err := b.complete(builtIn.bundles[0]); err != nil {
			return l, err
		}
		tags[i] = b.tag
	}
	l.matcher = language.NewMatcher(tags)
	return l, nil
}

// add reads one file, into the bundle of that language if there is one.
func (l *languages) add(name string, data []byte) error {
	tag, err := language.Parse(name)
	if err != nil {
		return fmt.Errorf("texts for %q: not a language tag: %w", name, err)
	}
	i := slices.IndexFunc(l.bundles, func(b *bundle) bool { return b.tag == tag })
	if i < 0 {
		i = len(l.bundles)
		l.bundles = append(l.bundles, &bundle{tag: tag, dir: direction(tag), texts: make(map[string]text)})
	}
	if err := l.bundles[i].read(data); err != nil {
		return fmt.Errorf("texts for %q: %w", name, err)
	}
	return nil
}

// pick returns the language that suits an Accept-Language header best, English if none does. A header that is
// malformed or longer than any browser's counts as absent.
func (l *languages) pick(accept string) *bundle {
	if accept == "" || len(accept) > 512 {
		return l.bundles[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return l.bundles[0]
	}
	_, i, confidence := l.matcher.Match(wanted...)
	if confidence == language.No {
		return l.bundles[0]
	}
	return l.bundles[i]
}

func direction(tag language.Tag) string {
	if script, _ := tag.Script(); slices.Contains(rtlScripts, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// read parses a text file: an object of key to string, or of key to plural category to string.
func (b *bundle) read(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("expected a JSON object: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		forms := make(map[string]string)
		if bytes.HasPrefix(raw[key], []byte("{")) {
			if err := json.Unmarshal(raw[key], &forms); err != nil {
				return fmt.Errorf("%s: expected plural categories with a text each: %w", key, err)
			}
		} else {
			var single string
			if err := json.Unmarshal(raw[key], &single); err != nil {
				return fmt.Errorf("%s: expected a text: %w", key, err)
			}
			forms["other"] = single
		}
		t := make(text)
		for name, s := range forms {
			form, known := formNames[name]
			if !known {
				return fmt.Errorf("%s: unknown plural category %q", key, name)
			}
			if strings.TrimSpace(s) == "" {
				return fmt.Errorf("%s: the text is empty", key)
			}
			p, err := parsePattern(s)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			t[form] = p
		}
		b.texts[key] = t
	}
	return nil
}

// complete checks that the language says everything that English says, with the same values, and nothing else, and
// that a counted text has exactly the plural categories of the language.
func (b *bundle) complete(english *bundle) error {
	for _, key := range slices.Sorted(maps.Keys(english.texts)) {
		want, has := english.texts[key], b.texts[key]
		if has == nil {
			return fmt.Errorf("texts for %q: %s is missing", b.tag, key)
		}
		needs := []plural.Form{plural.Other}
		if _, counted := want[plural.Other].names()["n"]; counted {
			needs = pluralForms(b.tag)
		}
		for _, form := range needs {
			if has[form] == nil {
				return fmt.Errorf("texts for %q: %s lacks a plural category: expected %s", b.tag, key, spell(needs))
			}
		}
		if len(has) != len(needs) {
			return fmt.Errorf("texts for %q: %s has a plural category too many: expected %s", b.tag, key, spell(needs))
		}
		for form, p := range has {
			names := p.names()
			if form != plural.Other { // "one day", "two days" may leave the number out
				delete(names, "n")
			}
			for name := range names {
				if !want[plural.Other].names()[name] {
					return fmt.Errorf("texts for %q: %s: there is no value {%s} here", b.tag, key, name)
				}
			}
		}
		if !maps.Equal(has[plural.Other].names(), want[plural.Other].names()) {
			return fmt.Errorf("texts for %q: %s: expected the same {values} as in English", b.tag, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.texts)) {
		if english.texts[key] == nil {
			return fmt.Errorf("texts for %q: unknown key %s", b.tag, key)
		}
	}
	return nil
}

// pluralForms are the categories that whole numbers take in a language. CLDR's rules for them repeat every hundred,
// but for a "many" of millions in some Romance languages, which no duration reaches: other than that, trying a few
// hundred finds all.
func pluralForms(tag language.Tag) []plural.Form {
	forms := []plural.Form{plural.Other}
	for n := range 300 {
		if form := cardinal(tag, n); !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

func cardinal(tag language.Tag, n int) plural.Form {
	return plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)
}

func spell(forms []plural.Form) string {
	var names []string
	for name, form := range formNames {
		if slices.Contains(forms, form) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// say fills the text of a key.
func (b *bundle) say(key string, pairs []string) (Phrase, error) {
	phrase, err := b.texts[key][plural.Other].fill(pairs)
	if err == nil && len(phrase) == 0 {
		err = fmt.Errorf("no such text")
	}
	if err != nil {
		return nil, fmt.Errorf("text %s in %s: %w", key, b.tag, err)
	}
	return phrase, nil
}
