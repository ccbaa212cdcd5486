package journal

import "testing"

// A position that comes back from a client has one spelling.
func TestParsePosition(t *testing.T) {
	for _, bad := range []string{"", "-", "1", "1-", "-1", "01-1", "1-01", "+1-1", "1-1-1", " 1-1", "1-1 ", "a-1", "1-18446744073709551616", "0x1-1", "1_0-1"} {
		if p, err := ParsePosition(bad); err == nil {
			t.Errorf("%q reads as %v", bad, p)
		}
	}
	if p, err := ParsePosition("1764000000000-18446744073709551615"); err != nil || p != (Position{1764000000000, 1<<64 - 1}) {
		t.Errorf("%v, %v", p, err)
	}
}
