package session_test

import (
	"slices"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

// A10, A65: a policy may name somebody by a mail address only if the provider has verified it.
func TestNames(t *testing.T) {
	id := session.Identity{Issuer: "i", Subject: "sub"}
	for name, tt := range map[string]struct {
		s     session.Session
		names []string
	}{
		"all":              {session.Session{Identity: id, User: "ada", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}, []string{"ada", "ada@example.com", "sub"}},
		"not verified":     {session.Session{Identity: id, User: "ada", Email: "ada@example.com"}, []string{"ada", "sub"}},
		"nothing but sub":  {session.Session{Identity: id, EmailVerified: true}, []string{"sub"}},
		"user is the sub":  {session.Session{Identity: id, User: "sub"}, []string{"sub"}},
		"user is the mail": {session.Session{Identity: id, User: "a@b", Email: "a@b", EmailVerified: true}, []string{"a@b", "sub"}},
	} {
		if got := tt.s.Names(); !slices.Equal(got, tt.names) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
