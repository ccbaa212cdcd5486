package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// exchanging is a site whose app gets a token for mailResource instead.
func exchanging(life int) config {
	c := forwarding(life, "forward_access_token as X-Mail-Token {\naudience "+mailResource+"\nscope send\n}")
	idp := c.idp
	c.idp = func(ic *rig.IDPConfig) { idp(ic); ic.Exchange = true }
	return c
}

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"

// The app gets the token for which the provider has exchanged the user's. It is exchanged once for all requests that ask
// for it at a gateway, and again before its end.
func TestExchangedToken(t *testing.T) {
	t.Parallel()
	const life = 6
	s := newSite(t, exchanging(life))
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	claims := s.forwarded("X-Mail-Token")
	if claims["aud"] != mailResource || claims["sub"] != "alice" || claims["scope"] != "send" || s.app.Last(t).Header.Get("Authorization") != "" {
		t.Errorf("the app saw %v", claims)
	}
	asked := s.idp.Last("token").Params
	for name, want := range map[string]string{
		"grant_type": exchangeGrant, "subject_token_type": accessTokenType, "requested_token_type": accessTokenType, "scope": "send", "audience": mailResource,
	} {
		if asked[name] != want {
			t.Errorf("%s: %v", name, asked[name])
		}
	}
	s.idp.Reset()
	began := time.Now()
	rig.Until(t, rig.Patience, "both tokens have ended", func() bool { return time.Since(began) > (life+1)*time.Second })
	var all sync.WaitGroup
	replies := make([]rig.Reply, 20)
	for i := range replies {
		one := c.Copy(t)
		all.Go(func() {
			replies[i], _ = one.Try(rig.Call{URL: s.url("/x"), Header: http.Header{"Accept": {"application/json"}}})
		})
	}
	all.Wait()
	for _, r := range replies {
		if r.StatusCode != http.StatusOK {
			t.Errorf("%d %s", r.StatusCode, r.Text)
		}
	}
	if n, m := s.tokensAsked(exchangeGrant), s.tokensAsked("refresh_token"); n != 1 || m != 1 {
		t.Errorf("%d exchanges, %d renewals", n, m)
	}
	s.noneLeaked()
}

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// Where the provider exchanges nothing, or not for this client, no request reaches the app, and the log says which word
// the provider had for it. No user is signed out, and the provider is not asked over and over.
func TestExchangeRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*config)
		asked  int
		says   string
	}{
		"the provider does not offer it": {func(c *config) { c.idp = forwarding(3600, "").idp }, 0, "grant_types_supported"},
		"it knows no such audience":      {func(c *config) { c.site = strings.Replace(c.site, mailResource, "https://other.example.test", 1) }, 1, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := exchanging(3600)
			row.change(&conf)
			s := newSite(t, conf)
			c := rig.NewHTTP(t)
			if r := s.enter(c, "/", "alice", "Yes"); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Text, "the access that it needs") {
				t.Fatalf("%d %s", r.StatusCode, r.Text)
			}
			for range 5 {
				if r := s.api(c, "/x"); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Text, "no_access_token") {
					t.Errorf("%d %s", r.StatusCode, r.Text)
				}
			}
			if s.app.Hits() != 0 || s.sessions() != 1 || c.Cookie(s.host(), s.cookie("")) == "" {
				t.Errorf("%d requests reached the app; %d sessions", s.app.Hits(), s.sessions())
			}
			if n := s.tokensAsked(exchangeGrant); n != row.asked {
				t.Errorf("the provider was asked %d times", n)
			}
			if log := s.gw.Output(); !strings.Contains(log, "access token for an application not exchanged") || !strings.Contains(log, row.says) {
				t.Errorf("the log does not say %s", row.says)
			}
			s.noneLeaked()
		})
	}
}

// A program with an access token of its own gets none of a user; its own reaches the app only where the site says so.
func TestProgramsAndForwardedTokens(t *testing.T) {
	t.Parallel()
	for word, passes := range map[string]bool{"": false, "forward_authorization": true} {
		s := programSite(t, config{
			site: "forward_access_token", provider: "scopes openid profile email offline_access api:read\nauth_param resource " + apiResource,
		}, word)
		token := s.robotToken(apiResource, "api:read")
		saw := s.mustPass(s.program("/", token, nil)).Header.Get("Authorization")
		if passes && saw != "Bearer "+token || !passes && saw != "" {
			t.Errorf("%q: the app saw %q", word, saw)
		}
		c := rig.NewHTTP(t)
		s.entered(c, "/", "alice", "Yes")
		if s.forwarded("Authorization")["sub"] != "alice" {
			t.Errorf("%q: the app saw no token of the user", word)
		}
	}
}
