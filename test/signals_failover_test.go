package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// delivered is how long an event is sent again: a replica that was killed in the middle of it has it reserved for 30 seconds.
const delivered = 60 * time.Second

// settledUsers are two users who are signed in, and so long that an event of now is later than their sign-in.
func settledUsers(t *testing.T, s *site) (alice, adam *rig.HTTP) {
	t.Helper()
	alice, adam = rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	s.entered(adam, "/", "adam", "Yes")
	began := time.Now()
	rig.Until(t, rig.Patience, "the second of the sign-in is over", func() bool { return time.Since(began) > time.Second })
	return alice, adam
}

// deliver sends an event again until one of the replicas acknowledges it, as transmitters do, and returns what was answered before.
func deliver(t *testing.T, event string, replicas ...*site) (before []int) {
	t.Helper()
	n := 0
	rig.Until(t, delivered, "the event is acknowledged", func() bool {
		s := replicas[n%len(replicas)]
		n++
		a, err := transmitter.TryPush(http.DefaultClient, s.stream(), event)
		if err != nil {
			return false
		}
		if a.Status != http.StatusAccepted {
			before = append(before, a.Status)
		}
		return a.Status == http.StatusAccepted
	})
	for _, status := range before {
		if status != http.StatusServiceUnavailable {
			t.Errorf("the event was answered %d", status)
		}
	}
	return before
}

// The master of Redis dies while an event is pushed. What is acknowledged is carried out, on both replicas, and stays so after the
// failover; what is not is sent again.
func TestSignalDuringFailover(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinels(t, redistest.SentinelConfig{DownAfter: 2 * time.Second, Persistent: true})
	tr := transmitter.New(t)
	a, b := replicas(t, config{
		embedded: true, app: fmt.Sprintf("store redis {\n\t\t\tsentinel %s %s\n\t\t}\n%s", set.Master, set.Sentinel.Addr, signals(tr, "")),
	})
	alice, adam := settledUsers(t, a)
	rig.Until(t, rig.Patience, "the replica of Redis has everything", set.Whole)
	event := tr.Token(transmitter.RISC+"account-disabled", transmitter.User(a.idp.Issuer, "alice"), nil, nil)
	set.First.Pause() // so that it is in the middle of the event
	first := make(chan transmitter.Answer, 1)
	go func() {
		answer, _ := transmitter.TryPush(http.DefaultClient, a.stream(), event)
		first <- answer
	}()
	select {
	case answer := <-first:
		if answer.Status != http.StatusServiceUnavailable {
			t.Errorf("without the master: %d", answer.Status)
		}
	case <-time.After(rig.Patience):
		t.Fatal("the event was not answered")
	}
	rig.Until(t, rig.Patience, "another master", func() bool { s := set.Current(); return s != nil && s != set.First })
	deliver(t, event, b, a)
	set.First.Resume()
	for _, s := range []*site{a, b} {
		rig.Until(t, rig.Patience, "the sessions are served or refused", func() bool {
			return s.api(adam, "/x").StatusCode != http.StatusServiceUnavailable && s.api(alice, "/x").StatusCode != http.StatusServiceUnavailable
		})
		s.mustBeDead(alice, "alice")
		if !s.alive(adam) {
			t.Error("another user was signed out")
		}
	}
	deliver(t, event, a)
}

// The gateway is killed between the receipt of an event and its effect: it was not acknowledged, so it is sent again, and acts.
func TestSignalDuringCrash(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	tr := transmitter.New(t)
	a, b := replicas(t, config{app: signals(tr, ""), redis: redis.Addr})
	alice, adam := settledUsers(t, a)
	event := tr.Token(transmitter.RISC+"account-disabled", transmitter.User(a.idp.Issuer, "alice"), nil, nil)
	fetched := tr.KeyFetches()
	redis.Pause()
	lost := make(chan error, 1)
	go func() {
		_, err := transmitter.TryPush(http.DefaultClient, a.stream(), event)
		lost <- err
	}()
	rig.Until(t, rig.Patience, "the event is verified", func() bool { return tr.KeyFetches() > fetched })
	a.gw.Kill()
	redis.Resume()
	if err := <-lost; err == nil {
		t.Error("the event was answered")
	}
	a.gw.Start()
	deliver(t, event, b, a)
	for _, s := range []*site{a, b} {
		s.mustBeDead(alice, "alice")
		if !s.alive(adam) {
			t.Error("another user was signed out")
		}
	}
	for _, s := range []*site{a, b} {
		s.mustTake(tr, event)
	}
}
