package scrub

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCookies(t *testing.T) { // A36
	const ours = "__Host-latchkey=v1.AAAA"
	for _, tt := range []struct {
		name     string
		in, want []string
		removed  bool
	}{
		{"none", nil, nil, false},
		{"foreign", []string{"a=1; b=2"}, []string{"a=1; b=2"}, false},
		{"only ours", []string{ours}, nil, true},
		{"first", []string{ours + "; a=1"}, []string{"a=1"}, true},
		{"last", []string{"a=1; " + ours}, []string{"a=1"}, true},
		{"middle", []string{"a=1; " + ours + "; b=2"}, []string{"a=1; b=2"}, true},
		{"twice", []string{ours + "; a=1; " + ours}, []string{"a=1"}, true},
		{"all kinds", []string{"__Host-latchkey-flow-0a1b2c3d=x; a=1; __Host-latchkey-pending=x; __Host-latchkey-answer=x; b=2; __Host-latchkey-browser=x"}, []string{"a=1; b=2"}, true},
		{"loopback", []string{"latchkey=x; a=1; latchkey-flow-0a1b2c3d=y; latchkey-browser=z"}, []string{"a=1"}, true},
		{"no blank", []string{"a=1;latchkey=x;b=2"}, []string{"a=1;b=2"}, true},
		{"of a whole site", []string{"a=1; __Secure-latchkey-bound=x; b=2; __Secure-latchkeyring=3"}, []string{"a=1; b=2; __Secure-latchkeyring=3"}, true},
		{"blanks around the name", []string{"a=1;\t __Host-latchkey =x ; b=2"}, []string{"a=1; b=2"}, true},
		{"no value", []string{"__Host-latchkey; a=1"}, []string{"a=1"}, true},
		{"empty value", []string{"a=1; latchkey="}, []string{"a=1"}, true},
		{"trailing semicolon", []string{"a=1; " + ours + ";"}, []string{"a=1"}, true},
		{"only semicolons left", []string{";; " + ours + " ; ;"}, nil, true},
		{"two lines", []string{"a=1", ours, "b=2; " + ours}, []string{"a=1", "b=2"}, true},
		{"bytes stay", []string{"a=\"x y\",%zz=\\;  odd ;=;" + ours + ";b==\xff;"}, []string{"a=\"x y\",%zz=\\;  odd ;=;b==\xff;"}, true},
		{"quotes protect nothing", []string{`a="; ` + ours + `; "; b=2`}, []string{`a="; "; b=2`}, true},
		{"other names", []string{"latchkeys=1; my-latchkey=2; __Host-latchkeyring=3; x__Host-latchkey=4; Latchkey=5"}, []string{"latchkeys=1; my-latchkey=2; __Host-latchkeyring=3; x__Host-latchkey=4; Latchkey=5"}, false},
		{"in a value", []string{"a=latchkey; b=__Host-latchkey=x"}, []string{"a=latchkey; b=__Host-latchkey=x"}, false},
		{"empty line", []string{""}, []string{""}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.in != nil {
				h["Cookie"] = slices.Clone(tt.in)
			}
			before := Cookies(h)
			if !slices.Equal(h["Cookie"], tt.want) {
				t.Errorf("got %q, want %q", h["Cookie"], tt.want)
			}
			if tt.removed && !slices.Equal(before, tt.in) || !tt.removed && before != nil {
				t.Errorf("before = %q", before)
			}
			if _, ok := h["Cookie"]; ok && tt.want == nil {
				t.Error("an empty Cookie header is left")
			}
		})
	}
}

func TestCookiesAreCheap(t *testing.T) {
	h := http.Header{"Cookie": {"theme=dark; lang=en; csrftoken=abcdefghijklmnopqrstuvwxyz"}}
	if got := testing.AllocsPerRun(100, func() { Cookies(h) }); got != 0 {
		t.Errorf("%v allocations without a cookie of ours", got)
	}
}

// Twice as many cookies cost about twice as much, not four times: a megabyte of them is no weapon.
func TestManyCookiesStayLinear(t *testing.T) { // A36
	for _, unit := range []string{"latchkey=x; ", "latchkey=x;a=1;", "a=latchkey; ", ";", " latchkey", "latchkey-=;;"} {
		cost := func(n int) time.Duration {
			line := strings.Repeat(unit, n)
			best := time.Hour
			for range 5 {
				h := http.Header{"Cookie": {line}}
				start := time.Now()
				Cookies(h)
				best = min(best, time.Since(start))
			}
			return best
		}
		small, large := cost(2_000), cost(64_000)
		if large > 32*8*max(small, 20*time.Microsecond) {
			t.Errorf("%q: %v for 2,000, %v for 64,000", unit, small, large)
		}
	}
}

func BenchmarkCookies(b *testing.B) {
	session := "__Host-latchkey=" + strings.Repeat("A", 100)
	for name, line := range map[string]string{
		"only":    session,
		"first":   session + "; theme=dark; csrftoken=abcdef",
		"middle":  "theme=dark; " + session + "; csrftoken=abcdef",
		"foreign": "theme=dark; csrftoken=abcdef",
	} {
		b.Run(name, func(b *testing.B) {
			lines := []string{line}
			h := http.Header{}
			b.ReportAllocs()
			for b.Loop() {
				h["Cookie"] = lines
				Cookies(h)
			}
		})
	}
}

func FuzzCookies(f *testing.F) {
	f.Add("a=1; __Host-latchkey=x; b=2", "latchkey-flow-1=;")
	f.Add(";;;", "latchkey")
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"Cookie": {a, b}}
		Cookies(h)
		for _, line := range h["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				if isOurs(pair) {
					t.Fatalf("%q, %q: %q reaches the upstream", a, b, pair)
				}
			}
		}
		// net/http reads the same cookies as before, without ours.
		want := foreign(http.Header{"Cookie": {a, b}})
		if got := foreign(h); !slices.Equal(got, want) {
			t.Fatalf("%q, %q: foreign cookies %q became %q", a, b, want, got)
		}
	})
}

func foreign(h http.Header) (pairs []string) {
	for _, c := range (&http.Request{Header: h}).Cookies() {
		if !isOurs(c.Name) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return pairs
}
