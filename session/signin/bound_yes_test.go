package signin

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// V4: Issue 11: a "Yes" is offered the binding once, in the answer that ends the sign-in. The registration raises its limits,
// sends the session cookie again with the longer life, and the short cookie beside it. Nothing counts before the browser
// shows that it has them.
func TestBoundYes(t *testing.T) {
	g := binding(t)
	b := g.bearer()
	r := b.arrive("yes")
	if c := r.setCookies()[handle]; c == nil || c.MaxAge > 30*24*3600 || c.MaxAge < 30*24*3600-5 {
		t.Errorf("before the registration the cookie is %+v", c)
	}
	before := b.value(handle)
	answer := b.register(r)
	set := answer.setCookies()
	if c := set[handle]; answer.status != http.StatusOK || c == nil || c.MaxAge > 180*24*3600 || c.MaxAge < 180*24*3600-5 {
		t.Fatalf("registration: %d, cookie %+v", answer.status, c)
	}
	c := set[short]
	if c == nil || c.MaxAge != int((boundLife-time.Minute)/time.Second) || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("short cookie: %+v", c)
	}
	var says struct {
		ID          string `json:"session_identifier"`
		RefreshURL  string `json:"refresh_url"`
		Credentials []struct{ Type, Name, Attributes string }
		Scope       struct {
			IncludeSite *bool `json:"include_site"`
		}
	}
	if err := json.Unmarshal([]byte(answer.body), &says); err != nil {
		t.Fatalf("%v: %s", err, answer.body)
	}
	if says.ID != b.id || !strings.HasPrefix(says.ID, "!") || says.RefreshURL != bound.RefreshPath || says.Scope.IncludeSite == nil || *says.Scope.IncludeSite ||
		len(says.Credentials) != 1 || says.Credentials[0].Name != short {
		t.Errorf("instructions: %s", answer.body)
	}
	// The browser looks for a cookie with exactly these attributes, in any order, and without a lifetime.
	want := map[string]bool{"Path=/": true, "HttpOnly": true, "Secure": true, "SameSite=Lax": true}
	for attribute := range strings.SplitSeq(says.Credentials[0].Attributes, "; ") {
		if !want[attribute] {
			t.Errorf("attribute %q", attribute)
		}
		delete(want, attribute)
	}
	if len(want) > 0 || answer.header.Get("Content-Type") != "application/json" || answer.header.Get("Cache-Control") != "no-store" {
		t.Errorf("lacks %v; headers %v", want, answer.header)
	}
	if who := b.record(); who.Binding.Bound() || who.Limit != boundLimits.Unbound {
		t.Errorf("bound before the browser has shown that it got the answer: %+v", who)
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		t.Fatalf("with both cookies: %d", r.status)
	}
	if who := b.record(); !who.Binding.Bound() || who.Limit != boundLimits.Persistent || who.Binding.Algorithm != "ES256" {
		t.Errorf("not bound: %+v, limit %v", who.Binding, who.Limit)
	}
	// Requests that were on their way have the earlier cookie for a moment, and no longer (news 1.4, 6).
	u, _ := url.Parse(wiki)
	old := g.bearer()
	old.jar().SetCookies(u, []*http.Cookie{{Name: handle, Value: before, Path: "/", Secure: true}})
	g.clock.Advance(access.OldHandleGrace - time.Second)
	if r := old.get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("earlier cookie at once: %d", r.status)
	}
	g.clock.Advance(time.Second)
	if r := old.get(wiki + "/"); !strings.HasPrefix(r.location, g.idp.URL) {
		t.Errorf("earlier cookie later: %d to %q", r.status, r.location)
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		t.Errorf("the owner later: %d", r.status)
	}
}

// V18: A session that the browser does not bind stays as it is, with the limits of one that is not bound: the registration was
// never sent, or its answer was lost.
func TestUnboundYes(t *testing.T) {
	for name, lost := range map[string]bool{"never registers": false, "answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			g := binding(t)
			b := g.bearer()
			r := b.arrive("yes")
			if lost {
				thief := b.with(handle)
				if r := thief.register(r); r.status != http.StatusOK {
					t.Fatalf("registration: %d", r.status)
				}
			}
			g.clock.Advance(time.Hour)
			if r := b.get(wiki + "/"); r.status != http.StatusOK {
				t.Fatalf("%d", r.status)
			}
			if who := b.record(); who.Binding.Bound() || who.Limit != boundLimits.Unbound {
				t.Errorf("%+v, %v", who.Binding, who.Limit)
			}
		})
	}
}

// V1: The binding is offered to no session that is not to be bound, and never by an answer that ends no sign-in (news 1.4, 7).
func TestWhatIsOffered(t *testing.T) {
	for name, tt := range map[string]struct {
		config access.Binds
		answer string
		want   bool
	}{
		"off":           {access.Binds{}, "yes", false},
		"yes":           {access.Binds{On: true, Lifetime: boundLife}, "yes", true},
		"no":            {access.Binds{On: true, Lifetime: boundLife}, "no", false},
		"no, all kinds": {access.Binds{On: true, All: true, Lifetime: boundLife}, "no", true},
		"yes, required": {access.Binds{On: true, Required: true, Lifetime: boundLife}, "yes", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := binding(t, func(s *settings) { s.binds = tt.config })
			b := g.bearer()
			r := b.arrive(tt.answer)
			if _, offered := boundtest.ReadOffer(t, r.header); offered != tt.want {
				t.Errorf("offered: %v", offered)
			}
			c := r.setCookies()[handle]
			if session := c.MaxAge == 0; session != (tt.answer == "no" || tt.config.Required) {
				t.Errorf("the cookie lives %d s", c.MaxAge)
			}
			for _, path := range []string{"/", browser.Base + "/me", browser.Base + "/sign-out", browser.Base + "/session", "/page?x=1"} {
				if _, offered := boundtest.ReadOffer(t, b.get(wiki+path).header); offered {
					t.Errorf("%s offers it to a cookie that exists", path)
				}
			}
		})
	}
}

// V2: A registration is the one that was offered, or none: at this session, to this host, within two minutes, once.
func TestBadRegistration(t *testing.T) {
	g := binding(t)
	b := g.bearer()
	r := b.arrive("yes")
	o, _ := boundtest.ReadOffer(t, r.header)
	other := g.bearer()
	others, _ := boundtest.ReadOffer(t, other.arrive("yes").header)
	for name, tt := range map[string]struct {
		offer  boundtest.Offer
		header []string
	}{
		"no authorization":          {boundtest.Offer{Challenge: o.Challenge}, nil},
		"of another session":        {boundtest.Offer{Challenge: o.Challenge, Authorization: others.Authorization}, nil},
		"another session's":         {boundtest.Offer{Challenge: others.Challenge, Authorization: o.Authorization}, nil},
		"no challenge of ours":      {boundtest.Offer{Challenge: "x", Authorization: o.Authorization}, nil},
		"an authorization as both":  {boundtest.Offer{Challenge: o.Authorization, Authorization: o.Authorization}, nil},
		"a page of another site":    {o, []string{"Sec-Fetch-Site", "cross-site"}},
		"a page of a sibling":       {o, []string{"Sec-Fetch-Site", "same-site"}},
		"another origin":            {o, []string{"Origin", "https://evil.example"}},
		"no proof":                  {o, []string{"Secure-Session-Response", ""}},
		"a proof of a later moment": {o, []string{"Secure-Session-Response", b.device.Proof(o.Challenge)}},
		"an oversized proof":        {o, []string{"Secure-Session-Response", b.device.Registration(o) + strings.Repeat("A", 4096)}},
	} {
		r := b.post(bound.RegisterPath, append([]string{"Secure-Session-Response", b.device.Registration(tt.offer)}, tt.header...)...)
		if r.status != http.StatusForbidden || len(r.setCookies()) > 0 || r.header.Get("Secure-Session-Challenge") != "" {
			t.Errorf("%s: %d, %v", name, r.status, r.header)
		}
	}
	if who := b.record(); len(who.Binding.Key) > 0 {
		t.Fatalf("registered: %+v", who.Binding)
	}
	// A stolen handle registers nothing: it has no authorization. One with a stolen authorization comes too late.
	if r := b.register(r); r.status != http.StatusOK {
		t.Fatalf("the offer itself: %d", r.status)
	}
	key := b.record().Binding.Key
	thief := b.with(handle, short)
	for name, r := range map[string]result{
		"offered twice": thief.post(o.Path, "Secure-Session-Response", thief.device.Registration(o)),
		"own key twice": b.post(o.Path, "Secure-Session-Response", b.device.Registration(o)),
	} {
		if r.status != http.StatusForbidden || len(r.setCookies()) > 0 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if string(b.record().Binding.Key) != string(key) {
		t.Error("the session has another key")
	}
	g.clock.Advance(2 * time.Minute)
	if r := other.post(others.Path, "Secure-Session-Response", other.device.Registration(others)); r.status != http.StatusForbidden {
		t.Errorf("after two minutes: %d", r.status)
	}
}

// V2: The specification has the authorization in a header of its own, Chromium 156 in the proof. Either is accepted, and one is
// needed.
func TestAuthorizationInItsHeader(t *testing.T) {
	g := binding(t)
	b := g.bearer()
	o, _ := boundtest.ReadOffer(t, b.arrive("yes").header)
	signed := b.device.Registration(boundtest.Offer{Challenge: o.Challenge})
	if r := b.post(o.Path, "Secure-Session-Response", signed); r.status != http.StatusForbidden {
		t.Errorf("without: %d", r.status)
	}
	if r := b.post(o.Path, "Secure-Session-Response", signed, "Authorization", o.Authorization); r.status != http.StatusOK {
		t.Errorf("in its header: %d", r.status)
	}
}

// V2: After a sign-in without a question the registration comes without the session cookie, which it does not need.
func TestRegistrationWithoutCookie(t *testing.T) {
	always := access.Admission{Persistence: prompt.PersistenceAlways}
	g := binding(t, func(s *settings) { s.admit = func(*access.Visit, *session.Record) access.Admission { return always } })
	b := g.bearer()
	r := b.arrive("")
	jar := b.client.Jar
	b.client.Jar, _ = cookiejar.New(nil)
	answer := b.register(r)
	if answer.status != http.StatusOK || answer.setCookies()[handle] == nil {
		t.Fatalf("%d %v", answer.status, answer.header)
	}
	u, _ := url.Parse(wiki)
	jar.SetCookies(u, (&http.Response{Header: answer.header}).Cookies())
	b.client.Jar = jar
	if r := b.get(wiki + "/"); r.status != http.StatusOK || !b.record().Binding.Bound() {
		t.Errorf("%d", r.status)
	}
}
