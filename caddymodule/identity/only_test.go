package identity

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Field trial 1.27.
func TestOnly(t *testing.T) {
	groups := []string{"wiki-admins", "wiki-", "wiki", "Wiki-Admins", "ops", "my-wiki-x", "a*b", "axb", "wiki-?", "größe-1"}
	for _, tt := range []struct{ patterns, want []string }{
		{nil, groups},
		{[]string{"wiki-*"}, []string{"wiki-admins", "wiki-", "wiki-?"}},
		{[]string{"*wiki*"}, []string{"wiki-admins", "wiki-", "wiki", "my-wiki-x", "wiki-?"}},
		{[]string{"ops", "wiki"}, []string{"wiki", "ops"}},
		{[]string{"OPS"}, nil},
		{[]string{"wiki-?"}, []string{"wiki-?"}},
		{[]string{"a*b"}, []string{"a*b", "axb"}},
		{[]string{"w*-*s", "ops"}, []string{"wiki-admins", "ops"}},
		{[]string{"wiki*i*"}, []string{"wiki-admins"}},
		{[]string{"wiki-*-"}, nil}, // its parts may not share a character
		{[]string{"größe-*"}, []string{"größe-1"}},
	} {
		before := slices.Clone(groups)
		if got := NewOnly(tt.patterns).Keep(groups); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.patterns, got, tt.want)
		}
		if !slices.Equal(groups, before) {
			t.Fatalf("%q changed the list", tt.patterns)
		}
	}
}

func TestOnlyProperty(t *testing.T) {
	letters := rapid.StringMatching(`[ab.]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		pattern, group := rapid.StringMatching(`[ab.*]{1,6}`).Draw(t, "pattern"), letters.Draw(t, "group")
		expr := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
		if got := len(NewOnly([]string{pattern}).Keep([]string{group})) == 1; got != expr.MatchString(group) {
			t.Fatalf("%q, %q: %t", pattern, group, got)
		}
	})
}

func TestCheckPatterns(t *testing.T) {
	for _, bad := range [][]string{{""}, {"*"}, {"a", "**"}, {"a\nb"}, {"\xff"}, {"a", "b", "a"}, {strings.Repeat("a", maxPattern+1)}} {
		if CheckPatterns(bad) == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	if err := CheckPatterns([]string{"wiki-*", "*-admins", "größe", "A", "a"}); err != nil {
		t.Error(err)
	}
}
