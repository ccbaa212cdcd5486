package pages

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 3600))
	for lang, want := range map[string][2]string{
		"en": {"4 March 2026, 04:06 UTC", "4 March 2026, 04:06:07 UTC"},
		"ar": {"٤ مارس ٢٠٢٦، ٠٤:٠٦ بالتوقيت العالمي", "٤ مارس ٢٠٢٦، ٠٤:٠٦:٠٧ بالتوقيت العالمي"},
	} {
		v := viewIn(t, lang)
		when, err := v.When(at)
		if err != nil || when.Text != want[0] || when.Machine != "2026-03-04T04:06:07Z" {
			t.Errorf("%s: %+v, %v", lang, when, err)
		}
		if exact, err := v.Exact(at); err != nil || exact.Text != want[1] {
			t.Errorf("%s: %+v, %v", lang, exact, err)
		}
	}
	if _, err := viewIn(t, "en").When(time.Time{}); err != nil {
		t.Errorf("the zero time: %v", err)
	}
}
