package config

import (
	"strings"
	"testing"
)

func TestSuggestion(t *testing.T) {
	words := []string{"provider", "policy", "session", "store", "keys"}
	for got, want := range map[string]string{
		"provder":                  `, did you mean "provider"?`,
		"Policy":                   `, did you mean "policy"?`,
		"plicoy":                   `, did you mean "policy"?`,
		"key":                      `, did you mean "keys"?`,
		"frobnicate":               ", expected one of keys, policy, provider, session, store",
		"":                         ", expected one of keys, policy, provider, session, store",
		strings.Repeat("x", 1<<20): ", expected one of keys, policy, provider, session, store",
	} {
		if s := Suggest(got, words); s != want {
			t.Errorf("%.20q: got %s, want %s", got, s, want)
		}
	}
	if s := Suggest("x", nil); s != "" {
		t.Errorf("without words: %q", s)
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "ac", 1}, {"kitten", "sitting", 3}} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
