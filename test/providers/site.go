package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

const (
	// every is the session's recheck in these trials; within twice that and slack claims are renewed.
	every = 2 * time.Second
	slack = 10 * time.Second
	// fresh is the sign_in_frequency of /fresh.
	fresh = 8 * time.Second
	// soon is patience with what should be done at once.
	soon = 5 * time.Second

	clientID     = "latchkey"
	clientSecret = "a-secret-for-loopback-only-0123456789"
	promptTitle  = "Stay signed in?"
)

// site is a gateway in front of an app, with a provider behind the tap.
type site struct {
	t      *tryout.Trial
	p      provider
	tap    *tap
	app    *rig.App
	gw     *rig.Gateway
	origin string
}

func newSite(t *tryout.Trial, p provider) *site {
	t.Helper()
	front, behind, own := rig.FreePort(t), rig.FreePort(t), rig.FreePort(t)
	s := &site{t: t, p: p, origin: fmt.Sprintf("http://127.0.0.1:%d", own), app: rig.NewApp(t)}
	// localhost here and 127.0.0.1 there: cookies know no ports.
	issuerOrigin := fmt.Sprintf("http://localhost:%d", front)
	p.prepare(t, registration{
		dir: t.TempDir(), issuerOrigin: issuerOrigin, port: behind, clientID: clientID, secret: clientSecret, origin: s.origin,
	})
	s.tap = newTap(t, front, behind)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	issuer, _, _ := strings.Cut(strings.TrimPrefix(p.lines(), "issuer "), "\n")
	ready := rig.NewHTTP(t)
	rig.Until(t, time.Minute, "the provider's metadata", func() bool {
		r, err := ready.Try(rig.Call{URL: strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"})
		return err == nil && r.StatusCode == http.StatusOK
	})
	s.gw = rig.NewGateway(t, rig.GatewayConfig{Caddyfile: fmt.Sprintf("{\n"+rig.Globals+`	latchkey {
		provider {
			client_id %s
			client_secret %s
			%s
		}
		session {
			recheck %s
		}
		# Without "consent", which a provider may have to be asked for at each sign-in.
		stay_signed_in on {
			suppress guest high_risk shared_device iwa
		}
	}
}

%s {
	@fresh path /fresh*
	@mfa path /mfa*
	latchkey {
		headers remote groups
		policy fresh @fresh {
			sign_in_frequency %s
		}
		policy second-factor @mfa {
			require mfa
		}
	}
	reverse_proxy %s
}
`, clientID, clientSecret, p.lines(), every, s.origin, fresh, s.app.Addr)})
	return s
}

func (s *site) url(path string) string { return s.origin + path }

// here tells whether an address is the gateway's.
func (s *site) here(u *url.URL) bool { return s.origin == u.Scheme+"://"+u.Host }

// travel follows redirects and fills in the provider's pages until a page of the gateway or of the app comes. It returns
// that page and how many pages of the provider were filled in.
func (s *site) travel(c *rig.HTTP, r rig.Reply, who person) (rig.Reply, int) {
	s.t.Helper()
	r = c.Follow(r, nil)
	for n := range 8 {
		if s.here(r.At) {
			return r, n
		}
		if r.StatusCode >= 400 {
			s.t.Fatalf("the provider answers %d at %s: %s", r.StatusCode, r.At, excerpt(r.Text))
		}
		r = c.Follow(s.p.answer(s.t, c, r, who), nil)
	}
	s.t.Fatalf("after eight pages still at the provider, %s: %s", r.At.Path, excerpt(r.Text))
	return r, 0
}

// enter signs a client in and answers the prompt.
func (s *site) enter(c *rig.HTTP, path string, who person, answer string) rig.Reply {
	s.t.Helper()
	r, _ := s.travel(c, c.Get(s.url(path)), who)
	if !isPrompt(r) {
		s.t.Fatalf("no prompt after the provider: %d at %s: %s", r.StatusCode, r.At.Path, excerpt(r.Text))
	}
	r = c.Press(r, answer)
	if !isApp(r) {
		s.t.Fatalf("not in the app after %s: %d at %s: %s", answer, r.StatusCode, r.At.Path, excerpt(r.Text))
	}
	return r
}

// entered is a new client that is signed in.
func (s *site) entered(who person) *rig.HTTP {
	s.t.Helper()
	c := rig.NewHTTP(s.t)
	s.enter(c, "/", who, "Yes")
	return c
}

func isPrompt(r rig.Reply) bool { return r.StatusCode == 200 && strings.Contains(r.Text, promptTitle) }

func isApp(r rig.Reply) bool {
	return r.StatusCode == 200 && strings.Contains(r.Text, "<h1>The app</h1>")
}

// api makes a request as a script of the app does: it is never redirected.
func (s *site) api(c *rig.HTTP) rig.Reply {
	s.t.Helper()
	return c.Do(rig.Call{URL: s.url("/api"), Header: http.Header{
		"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
	}})
}

func (s *site) alive(c *rig.HTTP) bool { s.t.Helper(); return s.api(c).StatusCode == http.StatusOK }

// renewed keeps a session in use until the provider has answered n refresh requests, and returns those answers. It fails
// if the session ends before that or limit passes.
func (s *site) renewed(c *rig.HTTP, n int, limit time.Duration) []seen {
	s.t.Helper()
	mark := s.tap.mark()
	var got []seen
	answered := rig.Holds(limit, func() bool {
		if r := s.api(c); r.StatusCode != http.StatusOK {
			s.t.Fatalf("the session has ended: %d, last refresh: %s", r.StatusCode, s.lastRefresh(mark))
		}
		got = s.tap.since(mark, func(x seen) bool { return grant("refresh_token")(x) && x.status == http.StatusOK })
		return len(got) >= n
	})
	if !answered {
		s.t.Fatalf("%d refreshes in %v, want %d; last refresh: %s", len(got), limit, n, s.lastRefresh(mark))
	}
	return got
}

// lastRefresh says how the newest refresh since a mark was answered.
func (s *site) lastRefresh(mark int) string {
	all := s.tap.since(mark, grant("refresh_token"))
	if len(all) == 0 {
		return "none was tried"
	}
	last := all[len(all)-1]
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", last.status, last.text("error"), last.text("error_description")))
}

// newest is the provider's newest answer to a code.
func (s *site) newest() seen {
	s.t.Helper()
	all := s.tap.since(0, grant("authorization_code"))
	if len(all) == 0 {
		s.t.Fatal("the provider was not asked for tokens")
	}
	return all[len(all)-1]
}

// excerpt is the beginning of a page without its markup.
func excerpt(page string) string {
	var b strings.Builder
	tag := false
	for _, r := range page {
		switch {
		case r == '<':
			tag = true
		case r == '>':
			tag = false
			b.WriteRune(' ')
		case !tag:
			b.WriteRune(r)
		}
	}
	words := strings.Join(strings.Fields(b.String()), " ")
	return words[:min(len(words), 300)]
}
