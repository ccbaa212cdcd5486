package pending_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// A25: the bound holds in a store that leaves out the question for others where it knows that there are none: after one was
// ended because there were too many, after one was claimed, and after one was answered.
func TestPendingAreBoundedInRedis(t *testing.T) {
	store, err := redisstore.Open(redisstore.Config{URL: redistest.Start(t).URL(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	keys := keyringtest.Ring(t, 'k')
	gateways := []*pending.Keeper{pending.New(pending.Config{Store: store, Keys: keys}), pending.New(pending.Config{Store: store, Keys: keys})}
	var tokens []session.Token
	deadline := time.Now().Add(time.Hour)
	waiting := func() (n int) {
		for _, token := range tokens {
			_, err := gateways[0].SignIn(t.Context(), token)
			switch {
			case err == nil:
				n++
			case !errors.Is(err, session.ErrNotFound):
				t.Fatal(err)
			}
		}
		return n
	}
	for i := range 20 {
		deadline = deadline.Add(time.Second)
		tokens = append(tokens, hold(t, gateways[i%2], ada, deadline))
		if n := waiting(); n != min(i+1, 5) {
			t.Errorf("after %d sign-ins %d wait", i+1, n)
		}
	}
	for i, end := range []func(session.Token) error{
		func(token session.Token) error { _, err := gateways[0].Claim(t.Context(), token); return err },
		func(token session.Token) error {
			a, err := gateways[1].Answer(t.Context(), token)
			if err == nil {
				_, err = store.Apply(t.Context(), session.Step{Take: a.Session.Take, From: a.Session.From})
			}
			return err
		},
	} {
		if err := end(tokens[len(tokens)-1]); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			deadline = deadline.Add(time.Second)
			tokens = append(tokens, hold(t, gateways[i], ada, deadline))
			if n := waiting(); n != 5 {
				t.Errorf("after one has ended and others came, %d wait", n)
			}
		}
	}
}
