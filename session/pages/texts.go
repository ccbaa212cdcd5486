package pages

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

//go:embed text/*.json
var textFiles embed.FS

// formNames are the plural categories as they are written in a text file (CLDR).
var formNames = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// bundle is one language.
type bundle struct {
	tag language.Tag
	// lang is the tag as text.
	lang, dir string
	// digits are the digits of the language, from 0 to 9.
	digits [10]string
	texts  map[string]text
	// faults are the errors that complete found in a built-in language. English replaces the texts concerned.
	faults error
}

func newBundle(tag language.Tag) *bundle {
	b := &bundle{tag: tag, lang: tag.String(), dir: direction(tag), texts: make(map[string]text)}
	printer := message.NewPrinter(tag)
	for i := range b.digits {
		b.digits[i] = printer.Sprint(number.Decimal(i))
	}
	return b
}

// builtInBundles are the languages in text/, English first. They are shared and never change.
//
// A key that was just added to English is missing in all others. Each language is completed with English texts, so that
// a page never fails for a missing translation; faults lists what is missing. A test fails if there are any.
var builtInBundles = sync.OnceValues(func() ([]*bundle, error) {
	entries, err := textFiles.ReadDir("text")
	if err != nil {
		return nil, fmt.Errorf("listing the built-in texts: %w", err)
	}
	var bundles []*bundle
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("texts for %q: not a language tag: %w", name, err)
		}
		data, err := textFiles.ReadFile("text/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("texts for %q: %w", name, err)
		}
		b := newBundle(tag)
		if err := b.read(data); err != nil {
			return nil, fmt.Errorf("texts for %q: %w", name, err)
		}
		bundles = append(bundles, b)
	}
	english := slices.IndexFunc(bundles, func(b *bundle) bool { return b.tag == language.English })
	bundles[0], bundles[english] = bundles[english], bundles[0]
	for _, b := range bundles {
		b.faults = b.complete(bundles[0])
		b.lean(bundles[0])
	}
	return bundles, nil
})

// read parses a text file: an object that maps a key to a string, or to an object of plural category and string.
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
		var t text
		for _, name := range slices.Sorted(maps.Keys(forms)) {
			form, known := formNames[name]
			if !known {
				return fmt.Errorf("%s: unknown plural category %q", key, name)
			}
			if _, err := parsePattern(forms[name]); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			t = t.with(form, forms[name])
		}
		b.texts[key] = t
	}
	b.pack()
	return nil
}

// pack puts all texts, and their keys, into one piece of memory.
func (b *bundle) pack() {
	keys := slices.Sorted(maps.Keys(b.texts))
	var all strings.Builder
	for _, key := range keys {
		all.WriteString(key)
		all.WriteString(string(b.texts[key]))
	}
	whole, texts := all.String(), make(map[string]text, len(keys))
	for _, key := range keys {
		n, end := len(key), len(key)+len(b.texts[key])
		texts[whole[:n]] = text(whole[n:end])
		whole = whole[end:]
	}
	b.texts = texts
}

// complete checks that the language has exactly the texts of English, with the same values, and that a counted text has
// exactly the plural categories of the language. It returns all errors.
func (b *bundle) complete(english *bundle) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(english.texts)) {
		faults = append(faults, b.fault(key, english.texts[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(b.texts)) {
		if english.texts[key] == "" {
			faults = append(faults, fmt.Errorf("unknown key %s", key))
		}
	}
	return errors.Join(faults...)
}

// lean replaces every text that is missing or does not fit by the English one.
func (b *bundle) lean(english *bundle) {
	for key, want := range english.texts {
		if b.fault(key, want) != nil {
			b.texts[key] = want
		}
	}
}

// fault returns the error in one text, which must have the values of the English one.
func (b *bundle) fault(key string, want text) error {
	has := b.texts[key]
	if has == "" {
		return fmt.Errorf("%s is missing", key)
	}
	needs, values := []plural.Form{plural.Other}, names(want.form(plural.Other))
	if values["n"] {
		needs = pluralForms(b.tag)
	}
	for _, form := range needs {
		if has.form(form) == "" {
			return fmt.Errorf("%s lacks a plural category: expected %s", key, spell(needs))
		}
	}
	if len(maps.Collect(has.forms())) != len(needs) {
		return fmt.Errorf("%s has a plural category too many: expected %s", key, spell(needs))
	}
	for form, source := range has.forms() {
		names := names(source)
		if form != plural.Other { // "one day" and "two days" may omit the number
			delete(names, "n")
		}
		for name := range names {
			if !values[name] {
				return fmt.Errorf("%s: there is no value {%s} here", key, name)
			}
		}
	}
	if !maps.Equal(names(has.form(plural.Other)), values) {
		return fmt.Errorf("%s: expected the same {values} as in English", key)
	}
	return nil
}

// pluralForms returns the plural categories that whole numbers have in a language. CLDR's rules for them repeat every
// hundred, except for "many" for millions in some Romance languages, which no duration reaches. So trying a few hundred
// numbers finds all.
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

// say returns the text of a key with its values filled in.
func (b *bundle) say(key string, pairs []string) (Phrase, error) {
	phrase, err := fill(b.texts[key].form(plural.Other), pairs)
	if err == nil && len(phrase) == 0 {
		err = errors.New("no such text")
	}
	if err != nil {
		return nil, fmt.Errorf("text %s in %s: %w", key, b.tag, err)
	}
	return phrase, nil
}

// sayAll is say for several keys, for a script.
func (b *bundle) sayAll(texts map[string]*string, pairs ...string) error {
	for key, to := range texts {
		phrase, err := b.say(key, pairs)
		if err != nil {
			return err
		}
		*to = phrase.String()
	}
	return nil
}

// count returns "1 day" or "90 days" by the plural rules of the language.
func (b *bundle) count(key string, n int) (string, error) {
	t := b.texts[key]
	source := t.form(cardinal(b.tag, n))
	if source == "" {
		source = t.form(plural.Other)
	}
	phrase, err := fill(source, []string{"n", b.number(n, 1)})
	return phrase.String(), err
}

// number formats a number that is not negative in the digits of the language, with leading zeros up to a width.
func (b *bundle) number(n, width int) string {
	var s strings.Builder
	for _, digit := range fmt.Sprintf("%0*d", width, n) {
		s.WriteString(b.digits[digit-'0'])
	}
	return s.String()
}
