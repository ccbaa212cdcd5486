package pages

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// viewIn is a page in one of the built-in languages.
func viewIn(t testing.TB, lang string) view {
	t.Helper()
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := p.languages.pick(lang)
	if b.tag.String() != lang {
		t.Fatalf("no built-in texts for %s", lang)
	}
	return view{text: b}
}

const day = 24 * time.Hour

func TestWords(t *testing.T) {
	tests := []struct {
		d      time.Duration
		en, ar string
	}{
		{90 * day, "90 days", "٩٠ يومًا"},
		{180 * day, "180 days", "١٨٠ يومًا"},
		{7 * day, "7 days", "٧ أيام"},
		{2 * day, "2 days", "يومين"},
		{day, "24 hours", "٢٤ ساعة"},
		{36 * time.Hour, "36 hours", "٣٦ ساعة"},
		{47*time.Hour + 59*time.Minute, "47 hours and 59 minutes", "٤٧ ساعة و٥٩ دقيقة"},
		{60 * time.Hour, "2 days and 12 hours", "يومين و١٢ ساعة"},
		{101 * day, "101 days", "١٠١ يوم"},
		{7*day + time.Minute, "7 days", "٧ أيام"},
		{time.Hour, "1 hour", "ساعة واحدة"},
		{90 * time.Minute, "1 hour and 30 minutes", "ساعة واحدة و٣٠ دقيقة"},
		{30 * time.Minute, "30 minutes", "٣٠ دقيقة"},
		{time.Minute, "1 minute", "دقيقة واحدة"},
		{61 * time.Second, "1 minute and 1 second", "دقيقة واحدة وثانية واحدة"},
		{time.Second, "1 second", "ثانية واحدة"},
		{1500 * time.Millisecond, "1 second", "ثانية واحدة"},
		{time.Millisecond, "0 seconds", "٠ ثانية"},
		{0, "0 seconds", "٠ ثانية"},
	}
	en, ar := viewIn(t, "en"), viewIn(t, "ar")
	for _, tt := range tests {
		if got, err := en.Words(tt.d); err != nil || got != tt.en {
			t.Errorf("%v: %q, %v, want %q", tt.d, got, err, tt.en)
		}
		if got, err := ar.Words(tt.d); err != nil || got != tt.ar {
			t.Errorf("%v: %q, %v, want %q", tt.d, got, err, tt.ar)
		}
	}
	if got, err := en.text.count("duration.day", 1); err != nil || got != "1 day" {
		t.Errorf("one day: %q, %v", got, err)
	}
}

func TestWait(t *testing.T) {
	v := viewIn(t, "en")
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1 second", 30 * time.Second: "30 seconds", 29500 * time.Millisecond: "30 seconds",
		time.Minute: "1 minute", 61 * time.Second: "2 minutes", 90 * time.Minute: "1 hour and 30 minutes",
	} {
		if got, err := v.Wait(d); err != nil || got != want {
			t.Errorf("%v: %q, %v, want %q", d, got, err, want)
		}
	}
}

// The prompt is honest: what it says is never more than the limit, and less by less than a unit of what it says last.
func TestWordsNeverPromiseMore(t *testing.T) {
	p, err := New(Config{Text: map[string][]byte{"en": []byte(`{
		"duration.day": {"one": "{n}d", "other": "{n}d"}, "duration.hour": {"one": "{n}h", "other": "{n}h"},
		"duration.minute": {"one": "{n}m", "other": "{n}m"}, "duration.second": {"one": "{n}s", "other": "{n}s"},
		"duration.and": "{large}{small}"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	v := view{text: p.languages.bundles[0]}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(1000*day)).Draw(t, "d"))
		words, err := v.Words(d)
		if err != nil {
			t.Fatal(err)
		}
		var said time.Duration
		n := time.Duration(0)
		for _, r := range words {
			unit, ok := map[rune]time.Duration{'d': day, 'h': time.Hour, 'm': time.Minute, 's': time.Second}[r]
			if !ok {
				n = n*10 + time.Duration(r-'0')
				continue
			}
			said += n * unit
			n = 0
		}
		if said > d || d-said >= time.Hour || d < day && d-said >= time.Minute {
			t.Fatalf("%v reads as %q, which is %v", d, words, said)
		}
	})
}
