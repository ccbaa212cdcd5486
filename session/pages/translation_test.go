package pages

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Twenty languages beside English, two and more of them from right to left, each found by what its browsers send.
func TestLanguages(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	rtl := 0
	for _, b := range p.languages.bundles {
		if b.dir == "rtl" {
			rtl++
		}
	}
	if n := len(p.languages.bundles); n < 21 || rtl < 2 {
		t.Errorf("%d languages, %d from right to left", n, rtl)
	}
	for accept, want := range map[string]string{
		"ar-EG,ar;q=0.9,en;q=0.8": "ar", "da-DK": "da", "de-CH,de;q=0.9": "de", "es-419,es;q=0.9": "es", "fa-IR": "fa", "fr-CA": "fr",
		"iw-IL": "he", "it-IT": "it", "ja": "ja", "ko-KR": "ko", "no": "nb", "nb-NO": "nb", "nl-BE": "nl", "pl": "pl", "pt-PT": "pt", "pt-BR": "pt",
		"ru-RU": "ru", "sv-SE": "sv", "tr-TR": "tr", "uk-UA": "uk", "zh-CN": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh": "zh-Hans",
		"en-AU": "en", "xx": "en",
	} {
		if got := p.languages.pick(accept).tag; got != language.MustParse(want) {
			t.Errorf("%s reads %s, want %s", accept, got, want)
		}
	}
}

// Durations by the plural rules of the languages that have many of them (CLDR).
func TestPlurals(t *testing.T) {
	for lang, want := range map[string][]string{ // 1, 2, 5, 21, 22, 25 and 90 days; 24 hours; 1 minute
		"en":      {"1 day", "2 days", "5 days", "21 days", "22 days", "25 days", "90 days", "24 hours", "1 minute"},
		"de":      {"1 Tag", "2 Tage", "5 Tage", "21 Tage", "22 Tage", "25 Tage", "90 Tage", "24 Stunden", "1 Minute"},
		"pl":      {"1 dzień", "2 dni", "5 dni", "21 dni", "22 dni", "25 dni", "90 dni", "24 godziny", "1 minutę"},
		"ru":      {"1 день", "2 дня", "5 дней", "21 день", "22 дня", "25 дней", "90 дней", "24 часа", "1 минуту"},
		"uk":      {"1 день", "2 дні", "5 днів", "21 день", "22 дні", "25 днів", "90 днів", "24 години", "1 хвилину"},
		"ar":      {"يوم واحد", "يومين", "٥ أيام", "٢١ يومًا", "٢٢ يومًا", "٢٥ يومًا", "٩٠ يومًا", "٢٤ ساعة", "دقيقة واحدة"},
		"he":      {"יום אחד", "יומיים", "5 ימים", "21 ימים", "22 ימים", "25 ימים", "90 ימים", "24 שעות", "דקה אחת"},
		"fr":      {"1 jour", "2 jours", "5 jours", "21 jours", "22 jours", "25 jours", "90 jours", "24 heures", "1 minute"},
		"fa":      {"۱ روز", "۲ روز", "۵ روز", "۲۱ روز", "۲۲ روز", "۲۵ روز", "۹۰ روز", "۲۴ ساعت", "۱ دقیقه"},
		"ja":      {"1日", "2日", "5日", "21日", "22日", "25日", "90日", "24時間", "1分"},
		"zh-Hant": {"1 天", "2 天", "5 天", "21 天", "22 天", "25 天", "90 天", "24 小時", "1 分鐘"},
	} {
		b := viewIn(t, lang).text
		var got []string
		for _, n := range []int{1, 2, 5, 21, 22, 25, 90} {
			words, err := b.count("duration.day", n)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, words)
		}
		hours, _ := b.count("duration.hour", 24)
		minute, _ := b.count("duration.minute", 1)
		got = append(got, hours, minute)
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s:\n got %q\nwant %q", lang, got, want)
		}
	}
}

// Every language says a time of its own, with the year, the day and UTC in it.
func TestMomentInEveryLanguage(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 12, 24, 18, 30, 0, 0, time.UTC)
	for _, b := range p.languages.bundles {
		v := view{text: b}
		when, err := v.When(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{2026, 24, 18, 30} {
			if !strings.Contains(when.Text, b.number(n, 2)) {
				t.Errorf("%s: %s lacks %d", b.tag, when.Text, n)
			}
		}
	}
}

// No translation was forgotten where a word cannot be the same in English by chance.
func TestNothingIsLeftInEnglish(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	english := p.languages.bundles[0]
	for _, b := range p.languages.bundles[1:] {
		for key, want := range english.texts {
			if s := want.form(plural.Other); strings.Count(s, " ") > 3 && s == b.texts[key].form(plural.Other) {
				t.Errorf("%s: %s reads English", b.tag, key)
			}
		}
	}
}

// Twenty-one languages are few pieces of memory, and nothing in them is a pointer: a garbage collection looks at every piece that is
// in use, as often as requests make garbage.
func TestTextsAreOnePiece(t *testing.T) {
	bundles, err := builtInBundles()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bundles {
		var first, last uintptr
		size := 0
		for key, text := range b.texts {
			for _, s := range []string{key, string(text)} {
				begins := uintptr(unsafe.Pointer(unsafe.StringData(s)))
				if first == 0 || begins < first {
					first = begins
				}
				last = max(last, begins+uintptr(len(s)))
				size += len(s)
			}
		}
		if size == 0 || uintptr(size) != last-first {
			t.Errorf("%s: texts of %d bytes lie between addresses %d bytes apart", b.lang, size, last-first)
		}
	}
}
