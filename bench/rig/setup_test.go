package rig

import (
	"regexp"
	"slices"
	"testing"
)

// Each case of Latchkey is followed by its twin of the other gateway, and plain Caddy has none: that is what the ratios of
// a comparison are made of.
func TestWithTwins(t *testing.T) {
	all := []Setup{{Name: "plain", Plain: true}, {Name: "file"}, {Name: "Redis", InRedis: true, Recheck: "0"}}
	chosen := func(o Options, only string) (names []string) {
		for _, s := range WithTwins(o, regexp.MustCompile(only), all, func(s *Setup) *Setup { return s }, func(s *Setup) { s.Lines = "of a twin" }) {
			if s.Beside != (s.Lines == "of a twin") {
				t.Errorf("%s: of the other gateway %t, lines %q", s.Name, s.Beside, s.Lines)
			}
			names = append(names, s.Name)
		}
		return names
	}
	for _, row := range []struct {
		options Options
		only    string
		want    []string
	}{
		{Options{Redis: "x"}, "", []string{"plain", "file", "Redis"}},
		{Options{}, "", []string{"plain", "file"}},
		{Options{Redis: "x"}, "^fi", []string{"file"}},
		{Options{Redis: "x", Beside: "y"}, "", []string{"plain", "file", "file (beside)", "Redis", "Redis (beside)"}},
	} {
		if got := chosen(row.options, row.only); !slices.Equal(got, row.want) {
			t.Errorf("%+v, only %q: %q, want %q", row.options, row.only, got, row.want)
		}
	}
	if all[1].Beside || all[1].Name != "file" {
		t.Error("a twin changed the case that it is made of")
	}
}
