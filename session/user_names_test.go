package session_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

// A10, A65, field trial 2.5: a rule that opens a way may name somebody only by what the provider vouches for.
func TestCalled(t *testing.T) {
	id := session.Identity{Issuer: "i", Subject: "sub"}
	for name, tt := range map[string]struct {
		s              session.Record
		trust          bool
		names, claimed []string
		app            string
	}{
		"all":              {session.Record{User: "ada", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}, false, []string{"ada", "ada@example.com"}, nil, "ada"},
		"not verified":     {session.Record{User: "ada", Email: "ada@example.com"}, false, []string{"ada"}, []string{"ada@example.com"}, "ada"},
		"nothing but sub":  {session.Record{EmailVerified: true}, false, nil, nil, ""},
		"user is the sub":  {session.Record{User: "sub"}, false, nil, nil, "sub"},
		"user is the mail": {session.Record{User: "A@b", Email: "a@B", EmailVerified: true}, false, []string{"A@b"}, nil, "A@b"},
		"an address":       {session.Record{User: "boss@b", Email: "eve@b", EmailVerified: true}, false, []string{"eve@b"}, []string{"boss@b"}, "sub"},
		"in a wide form":   {session.Record{User: "boss\uff20b"}, false, nil, []string{"boss\uff20b"}, "sub"},
		"in a small form":  {session.Record{User: "boss\ufe6bb"}, false, nil, []string{"boss\ufe6bb"}, "sub"},
		"trusted":          {session.Record{User: "boss@b"}, true, []string{"boss@b"}, nil, "boss@b"},
		"only claimed":     {session.Record{User: "ada", UserUnverified: true}, false, nil, []string{"ada"}, "sub"},
		"others beside it": {session.Record{User: "ada", Unverified: []string{"x@b", "X@B", "ADA"}}, false, []string{"ada"}, []string{"x@b"}, "ada"},
	} {
		tt.s.Identity = id
		names, claimed := tt.s.Called(tt.trust)
		if !slices.Equal(names, tt.names) || !slices.Equal(claimed, tt.claimed) || tt.s.AppUser(tt.trust) != tt.app {
			t.Errorf("%s: %q, claimed %q, for applications %q", name, names, claimed, tt.s.AppUser(tt.trust))
		}
	}
}

// Field trial 2.5: whatever a provider states, nothing that looks like an address opens a way or reaches an application
// unless it is the verified address.
func TestOnlyTheVerifiedAddressIsVouchedFor(t *testing.T) {
	names := rapid.SampledFrom([]string{"", "ada", "ada@example.com", "ADA@EXAMPLE.COM", "eve@example.com", "eve\uff20example.com", "sub"})
	rapid.Check(t, func(rt *rapid.T) {
		s := session.Record{
			Identity: session.Identity{Issuer: "i", Subject: "sub"}, User: names.Draw(rt, "user"), Email: names.Draw(rt, "email"),
			EmailVerified: rapid.Bool().Draw(rt, "verified"), UserUnverified: rapid.Bool().Draw(rt, "user unverified"),
			Unverified: rapid.SliceOfN(names, 0, 3).Draw(rt, "unverified"),
		}
		vouched, claimed := s.Called(false)
		for _, name := range append(vouched, s.AppUser(false)) {
			if session.LooksLikeAddress(name) && !(s.EmailVerified && strings.EqualFold(name, s.Email)) {
				rt.Fatalf("%q opens a way to %+v", name, s)
			}
		}
		for _, name := range append(s.Unverified, s.User, s.Email) {
			if name == "" || name == "sub" {
				continue
			}
			if !slices.ContainsFunc(append(vouched, claimed...), func(n string) bool { return strings.EqualFold(n, name) }) {
				rt.Fatalf("%q restricts nobody of %+v", name, s)
			}
		}
	})
}
