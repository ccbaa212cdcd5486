package pages

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// rtlScripts are the scripts in use that are written from right to left (Unicode, Script property).
var rtlScripts = []string{"Adlm", "Arab", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"}

// languages are all bundles. The first is English, which is the fallback.
type languages struct {
	bundles []*bundle
	matcher language.Matcher
	picked  *recall[string, *bundle] // results by Accept-Language
}

// maxPicked is for how many Accept-Language headers the result is cached: browsers send few different ones, and
// matching one takes longer than rendering much of a page.
const maxPicked = 256

// loadLanguages applies the given texts over the built-in ones. It compares all languages, and the overridden English,
// with the built-in English: an override cannot change which texts are required.
func loadLanguages(overrides map[string][]byte) (languages, error) {
	builtIn, err := builtInBundles()
	if err != nil {
		return languages{}, err
	}
	l := languages{bundles: slices.Clone(builtIn)}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		b, err := l.override(name, overrides[name])
		if err == nil {
			err = few(b.complete(builtIn[0]))
		}
		if err != nil {
			return l, fmt.Errorf("texts for %q: %w", name, err)
		}
	}
	return newLanguages(l.bundles), nil
}

func newLanguages(bundles []*bundle) languages {
	tags := make([]language.Tag, len(bundles))
	for i, b := range bundles {
		tags[i] = b.tag
	}
	return languages{bundles: bundles, matcher: language.NewMatcher(tags), picked: newRecall[string, *bundle](maxPicked)}
}

// few shortens a list of errors to what fits in a log line.
func few(faults error) error {
	joined, ok := faults.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) == 1 {
		return faults
	}
	all := joined.Unwrap()
	return fmt.Errorf("%w, and %d more like it", all[0], len(all)-1)
}

// override applies one file to a copy of the bundle of that language, or reads it as a new one.
func (l *languages) override(name string, data []byte) (*bundle, error) {
	tag, err := language.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("not a language tag such as de or pt-BR: %w", err)
	}
	b := newBundle(tag)
	if i := slices.IndexFunc(l.bundles, func(b *bundle) bool { return b.tag == tag }); i < 0 {
		l.bundles = append(l.bundles, b)
	} else {
		b.texts = maps.Clone(l.bundles[i].texts)
		l.bundles[i] = b
	}
	return b, b.read(data)
}

const (
	// maxAccept is longer than the Accept-Language of any browser, maxLocales longer than any real ui_locales.
	maxAccept  = 512
	maxLocales = 256
)

type localesKey struct{}

// WithLocales returns a request whose pages are written in the first available of these languages, regardless of its
// browser: BCP 47 tags separated by spaces (OpenID Connect Core, section 3.1.2.1, ui_locales). Empty changes nothing.
func WithLocales(r *http.Request, locales string) *http.Request {
	if locales == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), localesKey{}, locales))
}

// Locales returns the well-formed part of an untrusted ui_locales parameter: tags in their canonical form, separated by
// spaces. Other parts are dropped, because an unknown language is not an error. A parameter that is too long is dropped
// as a whole.
func Locales(s string) string {
	if len(s) > maxLocales {
		return ""
	}
	var tags []string
	for word := range strings.FieldsSeq(s) {
		if tag, err := language.Parse(word); err == nil && tag != language.Und {
			tags = append(tags, tag.String())
		}
	}
	return strings.Join(tags, " ")
}

// of returns the language for a request: the one set by WithLocales, else the one of the browser, else English.
func (l *languages) of(r *http.Request) *bundle {
	if locales, ok := r.Context().Value(localesKey{}).(string); ok {
		var wanted []language.Tag
		for word := range strings.FieldsSeq(Locales(locales)) {
			wanted = append(wanted, language.Make(word))
		}
		if b := l.match(wanted); b != nil {
			return b
		}
	}
	return l.pick(r.Header.Get("Accept-Language"))
}

// pick returns the best language for an Accept-Language header, English if none matches. A header that is malformed or
// too long counts as absent.
func (l *languages) pick(accept string) *bundle {
	if accept == "" || len(accept) > maxAccept {
		return l.bundles[0]
	}
	if b, ok := l.picked.get(accept); ok {
		return b
	}
	b := l.bundles[0]
	if wanted, _, err := language.ParseAcceptLanguage(accept); err == nil {
		if near := l.match(wanted); near != nil {
			b = near
		}
	}
	l.picked.put(strings.Clone(accept), b)
	return b
}

// match returns nil if no available language is close to a wanted one.
func (l *languages) match(wanted []language.Tag) *bundle {
	if len(wanted) == 0 {
		return nil
	}
	_, i, confidence := l.matcher.Match(wanted...)
	if confidence == language.No {
		return nil
	}
	return l.bundles[i]
}

func direction(tag language.Tag) string {
	if script, _ := tag.Script(); slices.Contains(rtlScripts, script.String()) {
		return "rtl"
	}
	return "ltr"
}
