package signinlog

import (
	"errors"
	"testing"
)

// A cursor comes back from a client: whatever it is, it is refused, or it is the one spelling of what it says.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{
		"", "~", ".", "-", "end", "2026-03-04.1764000000000-3", "2026-03-04.0-0~2026-03-05.1-18446744073709551615",
		"2026-03-05.1-1~2026-03-04.1-1", "2026-3-4.1-1", "2026-02-29.1-1", "2026-03-04.01-1", "0000-01-01.1-1", "9999-12-31.1-1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		places, err := parsePlaces(s)
		if err != nil {
			if !errors.Is(err, ErrCursor) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if got := formatPlaces(places); got != s {
			t.Errorf("%q is taken for %q", s, got)
		}
	})
}
