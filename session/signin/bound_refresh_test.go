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
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// The owner proves the device again and again, over any time, and notices nothing. It is no use of the session, and what a
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

// What may be tried again is answered 403 with a challenge, three times in a row at most: one more would end the session
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

// The count of refusals goes with the challenge to another replica.
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

// It is over, and the browser is told so, when the session is: signed out, ended by an administrator, past its limit, no
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

// A session that ends while its browser signs is over: the refresh that was under way brings no cookie back (news 1.4, 5).
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

// A failure of ours ends nothing: the store is down, or the cookie is sealed with a key that has not arrived. What this
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
