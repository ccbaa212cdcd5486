package scrub

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestConnection(t *testing.T) { // A50
	for _, tt := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"keep-alive"}, []string{"keep-alive"}},
		{[]string{"Keep-Alive, Upgrade"}, []string{"Keep-Alive, Upgrade"}},
		{[]string{"Upgrade"}, []string{"Upgrade"}},
		{[]string{"close, TE"}, []string{"close, TE"}},
		{[]string{"close, Remote-User"}, []string{"close"}},
		{[]string{"Remote-User"}, nil},
		{[]string{"remote-user,X-Latchkey-Assertion"}, nil},
		{[]string{"Remote-User", "upgrade"}, []string{"upgrade"}},
		{[]string{"close", "keep-alive"}, []string{"close", "keep-alive"}},
		{[]string{"close", "Cookie, te", ""}, []string{"close, te"}},
		{[]string{" ,\t, uPgRaDe ,,X-Forwarded-For\t"}, []string{"uPgRaDe"}},
		{[]string{""}, nil},
		{[]string{",,,"}, nil},
		{[]string{"keep-alive; Remote-User"}, nil},
		{[]string{"close Remote-User"}, nil},
		{[]string{"\u212Aeep-alive"}, nil}, // the Kelvin sign is no k
		{[]string{"Authorization, Content-Length, Host, Connection"}, nil},
	} {
		h := http.Header{"X-Other": {"1"}}
		if tt.in != nil {
			h["Connection"] = slices.Clone(tt.in)
		}
		Connection(h)
		if got := h["Connection"]; strings.Join(got, ", ") != strings.Join(tt.want, ", ") {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
		if _, ok := h["Connection"]; ok != (tt.want != nil) {
			t.Errorf("%q: header present: %v", tt.in, ok)
		}
		if h.Get("X-Other") != "1" {
			t.Errorf("%q: touched another header", tt.in)
		}
	}
}

func FuzzConnection(f *testing.F) {
	f.Add("close, Remote-User", "te")
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"Connection": {a, b}}
		Connection(h)
		for _, v := range h["Connection"] {
			for option := range strings.SplitSeq(v, ",") {
				switch strings.ToLower(strings.TrimSpace(option)) {
				case "close", "keep-alive", "upgrade", "te":
				default:
					t.Fatalf("%q, %q: option %q survived", a, b, option)
				}
			}
		}
	})
}
