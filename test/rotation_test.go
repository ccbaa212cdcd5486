package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// ring is what `latchkey keys list --json` says.
type ring struct {
	Source string
	Keys   []struct {
		ID       string
		Seals    bool
		Sessions int
	}
	Unreadable int
}

func (s *site) ring() (r ring) {
	s.t.Helper()
	out, err := s.gw.Ask("keys", "list", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &r)
	}
	if err != nil {
		s.t.Fatalf("keys list: %v: %s", err, out)
	}
	return r
}

// A rotation on one of two replicas ends nobody at either, and what either seals from then on opens at the other at once. A
// key that sessions need does not retire but by force, which ends them at both with one line each.
func TestRotationOverReplicas(t *testing.T) {
	t.Parallel()
	port := rig.FreePort(t)
	c := config{data: t.TempDir(), idp: func(ic *rig.IDPConfig) {
		ic.Clients[0].RedirectURIs = append(ic.Clients[0].RedirectURIs, fmt.Sprintf("http://127.0.0.1:%d/.latchkey/callback", port))
	}}
	a := newSite(t, c)
	c.redis, c.peer, c.port = a.redis, a, port
	b := newSite(t, c)
	old, atA, atB := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(old, "/", "alice", "Yes")
	if !b.alive(old) {
		t.Fatal("the other replica does not know the session")
	}
	first := a.ring().Keys[0].ID
	if out, err := a.gw.Ask("keys", "rotate"); err != nil || !strings.Contains(out, "seals from now on") {
		t.Fatalf("rotating: %v: %s", err, out)
	}
	if !a.alive(old) || !b.alive(old) {
		t.Fatal("the rotation ended a session")
	}
	a.entered(atA, "/", "adam", "No")
	if !b.alive(atA) {
		t.Error("a session made at the one does not open at the other")
	}
	rig.Until(t, rig.Patience, "the other replica seals with the new key", func() bool { return b.ring().Keys[0].ID != first })
	b.entered(atB, "/", "gina", "")
	if !a.alive(atB) {
		t.Error("a session made at the other does not open at the one")
	}
	for _, s := range []*site{a, b} {
		r := s.ring()
		if len(r.Keys) != 2 || !r.Keys[0].Seals || r.Keys[0].Sessions < 2 || r.Keys[1].ID != first || r.Keys[1].Sessions < 1 || r.Source != "storage" {
			t.Errorf("the ring: %+v", r)
		}
	}
	if out, err := b.gw.Ask("keys", "retire", first); err == nil || !strings.Contains(out, "force it") {
		t.Errorf("a key that a session needs retired: %v: %s", err, out)
	}
	if !a.alive(old) || !b.alive(old) {
		t.Fatal("a refused retirement ended a session")
	}

	if out, err := b.gw.Ask("keys", "retire", first, "--force"); err != nil {
		t.Fatalf("retiring by force: %v: %s", err, out)
	}
	for name, s := range map[string]*site{"a": a, "b": b} {
		rig.Until(t, rig.Patience, "the session under the key is over at "+name, func() bool { return s.api(old, "/x").StatusCode == 401 })
		if rig.Holds(time.Second, func() bool { return s.api(old, "/x").StatusCode != 401 }) {
			t.Errorf("at %s it came back", name)
		}
		if !s.alive(atA) || !s.alive(atB) {
			t.Errorf("at %s somebody else was thrown out", name)
		}
		if n := strings.Count(s.gw.Output(), "sealed under a key that the key ring does not have"); n != 1 {
			t.Errorf("%d lines at %s say why", n, name)
		}
	}
	if out, err := a.gw.Ask("sessions", "list"); err != nil || !strings.Contains(out, "1 sessions could not be opened") || !strings.Contains(out, "adam") {
		t.Errorf("the sessions: %v: %s", err, out)
	}
	a.entered(old, "/", "alice", "Yes")
	if !b.alive(old) {
		t.Error("a new sign-in does not open at the other replica")
	}
}
