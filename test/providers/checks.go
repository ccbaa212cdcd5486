package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// check tries one thing, as tryout.Outcome takes it; a failure goes through the site's trial.
type check struct {
	name string
	do   func(s *site) (note string, err error)
}

// checks are the columns of the table, in the order of a run. Those that restart things stand last.
var checks = []check{
	{"sign-in", signIn},
	{"Yes and No", yesAndNo},
	{"renewal", renewal},
	{"two browsers", twoBrowsers},
	{"group", groupChange},
	{"disabled", disabledPerson},
	{"step-up", stepUp},
	{"second factor", secondFactorAsked},
	{"sign-out here", signOutHere},
	{"sign-out there", signOutThere},
	{"keys", keyRotation},
	{"outage", outage},
	{"gateway restarts", gatewayRestart},
	{"provider restarts", providerRestart},
}

func signIn(s *site) (string, error) {
	c := rig.NewHTTP(s.t)
	r := s.enter(c, "/deep/page?x=1", ada, "Yes")
	if r.At.RequestURI() != "/deep/page?x=1" {
		s.t.Fatalf("came back to %s", r.At.RequestURI())
	}
	user := s.app.Last(s.t).Header.Get("Remote-User")
	if user == "" {
		s.t.Fatal("the app is told no user")
	}
	if len(s.gw.SignIns(0)) == 0 {
		s.t.Fatal("no sign-in in the log")
	}
	return "", nil
}

// yesAndNo looks at the cookie that each answer makes.
func yesAndNo(s *site) (string, error) {
	for answer, lasts := range map[string]bool{"Yes": true, "No": false} {
		c := rig.NewHTTP(s.t)
		r, _ := s.travel(c, c.Get(s.url("/")), ada)
		if !isPrompt(r) {
			s.t.Fatalf("no prompt: %d %s", r.StatusCode, excerpt(r.Text))
		}
		r = c.Send(r.Form(s.t, answer))
		found := false
		for _, k := range r.Cookies() {
			if k.Name == "latchkey" && k.Value != "" {
				found = true
				if (k.MaxAge > 0) != lasts {
					s.t.Errorf("%s: the cookie's lifetime is %d s", answer, k.MaxAge)
				}
			}
		}
		if !found {
			s.t.Errorf("%s: no cookie", answer)
		}
		if !isApp(c.Follow(r, nil)) {
			s.t.Errorf("%s: not in the app", answer)
		}
	}
	return "", nil
}

// renewal goes through two refreshes and looks whether the second one is asked with what the first one gave.
func renewal(s *site) (string, error) {
	c := s.entered(ada)
	if s.newest().text("refresh_token") == "" {
		return "", tryout.Absent("the provider gives no refresh token")
	}
	got := s.renewed(c, 2, 2*(2*every)+slack)
	first, second := got[0], got[1]
	was, given := first.form.Get("refresh_token"), first.text("refresh_token")
	want, how := was, "not rotated"
	if given != "" && given != was {
		want, how = given, "rotated"
	}
	if second.form.Get("refresh_token") != want {
		s.t.Fatalf("the second refresh was not asked with the newest refresh token (%s)", how)
	}
	if second.text("id_token") == "" {
		how += ", no ID token"
	}
	return how, nil
}

// twoBrowsers renews two sessions of one person. A provider that keeps one refresh token a person refuses the older one:
// then that session alone leads to a sign-in.
func twoBrowsers(s *site) (string, error) {
	older := s.entered(ada)
	younger := s.entered(ada)
	if s.newest().text("refresh_token") == "" {
		return "", tryout.Absent("the provider gives no refresh token")
	}
	s.renewed(younger, 1, 2*every+slack)
	mark := s.tap.mark()
	refused := func(x seen) bool { return grant("refresh_token")(x) && x.status >= 400 && x.status < 500 }
	good := func(x seen) bool { return grant("refresh_token")(x) && x.status == http.StatusOK }
	alive := true
	if !rig.Holds(8*every+slack, func() bool { alive = s.alive(older); return !alive || len(s.tap.since(mark, good)) > 0 }) {
		s.t.Fatalf("the older session is neither renewed nor ended; last refresh: %s", s.lastRefresh(mark))
	}
	word := s.lastRefresh(mark)
	if !alive && len(s.tap.since(mark, refused)) == 0 {
		s.t.Fatalf("the older session has ended without a refusal; last refresh: %s", word)
	}
	s.renewed(younger, 1, 2*every+slack)
	if !alive {
		return "the older one signs in again: " + word, nil
	}
	return "", nil
}

func groupChange(s *site) (string, error) {
	g, ok := s.p.(grouper)
	if !ok {
		return "", tryout.Absent("no groups")
	}
	c := s.entered(cyd)
	if got := s.groups(c); got != "staff" {
		s.t.Fatalf("groups after sign-in: %q, want staff", got)
	}
	g.setGroups(s.t, cyd, "staff", "pilots")
	defer g.setGroups(s.t, cyd, cyd.groups...)
	if rig.Holds(2*every+slack, func() bool { return s.groups(c) == "staff,pilots" }) {
		return "at the next renewal", nil
	}
	mark := s.tap.mark()
	fresh := s.entered(cyd)
	if got := s.groups(fresh); got != "staff,pilots" {
		s.t.Fatalf("groups after another sign-in: %q; last refresh: %s", got, s.lastRefresh(mark))
	}
	if s.newest().text("refresh_token") == "" {
		return "at the next sign-in: no refresh token", nil
	}
	return "at the next sign-in: a refresh answers with the old ones", nil
}

// groups is what the app is told of a client's groups.
func (s *site) groups(c *rig.HTTP) string {
	s.t.Helper()
	if r := s.api(c); r.StatusCode != http.StatusOK {
		s.t.Fatalf("the session has ended: %d", r.StatusCode)
	}
	return s.app.Last(s.t).Header.Get("Remote-Groups")
}

// disabledPerson disables an account or withdraws its grant, as the provider has it.
func disabledPerson(s *site) (string, error) {
	d, ok := s.p.(disabler)
	if !ok {
		return "", tryout.Absent("no way to disable an account")
	}
	c, other := s.entered(bob), s.entered(ada)
	if s.newest().text("refresh_token") == "" {
		return "", tryout.Absent("no refresh token, so nothing tells")
	}
	before := len(s.gw.SignIns(50173))
	mark := s.tap.mark()
	began := time.Now()
	d.disable(s.t, bob)
	if !rig.Holds(4*every+slack, func() bool { return !s.alive(c) }) {
		word := s.lastRefresh(mark)
		if s.p.lacks()["disabled"] != "" && strings.HasPrefix(word, "200") {
			return "", tryout.Absent("a refresh is answered all the same")
		}
		s.t.Fatalf("the session goes on; last refresh: %s", word)
	}
	note := fmt.Sprintf("out after %d s", int(time.Since(began).Seconds()+0.5))
	if r := s.api(c); r.StatusCode != http.StatusUnauthorized {
		s.t.Errorf("a script gets %d, want 401", r.StatusCode)
	}
	s.gw.AwaitSignIns(50173, before+1, 5*time.Second)
	if !s.alive(other) {
		s.t.Error("another person is out as well")
	}
	return note, nil
}

// stepUp asks for an authentication that is fresh: the provider is asked with max_age, and must say when.
func stepUp(s *site) (string, error) {
	c := s.entered(ada)
	began := time.Now()
	rig.Holds(fresh+2*time.Second, func() bool { return time.Since(began) > fresh+time.Second })
	mark := s.tap.mark()
	r, pages := s.travel(c, c.Get(s.url("/fresh?y=2")), ada)
	asked := s.tap.since(mark, func(x seen) bool { return x.query.Get("max_age") != "" || x.query.Get("prompt") == "login" })
	switch {
	case r.StatusCode == http.StatusForbidden && s.p.lacks()["step-up"] != "":
		return "", tryout.Absent("refused")
	case !isApp(r):
		s.t.Fatalf("%d at %s: %s", r.StatusCode, r.At.Path, excerpt(r.Text))
	case r.At.RequestURI() != "/fresh?y=2":
		s.t.Fatalf("came back to %s", r.At.RequestURI())
	case len(asked) == 0:
		s.t.Fatal("the provider was not asked for a fresh authentication")
	case pages == 0:
		s.t.Fatal("the person was not asked")
	}
	return "", nil
}

// secondFactorAsked meets a policy that requires a second factor.
func secondFactorAsked(s *site) (string, error) {
	c := s.entered(ada)
	r, _ := s.travel(c, c.Get(s.url("/mfa")), ada)
	switch {
	case r.StatusCode == http.StatusForbidden && s.p.lacks()["second factor"] != "":
		return "", tryout.Absent("refused")
	case !isApp(r):
		s.t.Fatalf("%d at %s: %s", r.StatusCode, r.At.Path, excerpt(r.Text))
	}
	return "", nil
}

// signOutHere begins at the gateway and goes through the provider.
func signOutHere(s *site) (string, error) {
	c := s.entered(ada)
	copied := c.Copy(s.t)
	r := c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(s.t, "Sign out"))
	sent := r.Location() != nil && !s.here(r.Location())
	if !rig.Holds(time.Second, func() bool { return !s.alive(copied) }) {
		s.t.Fatal("the session lives on")
	}
	if !sent {
		return "", tryout.Absent("no end_session_endpoint; ends here alone")
	}
	r, _ = s.travel(c, r, ada)
	if r.At.Path != "/.latchkey/signed-out" || !strings.Contains(r.Text, "You are signed out") {
		s.t.Fatalf("after the provider: %d at %s: %s", r.StatusCode, r.At.Path, excerpt(r.Text))
	}
	again := c.Follow(c.Get(s.url("/")), nil)
	if s.here(again.At) {
		s.t.Fatal("the provider still knows the browser")
	}
	return "and back", nil
}

// signOutThere begins at the provider, which tells the gateway over the back channel.
func signOutThere(s *site) (string, error) {
	l, ok := s.p.(leaver)
	if !ok {
		return "", tryout.Absent("no back-channel logout")
	}
	c, other := s.entered(ada), s.entered(ada)
	l.leave(s.t, c)
	if !rig.Holds(5*time.Second, func() bool { return !s.alive(c) }) {
		s.t.Fatal("the session lives on")
	}
	if s.alive(other) {
		return "by sid", nil
	}
	return "by sub: all of the person's sessions", nil
}

// keyRotation goes on with sessions from before, and signs in once more.
func keyRotation(s *site) (string, error) {
	k, ok := s.p.(rotator)
	if !ok {
		return "", tryout.Absent("no way to rotate keys")
	}
	c := s.entered(ada)
	renews := s.newest().text("refresh_token") != ""
	k.rotate(s.t)
	other := s.entered(cyd)
	if !s.alive(other) {
		s.t.Error("a sign-in with the new key is not good")
	}
	if !renews {
		return "new sign-ins; no refresh token", nil
	}
	s.renewed(c, 2, 2*(2*every)+slack)
	return "", nil
}

// outage refuses connections for longer than the claims may be old.
func outage(s *site) (string, error) {
	c := s.entered(ada)
	renews := s.newest().text("refresh_token") != ""
	s.tap.close()
	if rig.Holds(3*every, func() bool { return !s.alive(c) }) {
		s.tap.open()
		s.t.Fatalf("the session ends: %d", s.api(c).StatusCode)
	}
	stranger := rig.NewHTTP(s.t)
	refused := stranger.Get(s.url("/"))
	s.tap.open()
	// Metadata that is known already leads on to the provider, whose own absence the browser then shows.
	if to := refused.Location(); refused.StatusCode != http.StatusServiceUnavailable && (to == nil || s.here(to)) {
		s.t.Errorf("a new sign-in gets %d", refused.StatusCode)
	}
	if !rig.Holds(30*time.Second, func() bool { r := stranger.Get(s.url("/")); return r.Location() != nil && !s.here(r.Location()) }) {
		s.t.Fatal("no sign-in half a minute after the provider is back")
	}
	s.enter(stranger, "/", cyd, "No")
	if renews {
		s.renewed(c, 1, 90*time.Second)
	}
	return "", nil
}

func gatewayRestart(s *site) (string, error) {
	c := s.entered(ada)
	renews := s.newest().text("refresh_token") != ""
	s.gw.Restart()
	if !s.alive(c) {
		s.t.Fatal("the session is gone")
	}
	if renews {
		s.renewed(c, 1, 2*every+slack)
	}
	return "", nil
}

// providerRestart tells a provider that forgets everything from a fault: then the session ends as a refusal, not as an
// outage, and a sign-in follows.
func providerRestart(s *site) (string, error) {
	c := s.entered(ada)
	renews := s.newest().text("refresh_token") != ""
	mark := s.tap.mark()
	s.p.stop(s.t)
	s.p.start(s.t)
	if !renews {
		if rig.Holds(3*every, func() bool { return !s.alive(c) }) {
			s.t.Fatal("the session ends")
		}
		s.entered(ada)
		return "no refresh token", nil
	}
	forgets := s.p.lacks()["memory"] != ""
	if forgets {
		if !rig.Holds(4*every+slack, func() bool { return !s.alive(c) }) {
			s.t.Fatalf("the session lives on with tokens that the provider has forgotten; last refresh: %s", s.lastRefresh(mark))
		}
	} else {
		s.renewed(c, 1, 60*time.Second)
	}
	s.entered(ada)
	if forgets {
		return "it forgets all, people sign in again", nil
	}
	return "", nil
}
