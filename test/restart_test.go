package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Neither a reload nor a restart of the gateway signs anybody out, whichever the store; nor does a crash.
func TestSessionsOutliveTheGateway(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"redis", "embedded"} {
		t.Run(store, func(t *testing.T) {
			s := newSite(t, config{embedded: store == "embedded"})
			yes, no := rig.NewHTTP(t), rig.NewHTTP(t)
			s.entered(yes, "/", "alice", "Yes")
			s.entered(no, "/", "adam", "No")
			check := func(when string) {
				t.Helper()
				if !s.alive(yes) || !s.alive(no) {
					t.Errorf("%s: yes %v, no %v", when, s.alive(yes), s.alive(no))
				}
			}
			if err := s.reload(func(c *config) { c.site = "activity any" }); err != nil {
				t.Fatal(err)
			}
			check("after a reload")
			s.gw.Restart()
			check("after a restart")
			s.gw.Kill()
			s.gw.Start()
			check("after a crash")
		})
	}
}

// A sign-in under way survives a restart at each of its stations: at the provider, and at the prompt.
func TestSignInOutlivesTheGateway(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"redis", "embedded"} {
		t.Run(store, func(t *testing.T) {
			s := newSite(t, config{embedded: store == "embedded"})
			b := s.browser()
			b.Goto(s.url("/mid"))
			s.atProvider(b.Page)
			s.gw.Restart()
			b.Click("alice")
			s.atPrompt(b.Page)
			s.gw.Restart()
			if at := b.Click("Yes"); at.URL != s.url("/mid") || at.Status != 200 {
				t.Errorf("after the answer: %+v", at)
			}
			s.atApp(b.Page)
			if n := len(s.gw.SignIns(50140)); n != 0 {
				t.Errorf("K20: %d entries with 50140 for an answered prompt", n)
			}
		})
	}
}

// A reload in mid sign-in is not noticed either.
func TestSignInOutlivesAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	callback := s.toCallback(c, "/mid", "alice")
	if err := s.reload(func(c *config) { c.site = "activity any" }); err != nil {
		t.Fatal(err)
	}
	r := c.Follow(c.Get(callback.String()), nil)
	if !isPrompt(r) {
		t.Fatalf("%d at %s", r.StatusCode, r.At)
	}
	if err := s.reload(func(c *config) { c.site = "activity none" }); err != nil {
		t.Fatal(err)
	}
	if r = c.Press(r, "No"); !isApp(r) {
		t.Errorf("%d at %s", r.StatusCode, r.At)
	}
}

// The store is gone: 503 with a page that says so, no cookie is cleared, nothing reaches the app, and when the store is
// back the same cookies work without a restart. Gone means cut off, and hanging.
func TestStoreOutage(t *testing.T) {
	t.Parallel()
	outages := map[string]func(*rig.Line){"cut off": (*rig.Line).Cut, "hanging": (*rig.Line).Hush}
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			line := rig.NewLine(t, rig.Redis(t))
			s := newSite(t, config{redis: line.Addr})
			c, cold := rig.NewHTTP(t), rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			s.entered(cold, "/", "adam", "No")
			s.gw.Restart() // nothing is cached any more
			before := s.app.Hits()
			outage(line)
			for _, who := range []*rig.HTTP{c, cold} {
				began := time.Now()
				r := who.Get(s.url("/"))
				if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Text, "You have not been signed out") {
					t.Errorf("a page: %d %s", r.StatusCode, r.Text)
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("a person waits %v", took)
				}
				if r.Header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				if v := r.Header.Values("Set-Cookie"); len(v) != 0 {
					t.Errorf("cookies during an outage: %v", v)
				}
				if r := s.api(who, "/x"); r.StatusCode != 503 || len(r.Header.Values("Set-Cookie")) != 0 {
					t.Errorf("a script: %d %v", r.StatusCode, r.Header.Values("Set-Cookie"))
				}
			}
			if s.app.Hits() != before {
				t.Error("something reached the app")
			}
			line.Mend()
			rig.Until(t, rig.Patience, "the sessions work again", func() bool { return s.alive(c) && s.alive(cold) })
		})
	}
}

// A sign-out while the store is gone is no sign-out, and says so (A82).
func TestSignOutDuringAStoreOutage(t *testing.T) {
	t.Parallel()
	line := rig.NewLine(t, rig.Redis(t))
	s := newSite(t, config{redis: line.Addr})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	form := c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")
	line.Cut()
	if r := c.Send(form); r.StatusCode != 503 {
		t.Errorf("sign-out without a store: %d", r.StatusCode)
	}
	if c.Cookie(s.host(), s.cookie("")) == "" {
		t.Error("the cookie was cleared although the session lives")
	}
	line.Mend()
	rig.Until(t, rig.Patience, "sign-out works again", func() bool { return c.Send(form).StatusCode < 400 })
	s.mustBeDead(c, "the session")
}

// The gateway starts without a store, too, and serves as soon as there is one.
func TestStartWithoutAStore(t *testing.T) {
	t.Parallel()
	line := rig.NewLine(t, rig.Redis(t))
	line.Cut()
	s := newSite(t, config{redis: line.Addr})
	if r := rig.NewHTTP(t).Get(s.url("/.latchkey/stay")); r.StatusCode >= 200 && r.StatusCode < 300 {
		t.Errorf("a prompt without a store: %d", r.StatusCode)
	}
	line.Mend()
	rig.Until(t, rig.Patience, "signing in works", func() bool {
		return isApp(s.enter(rig.NewHTTP(t), "/", "alice", "Yes"))
	})
}

// The provider is down when the gateway starts: a friendly 503 with Retry-After, sessions go on, and signing in works
// as soon as it is up, without a reload.
func TestProviderDownAtStart(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	old := rig.NewHTTP(t)
	s.entered(old, "/", "alice", "Yes")
	s.idp.Down()
	s.gw.Restart()
	if !s.alive(old) {
		t.Error("a session died with the provider")
	}
	r := rig.NewHTTP(t).Get(s.url("/"))
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.Text, "Sign-in is not available right now") {
		t.Errorf("%d, Retry-After %q: %s", r.StatusCode, r.Header.Get("Retry-After"), r.Text)
	}
	s.idp.Up()
	rig.Until(t, rig.Patience, "signing in works", func() bool {
		r := rig.NewHTTP(t).Get(s.url("/"))
		return r.Location() != nil && strings.HasPrefix(r.Location().String(), s.idp.Issuer)
	})
	s.entered(rig.NewHTTP(t), "/", "adam", "No")
}

// The provider fails in the middle of a sign-in, in each of its ways; the person gets a page, no session and a way on.
func TestProviderFailsDuringSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	for name, f := range map[string]rig.Fault{
		"500":             {Status: 500},
		"429":             {Status: 429, RetryAfter: "1"},
		"400":             {Status: 400, Body: `{"error":"invalid_grant"}`},
		"401":             {Status: 401, Body: `{"error":"invalid_client"}`},
		"dropped":         {Drop: true},
		"no JSON":         {Status: 200, Body: "<html>"},
		"empty":           {Status: 200},
		"a redirect":      {Status: 307, Location: "/elsewhere"},
		"a great deal":    {Status: 200, Size: 50 << 20},
		"nothing for 25s": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := rig.NewHTTP(t)
			callback := s.toCallback(c, "/", "alice")
			s.idp.Fail("token", f)
			other := s.idp.Hits("other")
			r := c.Follow(c.Get(callback.String()), nil)
			s.idp.Heal("token")
			if r.StatusCode < 400 || isApp(r) || isPrompt(r) {
				t.Errorf("%d at %s", r.StatusCode, r.At)
			}
			if c.Cookie(s.host(), s.cookie("")) != "" || c.Cookie(s.host(), s.cookie("-pending")) != "" {
				t.Error("a session or a pending sign-in came of it")
			}
			if s.idp.Hits("other") != other {
				t.Error("a redirect from the token endpoint was followed")
			}
			// What says when to come again is left alone until then.
			rig.Until(t, rig.Patience, "signing in works", func() bool { return isApp(s.enter(rig.NewHTTP(t), "/", "alice", "No")) })
		})
	}
}

// The provider changes its keys; sign-ins go on.
func TestProviderRotatesItsKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	s.entered(rig.NewHTTP(t), "/", "alice", "Yes")
	for i := range 2 {
		s.idp.Rotate(i == 0)
		rig.Until(t, rig.Patience, fmt.Sprintf("sign-in after rotation %d", i+1), func() bool {
			return isApp(s.enter(rig.NewHTTP(t), "/", "alice", "Yes"))
		})
	}
}

// X4, X7: a browser that restores its last session brings the cookie of a "No" back, which no server can prevent. The
// idle limit is the server's: a cookie that nobody has used for so long is dead, restored or not.
func TestIdleLimitEndsARestoredSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "session {\nbrowser {\nidle_limit 25s\nmax_lifetime 1h\n}\n}"})
	b := s.lastingBrowser()
	s.signIn(b.Page, "/", "alice", "No")
	b.Close()
	b.Reopen("--restore-last-session")
	b.Goto(s.url("/restored"))
	s.atApp(b.Page) // nobody was away for long, and the restored cookie works: what follows proves something
	watcher := s.borrow(b)
	b.Close()
	rig.Until(t, rig.Patience, "the idle limit passes", func() bool { return !s.alive(watcher) })
	b.Reopen("--restore-last-session")
	b.Goto(s.url("/later"))
	s.atProvider(b.Page)
}

// The max lifetime ends a session however busy it is.
func TestMaxLifetimeEndsABusySession(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "session {\nbrowser {\nidle_limit 3s\nmax_lifetime 4s\n}\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "No")
	rig.Within(t, 4*time.Second, "the max lifetime passes", func() bool { return !isApp(c.Get(s.url("/busy"))) })
}
