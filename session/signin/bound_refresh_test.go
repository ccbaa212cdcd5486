package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// V6: The owner proves the device again and again, over any time, and notices nothing. It is no use of the session, and what a
// thief copied is worth nothing once the short cookie has ended (issue 11).
func TestRefresh(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	thief := b.with(handle, short)
	if r := thief.get(wiki + "/"); r.status != http.StatusOK {
		t.Fatalf("a copy within its time: %d", r.status)
	}
	used := b.record().LastUsed
	seen := map[string]bool{b.value(short): true, b.challenged: true}
	for range 3 {
		g.clock.Advance(boundLife - time.Minute)
		r := b.refresh()
		if r.status != http.StatusOK || r.setCookies()[short] == nil || r.setCookies()[handle] != nil {
			t.Fatalf("refresh: %d %v", r.status, r.header)
		}
		for _, value := range []string{b.value(short), b.challenged} {
			if seen[value] {
				t.Errorf("the same again: %s", value)
			}
			seen[value] = true
		}
	}
	if who := b.record(); !who.LastUsed.Equal(used) {
		t.Errorf("a refresh counts as use: %v, %v", who.LastUsed, used)
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("the owner: %d", r.status)
	}
	for _, path := range []string{"/", "/api"} {
		if r := thief.get(wiki + path); r.status != http.StatusOK || !strings.Contains(r.header.Get("Refresh"), retryPath) {
			t.Errorf("%s of a copy: %d %v", path, r.status, r.header)
		}
	}
	if r := thief.do(http.MethodGet, wiki+"/api", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "binding_missing") {
		t.Errorf("script of a copy: %d %s", r.status, r.body)
	}
	if r := thief.refresh(); r.status != http.StatusForbidden || len(r.setCookies()) > 0 {
		t.Errorf("refresh with another key: %d", r.status)
	}
	// The idle limit of the session ends it although its browser goes on to refresh.
	g.clock.Advance(boundLimits.Persistent.Idle)
	if r := b.refresh(); r.status != http.StatusOK || !strings.Contains(r.body, `"continue":false`) || len(r.setCookies()) > 0 {
		t.Errorf("after the idle limit: %d %s", r.status, r.body)
	}
}

// V7: What may be tried again is answered 403 with a challenge, three times in a row at most: one more would end the session
// in the browser. After that it is asked to come later, and then it may try again.
func TestBadRefresh(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	first := b.challenged
	other := g.bound("yes")
	for name, proof := range map[string]string{
		"none":                 "",
		"no token":             "x",
		"without a challenge":  b.device.Proof(""),
		"no challenge of ours": b.device.Proof("latchkey.AAAA"),
		"another session's":    b.device.Proof(other.challenged),
		"another key":          other.device.Proof(first),
		"a registration":       b.device.Registration(boundtest.Offer{Challenge: first}),
		"oversized":            b.device.Proof(first) + strings.Repeat("A", 4096),
		"doubled":              b.device.Proof(first) + ", " + b.device.Proof(first),
	} {
		g.clock.Advance(time.Minute) // no row
		b.challenged = ""
		r := b.refreshWith(proof)
		if r.status != http.StatusForbidden || b.challenged == "" || b.challenged == first || len(r.setCookies()) > 0 {
			t.Errorf("%s: %d, challenge %q", name, r.status, b.challenged)
		}
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Fatalf("the last challenge: %d", r.status)
	}
	spent := b.challenged
	if r := b.refresh(); r.status != http.StatusOK {
		t.Fatalf("the next challenge: %d", r.status)
	}
	if r := b.refreshWith(b.device.Proof(spent)); r.status != http.StatusForbidden || len(r.setCookies()) > 0 {
		t.Errorf("a used proof: %d", r.status)
	}
	for i, want := range []int{403, 403, 503, 403, 403, 403, 503} {
		if r := b.refreshWith(b.device.Proof(spent)); r.status != want || len(r.setCookies()) > 0 {
			t.Errorf("refusal %d: %d, want %d", i+2, r.status, want)
		}
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("the owner afterwards: %d", r.status)
	}
	late := b.challenged
	g.clock.Advance(boundLife + 2*time.Minute)
	if r := b.refreshWith(b.device.Proof(late)); r.status != http.StatusForbidden {
		t.Errorf("an old challenge: %d", r.status)
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("a new one: %d", r.status)
	}
}

// V7: The count of refusals goes with the challenge to another replica.
func TestRefusalsOverReplicas(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	other := binding(t, func(s *settings) { s.store, s.clock, s.idp = g.store, g.clock, g.idp })
	spent := b.challenged
	if r := b.refresh(); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	u, _ := url.Parse(wiki)
	there := other.bearer()
	there.jar().SetCookies(u, b.jar().Cookies(u))
	there.id, there.device = b.id, b.device
	if r := there.refreshWith(b.device.Proof(spent)); r.status != http.StatusForbidden {
		t.Errorf("a proof that another replica has taken: %d", r.status)
	}
	g.clock.Advance(time.Minute)
	for range 3 {
		if r := b.refreshWith(b.device.Proof(spent)); r.status != http.StatusForbidden {
			t.Fatal(r.status)
		}
	}
	last := b.challenged
	if r := b.refresh(); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	if r := there.refreshWith(b.device.Proof(last)); r.status != http.StatusServiceUnavailable {
		t.Errorf("a fourth refusal, at another replica: %d", r.status)
	}
}

// V9: It is over, and the browser is told so, when the session is: signed out, ended by an administrator, past its limit, no
// longer let in, or without its session cookie, so that a "No" does not become a "Yes" (news 1.4, 4, 5 and 8).
func TestRefreshOfWhatIsOver(t *testing.T) {
	var refused bool
	admit := func(*access.Visit, *session.Record) access.Admission {
		if refused {
			return access.Admission{Refusal: &access.Refusal{Title: pages.BlockNotAssigned}}
		}
		return access.Admission{}
	}
	for name, end := range map[string]func(*gateway, *bearer){
		"signed out": func(g *gateway, b *bearer) {
			page := b.get(wiki + browser.Base + "/sign-out")
			keep := b.value(handle)
			b.do(http.MethodPost, wiki+browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
			u, _ := url.Parse(wiki)
			b.jar().SetCookies(u, []*http.Cookie{{Name: handle, Value: keep, Path: "/", Secure: true}})
		},
		"revoked": func(g *gateway, b *bearer) {
			if err := g.service.Sessions.End(t.Context(), b.record()); err != nil {
				t.Fatal(err)
			}
		},
		"max lifetime":    func(g *gateway, _ *bearer) { g.clock.Advance(boundLimits.Persistent.Max) },
		"denied":          func(*gateway, *bearer) { refused = true },
		"without handle":  func(_ *gateway, b *bearer) { b.without(handle) },
		"another session": func(_ *gateway, b *bearer) { b.id = "!latchkey-other" },
		"sealed elsewhere": func(_ *gateway, b *bearer) {
			u, _ := url.Parse(wiki)
			b.jar().SetCookies(u, []*http.Cookie{{Name: handle, Value: "AAAA", Path: "/", Secure: true}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused = false
			g := binding(t, func(s *settings) { s.admit = admit; s.binds.All = true })
			b := g.bound("yes")
			g.clock.Advance(3 * time.Minute)
			end(g, b)
			r := b.refresh()
			var says struct {
				ID       string `json:"session_identifier"`
				Continue *bool  `json:"continue"`
			}
			if err := json.Unmarshal([]byte(r.body), &says); err != nil || r.status != http.StatusOK || says.Continue == nil || *says.Continue || says.ID != b.id {
				t.Errorf("%d %s", r.status, r.body)
			}
			if c := r.setCookies()[short]; c != nil {
				t.Errorf("gets %+v", c)
			}
		})
	}
}

// V6: A session that ends while its browser signs is over: the refresh that was under way brings no cookie back (news 1.4, 5).
func TestRefreshUnderWayAtSignOut(t *testing.T) {
	g := binding(t, func(s *settings) { s.keepFor = time.Hour })
	b := g.bound("yes")
	// Ended elsewhere, and the message of it is still on its way: this server knows the session.
	if _, err := g.store.Remove(t.Context(), b.record().ID.Key()); err != nil {
		t.Fatal(err)
	}
	if r := b.refresh(); r.status != http.StatusOK || !strings.Contains(r.body, `"continue":false`) || r.setCookies()[short] != nil {
		t.Errorf("%d %s %v", r.status, r.body, r.setCookies())
	}
}

// V8: New keys of the ring, and a replica whose clock is a minute off, change nothing for a bound session.
func TestBoundOverReplicas(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef") // of newGateway
	g := binding(t)
	b := g.bound("yes")
	if err := g.service.Keys.Replace([]keyring.Key{{Secret: []byte("another0123456789another0123456789")}, {Secret: secret}}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("with a new key: %d", r.status)
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("refresh with a new key: %d", r.status)
	}
	for name, off := range map[string]time.Duration{"behind": -time.Minute, "ahead": time.Minute} {
		clock := storetest.NewClock()
		clock.Advance(g.clock.Now().Sub(clock.Now()) + off)
		other := binding(t, func(s *settings) { s.keys, s.store, s.clock, s.idp = g.service.Keys, g.store, clock, g.idp })
		there := other.bearer()
		u, _ := url.Parse(wiki)
		there.jar().SetCookies(u, b.jar().Cookies(u))
		there.id, there.device, there.challenged = b.id, b.device, b.challenged
		if r := there.refresh(); r.status != http.StatusOK {
			t.Errorf("%s: refresh %d", name, r.status)
		}
		b.challenged = there.challenged
		c := there.value(short)
		if r := b.refresh(); r.status != http.StatusOK {
			t.Errorf("%s: refresh here with a challenge from there: %d", name, r.status)
		}
		// As long as the browser has the cookie it is good everywhere.
		there.jar().SetCookies(u, []*http.Cookie{{Name: short, Value: c, Path: "/", Secure: true}})
		clock.Advance(boundLife - 2*time.Minute)
		if r := there.get(wiki + "/"); r.status != http.StatusOK || strings.Contains(r.header.Get("Refresh"), retryPath) {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	there := binding(t, func(s *settings) {
		s.clock = storetest.NewClock()
		s.clock.Advance(g.clock.Now().Sub(s.clock.Now()) + time.Minute)
		s.keys, s.store, s.idp = g.service.Keys, g.store, g.idp
	})
	ahead := there.bearer()
	u, _ := url.Parse(wiki)
	r := b.refresh()
	ahead.jar().SetCookies(u, b.jar().Cookies(u))
	life := time.Duration(r.setCookies()[short].MaxAge) * time.Second
	g.clock.Advance(life - time.Second)
	there.clock.Advance(life - time.Second)
	if r := ahead.get(wiki + "/"); r.status != http.StatusOK || r.header.Get("Refresh") != "" {
		t.Errorf("the browser still has the cookie, and a server ahead refuses it: %d", r.status)
	}
}

// V1: A silent round trip proves who uses the browser, so it offers the binding to a session that has none yet.
func TestSilentRecheckOffersTheBinding(t *testing.T) {
	g := binding(t, func(s *settings) {
		s.recheck, s.idp = time.Hour, oidctest.New(t, s.clock.Now)
		s.idp.TokenBody = map[string]any{"refresh_token": nil}
	})
	g.service.Providers[0].SilentRecheck = true
	b := g.bearer()
	b.arrive("yes")
	for _, want := range []bool{true, false} {
		g.clock.Advance(time.Hour)
		if !want {
			b.refresh() // with an old challenge
			if r := b.refresh(); r.status != http.StatusOK {
				t.Fatalf("refresh: %d", r.status)
			}
		}
		r := b.get(wiki + "/page")
		if query(t, r.location).Get("prompt") != "none" {
			t.Fatalf("%d to %q", r.status, r.location)
		}
		r = b.arriveFrom(r, "")
		if _, offered := boundtest.ReadOffer(t, r.header); offered != want || r.location != "/page" {
			t.Fatalf("offered: %v, %d to %q", offered, r.status, r.location)
		}
		if want {
			b.register(r)
			b.get(wiki + "/")
		}
	}
}

// V7: A store that hangs is a failure of ours like any other: the browser, which holds all requests meanwhile, is told within
// five seconds.
func TestRefreshWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	store := &refusing{}
	g := binding(t, func(s *settings) { s.wrap = store })
	t.Cleanup(func() { close(hang) }) // before the gateway stops
	b := g.bound("yes")
	store.before = func(string) { <-hang }
	began := time.Now()
	if r := b.refresh(); r.status != http.StatusServiceUnavailable || len(r.setCookies()) > 0 {
		t.Errorf("%d", r.status)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("after %v", took)
	}
}

// V7: A failure of ours ends nothing: the store is down, or the cookie is sealed with a key that has not arrived. What this
// server knows goes on for a while, and a proof is still taken once.
func TestRefreshInOutage(t *testing.T) {
	g := binding(t, func(s *settings) { s.keepFor, s.grace = 5*time.Second, 5*time.Minute })
	b := g.bound("yes")
	g.store.Fail(errors.New("out"))
	spent := b.challenged
	if r := b.refresh(); r.status != http.StatusOK || r.setCookies()[short] == nil {
		t.Errorf("known here: %d", r.status)
	}
	if r := b.refreshWith(b.device.Proof(spent)); r.status != http.StatusForbidden || len(r.setCookies()) > 0 {
		t.Errorf("a used proof: %d", r.status)
	}
	g.clock.Advance(6 * time.Minute)
	if r := b.refresh(); r.status != http.StatusServiceUnavailable || len(r.setCookies()) > 0 {
		t.Errorf("after outage_grace: %d %s", r.status, r.body)
	}
	g.store.Fail(nil)
	if r := b.refresh(); r.status != http.StatusForbidden { // its challenge is old by now
		t.Errorf("afterwards: %d", r.status)
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("with a new challenge: %d", r.status)
	}
	ring, err := keyring.New([]byte("another0123456789another0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := binding(t, func(s *settings) { s.keys, s.store, s.clock, s.idp = ring, g.store, g.clock, g.idp })
	there := elsewhere.bearer()
	u, _ := url.Parse(wiki)
	there.jar().SetCookies(u, b.jar().Cookies(u))
	there.id, there.device, there.challenged = b.id, b.device, b.challenged
	if r := there.refresh(); r.status != http.StatusServiceUnavailable {
		t.Errorf("a key that has not arrived: %d %s", r.status, r.body)
	}
}

// V17: A23: a page of another origin, also one of the same site, gets no short cookie with a proof that is good.
func TestRefreshByAnotherOrigin(t *testing.T) {
	g := binding(t)
	b := g.bound("yes")
	for name, header := range map[string][]string{
		"another site":     {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		"a sister host":    {"Origin", "https://mail.example.com", "Sec-Fetch-Site", "same-site"},
		"its Origin alone": {"Origin", "https://evil.example"},
		"no Origin":        {"Sec-Fetch-Site", "cross-site"},
	} {
		g.clock.Advance(time.Minute) // no row of refusals
		r := b.do(http.MethodPost, wiki+bound.RefreshPath, nil, append([]string{
			"Accept", "*/*", "Sec-Secure-Session-Id", b.id, "Secure-Session-Response", b.device.Proof(b.challenged),
		}, header...)...)
		b.keep(r)
		if r.status != http.StatusForbidden || len(r.setCookies()) > 0 {
			t.Errorf("%s: %d, %v", name, r.status, r.header)
		}
	}
	if r := b.refresh(); r.status != http.StatusOK {
		t.Errorf("the site itself: %d", r.status)
	}
}
