package appdata

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for want, r := range map[string]Rule{
		"":              {Cookies: []string{"session", "__Host-a"}, Paths: []string{"/wiki", "/wiki/"}},
		"no names":      {All: true, Cookies: []string{"a"}},
		"at most 16":    {Cookies: strings.Split(strings.Repeat("a,", 17), ",")},
		"at most 4":     {All: true, Paths: []string{"/a", "/b", "/c", "/d", "/e"}},
		"a path needs":  {Paths: []string{"/a"}},
		"comes twice":   {Cookies: []string{"a", "a"}},
		"of Latchkey":   {Cookies: []string{"__Host-latchkey-browser"}},
		"not the name":  {Cookies: []string{"a; Domain=x"}},
		"not a path":    {All: true, Paths: []string{"/a; Domain=x"}},
		"path of a coo": {All: true, Paths: []string{"/"}},
	} {
		err := r.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

// Field trial 5.1: a cookie goes in each form in which an app can have set it that can be known.
func TestDelete(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule Rule
		host string
		sent []string
		want []string
	}{
		{
			"every form",
			Rule{Cookies: []string{"sid"}, Paths: []string{"/wiki"}},
			"wiki.example.com", nil,
			[]string{
				"sid=; Path=/; Max-Age=0; Secure", "sid=; Path=/; Domain=wiki.example.com; Max-Age=0; Secure",
				"sid=; Path=/; Domain=example.com; Max-Age=0; Secure",
				"sid=; Path=/wiki; Max-Age=0; Secure", "sid=; Path=/wiki; Domain=wiki.example.com; Max-Age=0; Secure",
				"sid=; Path=/wiki; Domain=example.com; Max-Age=0; Secure",
			},
		},
		{"host-only by name", Rule{Cookies: []string{"__Host-sid"}, Paths: []string{"/wiki"}}, "wiki.example.com", nil, []string{"__Host-sid=; Path=/; Max-Age=0; Secure"}},
		{"an address has no domain", Rule{Cookies: []string{"sid"}}, "192.0.2.7", nil, []string{"sid=; Path=/; Max-Age=0; Secure"}},
		{
			"all that is sent, and none of ours",
			Rule{All: true},
			"localhost",
			[]string{"__Host-latchkey=x; a=1;b = 2", "a=3; latchkey-pending=y; c"},
			[]string{"a=; Path=/; Max-Age=0; Secure", "b=; Path=/; Max-Age=0; Secure", "c=; Path=/; Max-Age=0; Secure"},
		},
		{"names that would leave the header", Rule{All: true}, "localhost", []string{"a\x01b=1; c{d=2; \"=3"}, nil},
	} {
		h := http.Header{}
		if !tt.rule.Delete(h, tt.host, true, tt.sent) || !slices.Equal(h["Set-Cookie"], tt.want) {
			t.Errorf("%s: %q", tt.name, h["Set-Cookie"])
		}
	}
}

// An answer takes so many deletions; the next one goes on with the rest, because the browser does not send those again.
func TestDeleteIsBounded(t *testing.T) {
	var sent []string
	for i := range 180 {
		sent = append(sent, "c"+strings.Repeat("x", i)+"=1")
	}
	r, rounds := Rule{All: true}, 0
	for complete := false; !complete; rounds++ {
		h := http.Header{}
		complete = r.Delete(h, "a.b.c.d.example.com", true, []string{strings.Join(sent, "; ")})
		if n := len(h["Set-Cookie"]); n > maxAnswer*(1+maxDomains) {
			t.Fatalf("%d lines in one answer", n)
		}
		for _, line := range h["Set-Cookie"] {
			name, _, _ := strings.Cut(line, "=")
			sent = slices.DeleteFunc(sent, func(s string) bool { return s == name+"=1" })
		}
		if rounds > 180 {
			t.Fatal("no end")
		}
	}
	if slices.ContainsFunc(sent, func(s string) bool { return len(s) <= maxName+2 }) {
		t.Errorf("%d cookies left", len(sent))
	}
}

func FuzzStrip(f *testing.F) {
	f.Add("sid=1; a=2", "b=3;sid = x")
	f.Add("__Host-latchkey=x; sid", ";;")
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, r := range []Rule{{All: true}, {Cookies: []string{"sid"}}, {}} {
			h := http.Header{"Cookie": {one, two}}
			r.Strip(h)
			var want, got []string
			for _, c := range (&http.Request{Header: http.Header{"Cookie": {one, two}}}).Cookies() {
				if !r.covers(c.Name) {
					want = append(want, c.Name+"="+c.Value)
				}
			}
			for _, c := range (&http.Request{Header: h}).Cookies() {
				got = append(got, c.Name+"="+c.Value)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v, %q and %q: %q, want %q", r, one, two, got, want)
			}
		}
	})
}
