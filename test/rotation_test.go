package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// ring is what `latchkey keys list --json` says.
type ring struct {
	Source string
	Keys   []struct {
		ID        string
		Seals     bool
		SealsFrom time.Time
		Sessions  int
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

// keys are those of the ring, as the admin API lists them.
func (s *site) keys() (r ring) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.adminText("/latchkey/keys")), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// twoReplicas are two gateways that share Caddy's storage, a Redis, a provider and an app.
func twoReplicas(t *testing.T) (a, b *site) {
	t.Helper()
	port := rig.FreePort(t)
	c := config{data: t.TempDir(), idp: func(ic *rig.IDPConfig) {
		ic.Clients[0].RedirectURIs = append(ic.Clients[0].RedirectURIs, fmt.Sprintf("http://127.0.0.1:%d/.latchkey/callback", port))
	}}
	a = newSite(t, c)
	c.redis, c.peer, c.port = a.redis, a, port
	return a, newSite(t, c)
}

// due makes the newest key in the storage seal from now on, as if its time had come.
func (s *site) due() {
	s.t.Helper()
	path := filepath.Join(s.c.data, "latchkey", "keys.json")
	var stored struct {
		Keys []map[string]any `json:"keys"`
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &stored)
	}
	if err == nil {
		stored.Keys[0]["seals"] = time.Now()
		text, err = json.Marshal(stored)
	}
	if err == nil {
		err = os.WriteFile(path+".tmp", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// reads makes the replica read the ring, which an unknown key does, until the key seals.
func (s *site) reads(c *rig.HTTP, key string) {
	s.t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(c.Cookie(s.host(), s.cookie("")))
	if err != nil || len(sealed) < 3 {
		s.t.Fatalf("a cookie of %d bytes: %v", len(sealed), err)
	}
	sealed[1] ^= 0x55
	unknown := c.Copy(s.t)
	unknown.SetCookie(s.host(), s.cookie(""), base64.RawURLEncoding.EncodeToString(sealed))
	rig.Until(s.t, rig.Patience, "the new key seals at "+s.origin(), func() bool {
		if r := s.api(unknown, "/x"); r.StatusCode != 401 && r.StatusCode != 503 {
			s.t.Errorf("a cookie under an unknown key: %d %s", r.StatusCode, r.Text)
		}
		k := s.keys().Keys[0]
		return k.ID == key && k.Seals
	})
}

// A rotation over two replicas under load: the new key opens at both before one seals with it, and in every state what
// either seals opens at the other. No request meets a sign-in or an error.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	a, b := twoReplicas(t)
	old := rig.NewHTTP(t)
	a.entered(old, "/", "alice", "Yes")
	loads := []*steady{a.steady(old), b.steady(old)}
	var all []*rig.HTTP
	crossing := func(state string) {
		t.Helper()
		for _, way := range [][2]*site{{a, b}, {b, a}} {
			c := rig.NewHTTP(t)
			way[0].entered(c, "/", "adam", "No")
			all = append(all, c)
			for i, c := range all {
				if r := way[1].api(c, "/x"); r.StatusCode != 200 {
					t.Errorf("%s: session %d at %s: %d %s", state, i, way[1].origin(), r.StatusCode, r.Text)
				}
			}
		}
	}
	first := a.keys().Keys[0].ID
	began := time.Now()
	out, err := a.gw.Ask("keys", "rotate")
	if err != nil || !strings.Contains(out, "when every server knows it") {
		t.Fatalf("rotating: %v: %s", err, out)
	}
	rig.Until(t, rig.Patience, "both replicas have the new key", func() bool { return len(a.keys().Keys) == 2 && len(b.keys().Keys) == 2 })
	made := a.keys().Keys[0]
	for _, s := range []*site{a, b} {
		keys := s.keys().Keys
		if keys[0].ID != made.ID || keys[0].Seals || keys[0].SealsFrom.Before(began.Add(time.Minute)) || keys[1].ID != first || !keys[1].Seals {
			t.Errorf("before its time: %+v", keys)
		}
	}
	crossing("the new key waits")
	a.due()
	a.reads(old, made.ID)
	crossing("the new key seals at one replica")
	b.reads(old, made.ID)
	crossing("the new key seals at both")
	for i, l := range loads {
		rig.Until(t, rig.Patience, "load is served", func() bool { return l.served.Load() > 10 || len(l.bad) > 0 })
		l.stop()
		<-l.done
		close(l.bad)
		for said := range l.bad {
			t.Errorf("load %d: %s", i, said)
		}
	}
}

// A rotation at once on one of two replicas ends no session at either, and what either seals from then on opens at the other at
// once. A key that sessions need does not retire but by force, which ends them at both with one line each.
func TestRotationOverReplicas(t *testing.T) {
	t.Parallel()
	a, b := twoReplicas(t)
	old, atA, atB := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(old, "/", "alice", "Yes")
	if !b.alive(old) {
		t.Fatal("the other replica does not know the session")
	}
	first := a.ring().Keys[0].ID
	if out, err := a.gw.Ask("keys", "rotate", "--now"); err != nil || !strings.Contains(out, "seals from now on") {
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
