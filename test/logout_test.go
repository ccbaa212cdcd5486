package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// leaveProvider signs a client out at the provider itself, where it has its session.
func (s *site) leaveProvider(c *rig.HTTP) {
	s.t.Helper()
	s.idp.Reset()
	c.Press(c.Get(s.idp.Issuer+"/session/end"), "Yes, sign out of the provider")
	if told := s.idp.Last("told"); told.Status != http.StatusOK {
		s.t.Fatalf("the provider's message was answered %d", told.Status)
	}
}

// Rules 14, 15 and 17, A45: the provider's own sign-out ends the sessions here, on every replica, with the cookie still in
// the browser: by sid those that came of it, by sub all of the person's. Nobody else's end, and neither a Yes nor a
// browser that is gone stands in the way.
func TestProviderSignsOut(t *testing.T) {
	t.Parallel()
	for _, told := range []string{"sid", "sub"} {
		t.Run(told, func(t *testing.T) {
			t.Parallel()
			a, b := replicas(t, config{told: told, idp: func(c *rig.IDPConfig) { c.SSO = true }})
			here, elsewhere, adam := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
			a.entered(here, "/", "alice", "Yes")
			a.entered(elsewhere, "/", "alice", "Yes")
			a.entered(adam, "/", "adam", "Yes")
			// Another session of the same browser at the provider: same sid, another cookie of ours.
			twin := here.Copy(t)
			twin.SetCookie(a.host(), a.cookie(""), "")
			twin = a.again(twin)
			for _, c := range []*rig.HTTP{here, twin, elsewhere, adam} {
				if !a.alive(c) || !b.alive(c) {
					t.Fatal("somebody is not signed in")
				}
			}
			a.leaveProvider(here)
			for _, s := range []*site{a, b} {
				s.mustBeDead(here, "the browser")
				s.mustBeDead(twin, "the other session of the same browser")
				if told == "sub" {
					s.mustBeDead(elsewhere, "the person's other browser")
				} else if !s.alive(elsewhere) {
					t.Error("another session at the provider ended as well")
				}
				if !s.alive(adam) {
					t.Error("somebody else was signed out")
				}
			}
			// What follows is a sign-in like any other.
			a.entered(here, "/", "alice", "Yes")
			if !b.alive(here) {
				t.Error("the sign-in after it is not good")
			}
		})
	}
}

// again signs in where the provider remembers the browser, and answers Yes.
func (s *site) again(c *rig.HTTP) *rig.HTTP {
	s.t.Helper()
	r := c.Follow(c.Get(s.url("/")), nil)
	if isPrompt(r) {
		r = c.Press(r, "Yes")
	}
	if !isApp(r) {
		s.t.Fatalf("signing in again: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	return c
}

// A sign-in that waits at the prompt when the provider's session ends makes no session of it.
func TestProviderSignsOutAtThePrompt(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{told: "sid", idp: func(c *rig.IDPConfig) { c.SSO = true }})
	c := rig.NewHTTP(t)
	prompt := s.enter(c, "/", "alice", "")
	if !isPrompt(prompt) {
		t.Fatalf("no prompt: %d\n%s", prompt.StatusCode, prompt.Text)
	}
	s.leaveProvider(c)
	r := c.Press(prompt, "Yes")
	if r.StatusCode != http.StatusForbidden || !strings.Contains(r.Text, "Please sign in again") || s.sessions() != 0 {
		t.Errorf("the answer after it: %d, %d sessions\n%s", r.StatusCode, s.sessions(), r.Text)
	}
}

// RP-initiated logout: the provider gets a state and sends it back, and whoever signs out here with the provider's Yes is
// out of every site that was signed in with the same session there.
func TestSignOutGoesRound(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{told: "sid", idp: func(c *rig.IDPConfig) { c.SSO = true }})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	twin := c.Copy(t)
	twin.SetCookie(s.host(), s.cookie(""), "")
	s.again(twin)
	r := c.Follow(c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")), nil)
	s.mustBeDead(c, "this browser")
	state := s.idp.Last("end_session").Query["state"]
	if state == "" {
		t.Fatal("no state was sent")
	}
	r = c.Press(r, "Yes, sign out of the provider")
	if r.StatusCode != 200 || r.At.Path != "/.latchkey/signed-out" || r.At.Query().Get("state") != state {
		t.Errorf("came back to %s: %d", r.At, r.StatusCode)
	}
	s.mustBeDead(twin, "the other session of the provider's")
	rig.Until(t, rig.Patience, "the way back is noted", func() bool {
		return strings.Contains(s.gw.Output(), "back from the provider after sign-out")
	})
	forged := rig.NewHTTP(t).Get(s.url("/.latchkey/signed-out?state=" + strings.Repeat("A", 90)))
	if forged.StatusCode != 200 || !strings.Contains(forged.Text, "You are signed out") {
		t.Errorf("a forged state: %d", forged.StatusCode)
	}
}

// A22: what is open for a session when it ends is cut within a second, on the replica where it is ended and on the other,
// through a real reverse proxy; what somebody else has open goes on.
func TestSignOutClosesStreams(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, config{})
	alice, adam := rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(alice, "/", "alice", "Yes")
	a.entered(adam, "/", "adam", "Yes")
	cut := map[string]chan time.Time{}
	for name, s := range map[string]*site{"here": a, "on the other replica": b} {
		cut["WebSocket "+name] = s.openSocket(alice)
		cut["events "+name] = s.openEvents(alice)
	}
	others := []chan time.Time{b.openSocket(adam), b.openEvents(adam)}
	alice.Send(alice.Get(a.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	ended := time.Now()
	for name, ch := range cut {
		select {
		case at := <-ch:
			if late := at.Sub(ended); late > time.Second {
				t.Errorf("%s was cut %s after the sign-out", name, late)
			}
		case <-time.After(rig.Patience):
			t.Errorf("%s was never cut", name)
		}
	}
	for _, ch := range others {
		select {
		case <-ch:
			t.Error("somebody else's stream was cut")
		default:
		}
	}
}

// openSocket opens a WebSocket that is known to work and reports when it ends.
func (s *site) openSocket(c *rig.HTTP) chan time.Time {
	s.t.Helper()
	conf, err := websocket.NewConfig(strings.Replace(s.url("/ws"), "http", "ws", 1), s.origin())
	if err != nil {
		s.t.Fatal(err)
	}
	conf.Header.Set("User-Agent", "Go-http-client/1.1")
	conf.Header.Set("Cookie", s.cookie("")+"="+c.Cookie(s.host(), s.cookie("")))
	ws, err := conf.DialContext(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = ws.Close() })
	var text string
	if err := websocket.Message.Send(ws, "hello"); err != nil {
		s.t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &text); err != nil || text != "hello" {
		s.t.Fatalf("the socket says %q, %v", text, err)
	}
	ended := make(chan time.Time, 1)
	go func() {
		for websocket.Message.Receive(ws, &text) == nil {
		}
		ended <- time.Now()
	}()
	return ended
}

// openEvents is openSocket for server-sent events.
func (s *site) openEvents(c *rig.HTTP) chan time.Time {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/events/endless"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Cookie", s.cookie("")+"="+c.Cookie(s.host(), s.cookie("")))
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("opening events: %v, %v", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() {
		s.t.Fatal("no event came")
	}
	ended := make(chan time.Time, 1)
	go func() {
		defer resp.Body.Close()
		for lines.Scan() {
		}
		ended <- time.Now()
	}()
	return ended
}
