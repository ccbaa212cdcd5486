package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// odd is a site in front of a provider that lies on demand.
func odd(t *testing.T, c config) (*site, *rig.Odd) {
	t.Helper()
	o := rig.NewOdd(t)
	c.issuer = o.Issuer
	return newSite(t, c), o
}

// nothing checks that a request led neither to a session, nor to a pending sign-in, nor to the app.
func nothing(t *testing.T, s *site, c *rig.HTTP, r rig.Reply) {
	t.Helper()
	if isApp(r) || isPrompt(r) || (r.StatusCode >= 200 && r.StatusCode < 300 && r.Location() == nil) {
		t.Errorf("%d at %s:\n%s", r.StatusCode, r.At, r.Text)
	}
	if r.StatusCode >= 500 && r.StatusCode != 502 { // 502: the provider's answer was not accepted
		t.Errorf("an attack is no fault of the server's: %d at %s", r.StatusCode, r.At)
	}
	for _, name := range []string{"", "-pending"} {
		if c.Cookie(s.host(), s.cookie(name)) != "" {
			t.Errorf("the cookie %s was given", s.cookie(name))
		}
	}
	if s.app.Hits() != 0 {
		t.Errorf("%d requests reached the app", s.app.Hits())
	}
}

// A01: a callback with a missing, foreign, altered or used state is refused without asking the provider anything.
func TestA01StateOfTheCallback(t *testing.T) {
	t.Parallel()
	s, o := odd(t, config{})
	good := s.toCallback(rig.NewHTTP(t), "/", "")
	state := good.Query().Get("state")
	tests := map[string]func(q url.Values){
		"missing":       func(q url.Values) { q.Del("state") },
		"empty":         func(q url.Values) { q.Set("state", "") },
		"short":         func(q url.Values) { q.Set("state", state[:len(state)-1]) },
		"long":          func(q url.Values) { q.Set("state", state+"A") },
		"last changed":  func(q url.Values) { q.Set("state", state[:len(state)-1]+flip(state[len(state)-1])) },
		"first changed": func(q url.Values) { q.Set("state", flip(state[0])+state[1:]) },
		"of another":    func(q url.Values) { q.Set("state", state) },
		"no code":       func(q url.Values) { q.Del("code") },
		"markup":        func(q url.Values) { q.Set("state", "<script>alert(1)</script>") },
		"huge":          func(q url.Values) { q.Set("state", strings.Repeat("A", 6000)) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			before := o.Outbound()
			c := rig.NewHTTP(t)
			own := s.toCallback(c, "/", "") // a browser with a sign-in of its own under way
			q := own.Query()
			change(q)
			own.RawQuery = q.Encode()
			nothing(t, s, c, c.Get(own.String()))
			stranger := rig.NewHTTP(t)
			nothing(t, s, stranger, stranger.Get(own.String()))
			if got := o.Outbound(); got != before {
				t.Errorf("the provider was asked %d times", got-before)
			}
		})
	}
}

func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

// A01, A44: a state is spent by its first use, also when that fails; a code is redeemed at most once.
func TestA01StateIsSpentOnce(t *testing.T) {
	t.Parallel()
	s, o := odd(t, config{})
	c := rig.NewHTTP(t)
	callback := s.toCallback(c, "/", "")
	flows := c.Copy(t)
	o.Set(rig.Lies{Token: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }})
	nothing(t, s, c, c.Get(callback.String()))
	o.Set(rig.Lies{})
	before := o.Outbound()
	nothing(t, s, flows, flows.Get(callback.String()))
	if o.Outbound() != before {
		t.Error("a spent state led to the provider")
	}
	// At once from one browser: one of the two redeems.
	c = rig.NewHTTP(t)
	callback = s.toCallback(c, "/", "")
	twin := c.Copy(t)
	before = o.Hits("token")
	done := make(chan struct{})
	go func() { defer close(done); _, _ = twin.Try(rig.Call{URL: callback.String(), Navigate: true}) }()
	c.Get(callback.String())
	<-done
	if got := o.Hits("token") - before; got != 1 {
		t.Errorf("the code was redeemed %d times", got)
	}
}

// A44: parameters twice, in the query, in a form_post body, and across both.
func TestA44DoubledParameters(t *testing.T) {
	t.Parallel()
	s, o := odd(t, config{})
	for _, name := range []string{"state", "code", "iss", "error"} {
		t.Run(name, func(t *testing.T) {
			c := rig.NewHTTP(t)
			callback := s.toCallback(c, "/", "")
			before := o.Outbound()
			q := callback.RawQuery + "&" + name + "=" + url.QueryEscape(callback.Query().Get(name))
			if name == "error" {
				q = callback.RawQuery + "&error=a&error=b"
			}
			r := c.Get(s.url("/.latchkey/callback?" + q))
			nothing(t, s, c, r)
			if r.StatusCode != 400 {
				t.Errorf("in the query: %d", r.StatusCode)
			}
			r = c.Do(rig.Call{
				URL: s.url("/.latchkey/callback"), Method: "POST", Body: strings.NewReader(q), Navigate: true,
				Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			})
			nothing(t, s, c, r)
			if r.StatusCode != 400 {
				t.Errorf("in the body: %d", r.StatusCode)
			}
			if o.Outbound() != before {
				t.Error("the provider was asked")
			}
		})
	}
	c := rig.NewHTTP(t)
	form := s.enterOdd(t, c, "").Form(t, "Yes")
	for _, field := range []string{"csrf", "answer"} {
		body := form.Values.Encode() + "&" + field + "=" + url.QueryEscape(form.Values.Get(field))
		r := c.Do(rig.Call{URL: form.Action, Body: strings.NewReader(body), Navigate: true, Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {s.origin()}, "Sec-Fetch-Site": {"same-origin"},
		}})
		if r.StatusCode != 400 || c.Cookie(s.host(), s.cookie("")) != "" {
			t.Errorf("%s twice in the answer: %d", field, r.StatusCode)
		}
	}
}

// enterOdd signs in at the odd provider, which asks for nothing.
func (s *site) enterOdd(t *testing.T, c *rig.HTTP, answer string) rig.Reply {
	t.Helper()
	r := c.Follow(c.Get(s.url("/")), nil)
	if answer != "" && isPrompt(r) {
		r = c.Press(r, answer)
	}
	return r
}

// A13, A42, A75: no identifier from before a sign-in is worth anything after it, and each step makes a new one.
func TestA13Fixation(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	first := rig.NewHTTP(t)
	s.entered(first, "/", "alice", "Yes")
	planted := first.Cookie(s.host(), s.cookie(""))
	victim := rig.NewHTTP(t)
	victim.SetCookie(s.host(), s.cookie(""), planted)
	r := victim.Follow(victim.Get(s.url("/.latchkey/sign-in?return=/")), nil)
	if r = victim.Press(r, "adam"); isPrompt(r) {
		pending := victim.Cookie(s.host(), s.cookie("-pending"))
		r = victim.Press(r, "No")
		if again := rig.NewHTTP(t); pending != "" {
			again.SetCookie(s.host(), s.cookie(""), pending)
			if s.alive(again) {
				t.Error("the pending cookie works as a session")
			}
		}
	}
	if !isApp(r) || s.app.Last(t).Header.Get("Remote-User") != "adam" {
		t.Fatalf("adam is %q: %d at %s", s.app.Last(t).Header.Get("Remote-User"), r.StatusCode, r.At)
	}
	now := victim.Cookie(s.host(), s.cookie(""))
	if now == planted {
		t.Error("A13: the planted session id was kept")
	}
	thief := rig.NewHTTP(t)
	thief.SetCookie(s.host(), s.cookie(""), planted)
	if r := s.api(thief, "/who"); r.StatusCode == 200 && s.app.Last(t).Header.Get("Remote-User") == "adam" {
		t.Error("A75: the planted cookie is adam's session")
	}
	if s.alive(thief) {
		t.Error("A42: a session id that was presented outlived the sign-in")
	}
	// Every cookie of a sign-in under way, presented as a session, is worth nothing.
	c := rig.NewHTTP(t)
	s.toCallback(c, "/", "alice")
	for _, name := range c.Names(s.host(), s.cookie("-")) {
		probe := rig.NewHTTP(t)
		probe.SetCookie(s.host(), s.cookie(""), c.Cookie(s.host(), name))
		if s.alive(probe) {
			t.Errorf("the cookie %s works as a session", name)
		}
	}
}

// A13: every key in the store has a lifetime, at every station of a sign-in.
func TestA13EveryKeyHasALifetime(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	s.enter(rig.NewHTTP(t), "/", "alice", "")
	c := rig.NewHTTP(t)
	s.entered(c, "/", "adam", "Yes")
	s.api(c, "/use")
	s.enter(rig.NewHTTP(t), "/", "alice", "No")
	c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	keys := rig.RedisLines(t, s.redis, "KEYS *")
	if len(keys) == 0 {
		t.Fatal("no keys at all")
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "latchkey:") {
			t.Errorf("a key outside the prefix: %s", key)
		}
		if ttl := rig.RedisCommand(t, s.redis, "PTTL "+key); ttl == ":-1" {
			t.Errorf("%s has no lifetime", key)
		}
	}
}

// A23, A63: what changes something wants a POST of the site's own page with its token; anything else leaves the person
// where they were.
func TestA23CrossSiteRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	own := http.Header{"Origin": {s.origin()}, "Sec-Fetch-Site": {"same-origin"}}
	attacks := map[string]func(c *rig.HTTP, f *rig.Form) rig.Reply{
		"by GET": func(c *rig.HTTP, f *rig.Form) rig.Reply { return c.Get(f.Action + "?" + f.Values.Encode()) },
		"no token": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			f.Values.Del("csrf")
			return c.Do(rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: own})
		},
		"empty token": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			f.Values.Set("csrf", "")
			return c.Do(rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: own})
		},
		"another token": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			f.Values.Set("csrf", flip(f.Values.Get("csrf")[0])+f.Values.Get("csrf")[1:])
			return c.Do(rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: own})
		},
		"another origin": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{
				URL: f.Action, Form: f.Values, Navigate: true,
				Header: http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}},
			})
		},
		"a sibling host": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{
				URL: f.Action, Form: f.Values, Navigate: true,
				Header: http.Header{"Origin": {"http://127.0.0.1:1"}, "Sec-Fetch-Site": {"same-site"}},
			})
		},
		"opaque origin": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{
				URL: f.Action, Form: f.Values, Navigate: true,
				Header: http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}},
			})
		},
		"A63 empty POST": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{URL: f.Action, Method: "POST", Navigate: true, Header: own})
		},
		"A31 too much": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			f.Values.Set("x", strings.Repeat("A", 4<<20))
			return c.Do(rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: own})
		},
		"as JSON": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{
				URL: f.Action, Body: strings.NewReader(`{"csrf":"` + f.Values.Get("csrf") + `","answer":"yes"}`), Navigate: true,
				Header: http.Header{"Origin": {s.origin()}, "Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"}},
			})
		},
		"no Content-Type": func(c *rig.HTTP, f *rig.Form) rig.Reply {
			return c.Do(rig.Call{URL: f.Action, Body: strings.NewReader(f.Values.Encode()), Navigate: true, Header: own})
		},
	}
	for name, attack := range attacks {
		t.Run("the answer "+name, func(t *testing.T) {
			c := rig.NewHTTP(t)
			before := s.app.Hits()
			r := attack(c, s.enter(c, "/", "alice", "").Form(t, "Yes"))
			if r.StatusCode >= 500 || c.Cookie(s.host(), s.cookie("")) != "" || s.app.Hits() != before {
				t.Errorf("%d, cookie %q", r.StatusCode, c.Cookie(s.host(), s.cookie("")))
			}
		})
		t.Run("sign-out "+name, func(t *testing.T) {
			c := rig.NewHTTP(t)
			s.entered(c, "/", "adam", "Yes")
			copied := c.Copy(t)
			r := attack(c, c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
			if r.StatusCode >= 500 || !s.alive(copied) || c.Cookie(s.host(), s.cookie("")) == "" {
				t.Errorf("%d; the session lives: %v", r.StatusCode, s.alive(copied))
			}
		})
	}
}

// A9, A23: one browser's token and pending sign-in are worth nothing in another.
func TestA23TokenOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	attacker, victim := rig.NewHTTP(t), rig.NewHTTP(t)
	theirs := s.enter(attacker, "/", "alice", "").Form(t, "Yes")
	mine := s.enter(victim, "/", "adam", "").Form(t, "Yes")
	mine.Values.Set("csrf", theirs.Values.Get("csrf"))
	victim.Send(mine)
	if victim.Cookie(s.host(), s.cookie("")) != "" {
		t.Error("another browser's token was taken")
	}
	stranger := rig.NewHTTP(t)
	if stranger.Send(theirs); stranger.Cookie(s.host(), s.cookie("")) != "" {
		t.Error("a browser without the pending cookie answered")
	}
}

// Login CSRF: a callback that the attacker began signs no other user in.
func TestLoginCSRF(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	attacker, victim := rig.NewHTTP(t), rig.NewHTTP(t)
	callback := s.toCallback(attacker, "/", "alice")
	s.toCallback(victim, "/", "adam")
	tokens := s.idp.Hits("token")
	r := victim.Get(callback.String())
	nothing(t, s, victim, r)
	r = victim.Do(rig.Call{
		URL: s.url("/.latchkey/callback"), Form: callback.Query(), Navigate: true,
		Header: http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}},
	})
	nothing(t, s, victim, victim.Follow(r, func(u *url.URL) bool { return u.Host != strings.TrimPrefix(s.origin(), "http://") }))
	if s.idp.Hits("token") != tokens {
		t.Error("the provider was asked")
	}
}
