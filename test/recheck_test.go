package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// recheckEvery is how old claims may grow in these tests; nothing promised takes longer than twice that.
const (
	recheckEvery = 2 * time.Second
	recheck2s    = "session {\nrecheck 2s\n}"
	// recheckSlack is what a busy machine may add to a promise.
	recheckSlack = 6 * time.Second
)

// A66: groups that change at the provider change the decision within the interval, both ways, without a new sign-in; the
// app sees the new groups.
func TestGroupsAreRechecked(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: recheck2s, site: "deny group suspended"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	was := c.Cookie(s.host(), s.cookie(""))
	become := func(groups ...string) {
		s.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "groups": groups})
	}
	become("staff", "suspended")
	rig.Within(t, 2*recheckEvery+recheckSlack, "A66: who was put into a denied group is refused", func() bool {
		return s.api(c, "/x").StatusCode == http.StatusForbidden
	})
	if r := s.api(c, "/x"); !strings.Contains(r.Text, "50105") {
		t.Errorf("a script got %s", r.Text)
	}
	become("staff", "pilots")
	rig.Within(t, 2*recheckEvery+recheckSlack, "who was taken out of it again is let in", func() bool { return s.alive(c) })
	if groups := s.app.Last(t).Header.Get("Remote-Groups"); groups != "staff,pilots" {
		t.Errorf("the app saw the groups %q", groups)
	}
	if c.Cookie(s.host(), s.cookie("")) != was || s.sessions() != 1 {
		t.Error("the session is another one")
	}
	if s.idp.Hits("login") != 2 { // the form and its answer
		t.Errorf("the person was asked: %d", s.idp.Hits("login"))
	}
	secrets := map[string]string{}
	for kind, list := range s.idp.State().Issued {
		for _, secret := range list {
			secrets[kind+" "+secret[:4]] = secret
		}
	}
	if leaked := s.gw.Leaked(secrets); len(leaked) > 0 {
		t.Errorf("the log has %v", leaked)
	}
}

// D4: an explicit refusal is never an outage: who is disabled at the provider is out within the interval, their cookie goes,
// and the log says why. Nobody else is.
func TestDisabledAtTheProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: recheck2s})
	alice, adam := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	s.entered(adam, "/", "adam", "No")
	s.idp.SetUser("alice", nil)
	rig.Within(t, 2*recheckEvery+recheckSlack, "alice is out", func() bool { return !s.alive(alice) })
	if r := s.api(alice, "/x"); r.StatusCode != 401 {
		t.Errorf("a script got %d: %s", r.StatusCode, r.Text)
	}
	s.mustBeDead(alice, "alice")
	r := alice.Get(s.url("/"))
	if u := r.Location(); u == nil || !strings.HasPrefix(u.String(), s.idp.Issuer) {
		t.Errorf("the next page: %d to %v", r.StatusCode, u)
	}
	if alice.Cookie(s.host(), s.cookie("")) != "" {
		t.Error("the cookie of an ended session was left")
	}
	e := s.gw.AwaitSignIns(50173, 1, rig.Patience)[0]
	if e.Text("userPrincipalName") != "alice" || e["isInteractive"] != false || e.Text("signInStatus") != "failure" {
		t.Errorf("50173: %v", e)
	}
	if !s.alive(adam) || s.sessions() != 1 {
		t.Error("somebody else was thrown out")
	}
}

// D1, D4: a provider that is out ends nothing and is not asked over and over. An answer is a refusal of the grant only
// if it says so.
func TestRecheckOutage(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(p *rig.IDP){
		"500": func(p *rig.IDP) { p.Fail("token", rig.Fault{Status: 500, Body: `{"error":"server_error"}`, Times: -1}) },
		"a refusal that is none of the grant": func(p *rig.IDP) {
			p.Fail("token", rig.Fault{Status: 401, Body: `{"error":"invalid_client"}`, Times: -1})
		},
		"down": (*rig.IDP).Down,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, config{app: recheck2s})
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			s.idp.Reset()
			begin(s.idp)
			// For more than twice the interval every request passes.
			if rig.Holds(5*recheckEvery/2, func() bool { return !s.alive(c) }) {
				t.Fatalf("refused in an outage: %s", s.api(c, "/x").Text)
			}
			if n := s.idp.Hits("token"); n > 2 {
				t.Errorf("a provider that is out was asked %d times", n)
			}
			if n := len(s.gw.SignIns(50173)); n != 0 {
				t.Errorf("%d entries with 50173", n)
			}
		})
	}
}

// When claims have grown too old, twenty requests at once on two gateways over one Redis ask the provider once: the
// token request counts, because a refresh token that is used twice ends the session at a strict provider.
func TestRecheckIsDoneOnce(t *testing.T) {
	t.Parallel()
	const every = 3 * time.Second
	a, b := replicas(t, config{app: "session {\nrecheck 3s\n}"})
	c := rig.NewHTTP(t)
	a.entered(c, "/", "alice", "Yes")
	if !b.alive(c) {
		t.Fatal("the other replica does not know the session")
	}
	began := time.Now()
	a.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "groups": []string{"staff", "late"}})
	a.idp.Reset()
	a.idp.Fail("token", rig.Fault{DelayMS: 300, Times: -1})
	// Nobody asks until the claims are so old that requests wait for new ones.
	rig.Until(t, 3*every, "claims are old", func() bool { return time.Since(began) > 2*every+200*time.Millisecond })
	var all sync.WaitGroup
	start := make(chan struct{})
	replies := make([]rig.Reply, 20)
	for i := range replies {
		s, one := a, c.Copy(t)
		if i%2 == 1 {
			s = b
		}
		all.Go(func() {
			<-start
			replies[i], _ = one.Try(rig.Call{URL: s.url("/x"), Header: http.Header{"Accept": {"application/json"}}})
		})
	}
	close(start)
	all.Wait()
	for i, r := range replies {
		if r.Response == nil || r.StatusCode != 200 || !strings.Contains(r.Text, "staff,late") {
			t.Errorf("request %d got %+v", i, r)
		}
	}
	if n := a.idp.Hits("token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	if n := len(both(50173, a, b)); n != 0 {
		t.Errorf("%d entries with 50173", n)
	}
}

// A client that goes away while the provider is asked for its claims spoils nothing: the provider is asked once, what it
// gave is kept, refresh token included, and so the next time it is asked it answers.
func TestClientGoesDuringARecheck(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: recheck2s})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	began := time.Now()
	s.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "groups": []string{"staff", "late"}})
	s.idp.Reset()
	s.idp.Fail("token", rig.Fault{DelayMS: 700})
	// Nobody asks until the claims are so old that the request waits for new ones.
	rig.Until(t, 3*recheckEvery, "claims are old", func() bool { return time.Since(began) > 2*recheckEvery+200*time.Millisecond })
	leaving := c.Copy(t)
	leaving.Patience(300 * time.Millisecond)
	if r, err := leaving.Try(rig.Call{URL: s.url("/x"), Header: http.Header{"Accept": {"application/json"}}}); err == nil {
		t.Fatalf("the client has waited for its answer: %d", r.StatusCode)
	}
	rig.Until(t, rig.Patience, "what the provider said is kept", func() bool {
		return s.alive(c) && s.app.Last(t).Header.Get("Remote-Groups") == "staff,late"
	})
	if n := s.idp.Hits("token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	rig.Within(t, recheckEvery+recheckSlack, "the next time", func() bool { return s.alive(c) && s.idp.Hits("token") > 1 })
	if rig.Holds(recheckEvery/4, func() bool { return !s.alive(c) }) || len(s.gw.SignIns(50173)) != 0 {
		t.Error("the provider refused the next time")
	}
}

// A41: what comes for a refresh token is verified like a first answer. An id_token about somebody else or of another
// audience ends the session (field trial 3.6); one that is signed by somebody else changes nothing: not the person, not
// the groups. An honest one does.
func TestRefreshedTokenIsVerified(t *testing.T) {
	t.Parallel()
	stranger := rig.NewOdd(t).Key
	honest := func(c map[string]any) { c["aud"], c["nonce"], c["groups"] = "gw", nil, []string{"admins"} }
	for name, tt := range map[string]struct {
		lies        rig.Lies
		taken, ends bool
	}{
		"honest": {rig.Lies{Claims: honest}, true, false},
		"another sub": {rig.Lies{
			Claims: func(c map[string]any) { honest(c); c["sub"] = "odd-2" },
			Info:   func(c map[string]any) { c["sub"], c["groups"] = "odd-2", []string{"admins"} },
		}, false, true},
		"another sub in userinfo": {rig.Lies{
			Claims: func(c map[string]any) { honest(c); c["groups"] = nil },
			Info:   func(c map[string]any) { c["sub"], c["groups"] = "odd-2", []string{"admins"} },
		}, false, false},
		"another audience": {rig.Lies{Claims: func(c map[string]any) { honest(c); c["aud"] = "other" }}, false, true},
		"another issuer":   {rig.Lies{Claims: func(c map[string]any) { honest(c); c["iss"] = "https://other.example" }}, false, true},
		"signed by somebody else": {rig.Lies{Claims: honest, Sign: func(h, c map[string]any) string {
			return rig.SignRS256(stranger, h, c)
		}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			odd := rig.NewOdd(t)
			s := newSite(t, config{app: recheck2s, issuer: odd.Issuer})
			c := rig.NewHTTP(t)
			s.entered(c, "/", "", "Yes")
			before := odd.Hits("token")
			odd.Set(tt.lies)
			groups := func() string {
				if !s.alive(c) {
					return "refused"
				}
				return s.app.Last(t).Header.Get("Remote-Groups")
			}
			if tt.taken {
				rig.Within(t, 2*recheckEvery+recheckSlack, "the new groups", func() bool { return groups() == "admins" })
				return
			}
			if tt.ends {
				rig.Within(t, 2*recheckEvery+recheckSlack, "the session is over", func() bool { return groups() == "refused" })
				return
			}
			rig.Within(t, 2*recheckEvery+recheckSlack, "the token request", func() bool { return groups() == "staff" && odd.Hits("token") > before })
			if rig.Holds(recheckEvery/4, func() bool { return groups() != "staff" }) {
				t.Errorf("now the app sees %q", groups())
			}
			if user := s.app.Last(t).Header.Get("Remote-User"); user != "odd" {
				t.Errorf("now it is %q", user)
			}
		})
	}
}
