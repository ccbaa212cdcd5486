package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// forwarding is a site whose app gets the user's access token, for apiResource and for a life of so many seconds.
func forwarding(life int, word string) config {
	return config{
		provider: "scopes openid profile email offline_access api:read\nauth_param resource " + apiResource, site: word,
		idp: func(ic *rig.IDPConfig) {
			ic.Resources = map[string]rig.Resource{
				apiResource: {Scope: "api:read", TTL: life}, mailResource: {Scope: "mail send", TTL: life},
			}
		},
	}
}

// forwarded returns the claims of the token that the app saw last in Authorization, and fails the test unless the
// provider has issued it and it has not ended.
func (s *site) forwarded(header string) map[string]any {
	s.t.Helper()
	token, ok := strings.CutPrefix(s.app.Last(s.t).Header.Get(header), "Bearer ")
	if !ok && header == "Authorization" || token == "" {
		s.t.Fatalf("the app saw no token: %v", s.app.Last(s.t).Header)
	}
	return s.claimsOf(token)
}

func (s *site) claimsOf(token string) map[string]any {
	s.t.Helper()
	if !slices.Contains(s.idp.State().Issued["access_token"], token) {
		s.t.Fatal("the app saw a token that the provider has not issued")
	}
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		s.t.Fatalf("the app saw a token that is no JWT: %v", err)
	}
	return claims
}

// tokensAsked counts the requests for tokens with a grant that the provider got since its Reset.
func (s *site) tokensAsked(grant string) (n int) {
	for _, r := range s.idp.State().Requests {
		if r.Endpoint == "token" && r.Params["grant_type"] == grant {
			n++
		}
	}
	return n
}

// noneLeaked fails the test if a token that the provider has issued is in a log of the gateway.
func (s *site) noneLeaked() {
	s.t.Helper()
	secrets := map[string]string{}
	for kind, list := range s.idp.State().Issued {
		for i, secret := range list {
			secrets[kind+" "+string(rune('a'+i%26))] = secret
		}
	}
	if leaked := s.gw.Leaked(secrets); len(leaked) > 0 {
		s.t.Errorf("the log has %v", leaked)
	}
}

// The app gets the user's own access token, in the header that the site names. What a client writes there does not reach
// it, in whatever spelling; and a site that does not ask for a token gets none.
func TestForwardAccessToken(t *testing.T) {
	t.Parallel()
	for word, header := range map[string]string{
		"forward_access_token":                             "Authorization",
		"forward_access_token as X-Forwarded-Access-Token": "X-Forwarded-Access-Token",
		"forward_access_token as X-My-Token":               "X-My-Token",
		"":                                                 "",
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, forwarding(3600, word))
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			forged := http.Header{
				"Accept": {"application/json"}, "Authorization": {"Bearer forged"}, "X-Forwarded-Access-Token": {"forged"}, "X_My_Token": {"forged"}, "X-My-Token": {"forged"},
			}
			if r := c.Do(rig.Call{URL: s.url("/forged"), Header: forged}); r.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", r.StatusCode, r.Text)
			}
			saw := s.app.Last(t).Header
			if header == "" {
				if saw.Get("Authorization") != "Bearer forged" || saw.Get("X-Forwarded-Access-Token") != "" {
					t.Errorf("a site without the word: %v", saw)
				}
				return
			}
			for name, values := range saw {
				if name != header && slices.Contains(values, "forged") && name != "X-My-Token" && name != "X_my_token" {
					t.Errorf("the client's %s reached the app", name)
				}
			}
			if len(saw[header]) != 1 || header == "X-My-Token" && saw["X_my_token"] != nil {
				t.Errorf("the app saw %v", saw)
			}
			if claims := s.forwarded(header); claims["sub"] != "alice" || claims["aud"] != apiResource || claims["scope"] != "api:read" {
				t.Errorf("the token is %v", claims)
			}
			s.noneLeaked()
		})
	}
}

// A token that has ended is renewed before the request, once for twenty requests at two gateways; the app never sees one
// that has ended. Before its end it is renewed while requests go on.
func TestForwardedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	const life = 6
	a, b := replicas(t, forwarding(life, "forward_access_token"))
	c := rig.NewHTTP(t)
	a.entered(c, "/", "alice", "Yes")
	if !b.alive(c) {
		t.Fatal("the other replica does not know the session")
	}
	first := a.app.Last(t).Header.Get("Authorization")
	a.idp.Reset()
	a.idp.Fail("token", rig.Fault{DelayMS: 300, Times: -1})
	began := time.Now()
	rig.Until(t, rig.Patience, "the token has ended", func() bool { return time.Since(began) > (life+1)*time.Second })
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
	second := a.app.Last(t).Header.Get("Authorization")
	for i, r := range replies {
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Text, second) || second == first {
			t.Errorf("request %d: %d %s", i, r.StatusCode, r.Text)
		}
	}
	if n := a.tokensAsked("refresh_token"); n != 1 || a.idp.Hits("token") != 1 {
		t.Errorf("the provider was asked %d times, %d times in all", n, a.idp.Hits("token"))
	}
	if a.sessions() != 1 {
		t.Errorf("%d sessions", a.sessions())
	}
	// From now on requests never stop: none waits for the provider, which takes 300 ms, none sees a token that has ended.
	third := false
	rig.Until(t, rig.Patience, "the token is renewed while it is used", func() bool {
		at := time.Now()
		r := a.api(c, "/y")
		claims := a.forwarded("Authorization")
		if ends, _ := claims["exp"].(float64); r.StatusCode != http.StatusOK || at.After(time.Unix(int64(ends), 0)) {
			t.Fatalf("%d, with a token until %v", r.StatusCode, ends)
		}
		third = third || a.app.Last(t).Header.Get("Authorization") != second
		return third
	})
	a.noneLeaked()
	b.noneLeaked()
}

// While the provider does not answer, the token serves until its end. Then requests get 503 and do not reach the app. When
// the provider is back, they do.
func TestForwardedTokenInAnOutage(t *testing.T) {
	t.Parallel()
	const life = 5
	s := newSite(t, forwarding(life, "forward_access_token"))
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	s.idp.Down()
	rig.Until(t, rig.Patience, "requests are refused", func() bool {
		r := s.api(c, "/x")
		switch r.StatusCode {
		case http.StatusOK:
			if ends, _ := s.forwardedOf(r)["exp"].(float64); time.Now().Unix() > int64(ends)+1 {
				t.Fatal("the app saw a token that has ended")
			}
		case http.StatusServiceUnavailable:
			return true
		default:
			t.Fatalf("%d %s", r.StatusCode, r.Text)
		}
		return false
	})
	hits := s.app.Hits()
	if r := s.api(c, "/x"); r.StatusCode != http.StatusServiceUnavailable || s.app.Hits() != hits || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d, %d requests reached the app", r.StatusCode, s.app.Hits()-hits)
	}
	if c.Cookie(s.host(), s.cookie("")) == "" {
		t.Error("the user was signed out")
	}
	s.idp.Up()
	rig.Until(t, rig.Patience, "requests get through again", func() bool { return s.alive(c) })
	if ends, _ := s.forwarded("Authorization")["exp"].(float64); time.Now().Unix() > int64(ends) {
		t.Error("with a token that has ended")
	}
}

// forwardedOf is the token that the app saw, of a provider that may be down: the claims are not compared with it.
func (s *site) forwardedOf(r rig.Reply) map[string]any {
	s.t.Helper()
	var seen rig.AppRequest
	claims := map[string]any{}
	err := json.Unmarshal([]byte(r.Text), &seen)
	parts := strings.Split(seen.Header.Get("Authorization"), ".")
	if err != nil || len(parts) != 3 {
		s.t.Fatalf("no token in %s", r.Text)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return claims
}

// With the session its token is gone, at every replica: after a sign-out by the user, and after an administrator's.
func TestForwardedTokenEndsWithTheSession(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, forwarding(3600, "forward_access_token"))
	c := rig.NewHTTP(t)
	a.entered(c, "/", "alice", "Yes")
	if !a.alive(c) || !b.alive(c) {
		t.Fatal("not signed in")
	}
	if status, text := a.gw.AskAdmin(http.MethodPost, "/latchkey/revoke-before", `{"before":"0s","app":"127.0.0.1"}`); status != http.StatusOK {
		t.Fatalf("revoke-before: %d %s", status, text)
	}
	hits := a.app.Hits()
	a.mustBeDead(c, "alice")
	b.mustBeDead(c, "alice")
	if at := a.app.Requests()[hits:]; slices.ContainsFunc(at, func(r rig.AppRequest) bool { return r.URI == "/dead" }) {
		t.Error("a request of a session that was revoked reached the app")
	}
}

// A session that began before the site asked for a token has none: it gets one with its refresh token. One without a
// refresh token goes to the provider for another sign-in.
func TestForwardForSessionsOfBefore(t *testing.T) {
	t.Parallel()
	for name, refresh := range map[string]bool{"with a refresh token": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := forwarding(3600, "")
			idp := conf.idp
			conf.idp = func(ic *rig.IDPConfig) { idp(ic); ic.Refresh, ic.SSO = &refresh, true }
			s := newSite(t, conf)
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			s.idp.Reset()
			if err := s.reload(func(c *config) { c.site = "forward_access_token" }); err != nil {
				t.Fatal(err)
			}
			if refresh {
				if r := s.api(c, "/x"); r.StatusCode != http.StatusOK || s.forwarded("Authorization")["sub"] != "alice" || s.tokensAsked("refresh_token") != 1 {
					t.Errorf("%d %s", r.StatusCode, r.Text)
				}
				return
			}
			rig.Until(t, 2*time.Minute, "a sign-in is asked for", func() bool { return s.api(c, "/x").StatusCode == http.StatusUnauthorized })
			s.entered(c, "/", "alice", "Yes")
			if s.forwarded("Authorization")["sub"] != "alice" {
				t.Error("the app got no token")
			}
		})
	}
}
