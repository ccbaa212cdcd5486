package bound

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// V8: A challenge is for one purpose and one session, and has an end. The clocks of replicas may differ by a minute.
func TestChallengeIsGood(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	whom := [16]byte{1}
	good := challenge{use: toRefresh, whom: whom, made: now, ends: now.Add(time.Minute)}
	for name, tt := range map[string]struct {
		change func(*challenge)
		want   bool
	}{
		"good":                          {func(*challenge) {}, true},
		"made by a clock that is ahead": {func(c *challenge) { c.made = now.Add(skew) }, true},
		"made in the future":            {func(c *challenge) { c.made = now.Add(skew + time.Millisecond) }, false},
		"for a registration":            {func(c *challenge) { c.use = toRegister }, false},
		"of another session":            {func(c *challenge) { c.whom[15] = 1 }, false},
		"over":                          {func(c *challenge) { c.ends = now }, false},
	} {
		c := good
		tt.change(&c)
		if got := c.good(toRefresh, whom, now); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// V2: An authorization is for one host and has an end of its own, whatever challenge comes with it.
func TestAuthorization(t *testing.T) {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	b := New(access.NewEnvironment(access.Config{Keys: ring, Now: func() time.Time { return now }}), nil)
	here, there := &access.Visit{Host: "wiki.example.com"}, &access.Visit{Host: "mail.example.com"}
	given := authorization{token: session.Token{ID: session.ID{1}}, ends: now.Add(offerLife)}
	text := b.sealAuthorization(here, given)
	if got, ok := b.openAuthorization(here, text); !ok || got.token != given.token {
		t.Errorf("as it was given: %v, %t", got, ok)
	}
	if _, ok := b.openAuthorization(there, text); ok {
		t.Error("it is good at another host")
	}
	if _, ok := b.openAuthorization(here, b.seal(here, challenge{use: toRegister, whom: given.token.ID, made: now, ends: given.ends})); ok {
		t.Error("a challenge is an authorization")
	}
	now = given.ends
	if _, ok := b.openAuthorization(here, text); ok {
		t.Error("it is good for ever")
	}
}
