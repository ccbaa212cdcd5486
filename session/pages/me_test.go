package pages_test

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// An address reads from the left on every page; the name of a network as its letters say.
func TestPlaces(t *testing.T) {
	p := newPages(t)
	for place, want := range map[pages.Place]string{
		"::1":          `<bdi dir="ltr">::1</bdi>`,
		"192.0.2.7":    `<bdi dir="ltr">192.0.2.7</bdi>`,
		"2001:db8::1":  `<bdi dir="ltr">2001:db8::1</bdi>`,
		"head office":  `<bdi>head office</bdi>`,
		"المكتب":       `<bdi>المكتب</bdi>`,
		"10.0.0.0.0.1": `<bdi>10.0.0.0.0.1</bdi>`,
	} {
		page := pages.Me{
			Sessions: []pages.MySession{{ID: "a", Place: place}}, SignInsKept: true, SignIns: []pages.MySignIn{{Outcome: pages.OutcomeSignedIn, Place: place}},
		}
		if body := get(t, p, page, "ar").Body.String(); strings.Count(body, want) != 2 {
			t.Errorf("%s: not twice %s in\n%s", place, want, body)
		}
	}
}
