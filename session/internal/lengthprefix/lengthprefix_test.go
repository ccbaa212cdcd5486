package lengthprefix_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/internal/lengthprefix"
)

// A72: two lists have the same bytes if and only if they are the same list.
func TestListsAreApart(t *testing.T) {
	list := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "aa", "\x00", "\x01", "\x01a", "\x02aa"}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		same := string(lengthprefix.Append(nil, a...)) == string(lengthprefix.Append(nil, b...))
		if same != slices.Equal(a, b) {
			t.Fatalf("%q as %q", a, b)
		}
	})
}

// The bytes are part of keys and sums that are stored.
func TestFormat(t *testing.T) {
	if got := string(lengthprefix.Append([]byte("-"), "ab", "", string(make([]byte, 128)))); got != "-\x02ab\x00\x80\x01"+string(make([]byte, 128)) {
		t.Errorf("%q", got)
	}
}
