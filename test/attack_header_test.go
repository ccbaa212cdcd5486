package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// identityNames are the headers that name a user, in spellings that some app server folds into one.
func identityNames() []string {
	var out []string
	for _, name := range []string{"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"} {
		out = append(out,
			name, strings.ToLower(name), strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(strings.ToLower(name), "-", "_"),
			strings.ReplaceAll(name, "-", "."), strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	return append(out, "X-Latchkey-Assertion", "x_latchkey_assertion")
}

func fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

// A06, A35, A51, A52, A80: what a client says about its identity reaches the app in no spelling, on guarded and on open
// paths, and whatever the method.
func TestA06IdentityHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "@private not path /public/*", matcher: "@private"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	for _, path := range []string{"/public/x", "/guarded"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "PUT"} {
			for _, name := range identityNames() {
				before := s.app.Hits()
				c.Do(rig.Call{Method: method, URL: s.url(path), Header: http.Header{name: {"mallory-canary"}}})
				if s.app.Hits() == before {
					continue // refused altogether
				}
				for k, v := range s.app.Last(t).Header {
					if strings.Contains(strings.Join(v, " "), "mallory-canary") {
						t.Errorf("%s %s: %s reached the app as %s", method, path, name, k)
					}
				}
			}
		}
	}
	r := s.api(c, "/guarded")
	if h := s.app.Last(t).Header; r.StatusCode != 200 || h.Get("Remote-User") != "alice" || h.Get("Remote-Email") != "alice@example.com" ||
		h.Get("Remote-Name") != "Alice Ash" || h.Get("Remote-Groups") != "staff" {
		t.Errorf("the app saw %v", h)
	}
}

// A51: a claim that a person lacks is an absent header, not the client's.
func TestA51AbsentClaim(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "gina", "")
	c.Do(rig.Call{URL: s.url("/x"), Header: http.Header{"Remote-Email": {"ceo@example.com"}, "remote_email": {"ceo@example.com"}}})
	for k := range s.app.Last(t).Header {
		if fold(k) == "remote-email" {
			t.Errorf("the app saw %s: %v", k, s.app.Last(t).Header[k])
		}
	}
}

// A50: a client names our headers in Connection, so that the proxy would drop them as hop-by-hop. They arrive, or the
// request is refused; never does the app see an anonymous request.
func TestA50ConnectionTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	cookie := s.cookie("") + "=" + c.Cookie(s.host(), s.cookie(""))
	arrived := 0
	for _, value := range []string{
		"Remote-User", "remote-user", "close, Remote-User", "Remote-User, Remote-Groups, Remote-Email", "keep-alive,Remote-User", "Cookie", "Host",
		"Upgrade, Remote-User", "x,,Remote-User", "Remote-User\nConnection: Remote-Groups", "Remote_User", "X-Forwarded-For", "X-Forwarded-Host",
	} {
		before := s.app.Hits()
		r := rig.Raw(t, s.addr(), fmt.Sprintf("GET /a50 HTTP/1.1\nHost: 127.0.0.1:%d\nCookie: %s\nConnection: %s\n\n", s.port, cookie, value))
		if s.app.Hits() == before {
			if r != nil && (r.StatusCode < 400 || r.StatusCode > 499) {
				t.Errorf("Connection: %s: %d", value, r.StatusCode)
			}
			continue
		}
		arrived++
		if h := s.app.Last(t).Header; h.Get("Remote-User") != "alice" || h.Get("Remote-Groups") != "staff" || h.Get("X-Forwarded-For") == "" {
			t.Errorf("Connection: %s: the app saw %v", value, h)
		}
	}
	if arrived == 0 {
		t.Error("nothing arrived, so this proves nothing")
	}
}

// A54: claims that look like placeholders come out as they are, in headers, pages and logs.
func TestA54PlaceholdersInClaims(t *testing.T) {
	evil := "{env.LATCHKEY_CANARY}{file./etc/hostname}{http.request.host}"
	users := people()
	users["eve"] = rig.Claims{"name": evil, "preferred_username": evil, "email": evil, "groups": []string{evil, "staff"}}
	s := newSite(t, config{
		users: users, app: "policy p {\nmatch {\npath /shut\n}\nblock\n}",
		env: []string{"LATCHKEY_CANARY=canary-of-the-environment"},
	})
	c := rig.NewHTTP(t)
	prompt := s.enter(c, "/", "eve", "")
	if !strings.Contains(prompt.Text, "{env.LATCHKEY_CANARY}") {
		t.Errorf("the prompt: %s", prompt.Text)
	}
	c.Press(prompt, "Yes")
	h := s.app.Last(t).Header
	if h.Get("Remote-User") != evil || h.Get("Remote-Name") != evil || h.Get("Remote-Groups") != evil+",staff" {
		t.Errorf("the app saw %v", h)
	}
	for _, text := range []string{prompt.Text, c.Get(s.url("/shut")).Text, s.gw.Output(), c.Get(s.url("/.latchkey/sign-out")).Text} {
		if strings.Contains(text, "canary-of-the-environment") {
			t.Error("A54: an environment variable came out")
		}
	}
}

// Claims cannot smuggle headers: line breaks and separators are data, or the claim is left out.
func TestClaimsCannotSmuggleHeaders(t *testing.T) {
	t.Parallel()
	users := people()
	users["eve"] = rig.Claims{
		"preferred_username": "eve\r\nRemote-Groups: admins", "name": "Eve\nX-Admin: 1", "email": "eve@example.com\x00", "groups": []string{"a,admins", "b\r\nc"},
	}
	s := newSite(t, config{users: users})
	c := rig.NewHTTP(t)
	s.enter(c, "/", "eve", "Yes")
	for _, r := range s.app.Requests() {
		for group := range strings.SplitSeq(r.Header.Get("Remote-Groups"), ",") {
			if group == "admins" {
				t.Errorf("a group with a comma became two: %q", r.Header.Get("Remote-Groups"))
			}
		}
		if r.Header.Get("X-Admin") != "" || strings.ContainsAny(strings.Join(r.Header.Values("Remote-User"), ""), "\r\n\x00") {
			t.Errorf("the app saw %v", r.Header)
		}
	}
}

// A62, A08, A17, A83: an address or a path that the client claims for itself changes no decision.
func TestA62ClaimedAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "network office 192.0.2.0/24\npolicy only-office {\ninclude all\nexclude network office\nblock\n}"})
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "X-Original-Forwarded-For"} {
		for _, value := range []string{"192.0.2.7", "192.0.2.7, 127.0.0.1", "for=192.0.2.7", "garbage", "", "192.0.2.7:80", "::ffff:192.0.2.7", strings.Repeat("1.", 4000)} {
			r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/"), Navigate: true, Header: http.Header{name: {value}}})
			if r.StatusCode != 403 && r.StatusCode != 400 && r.StatusCode != 431 {
				t.Errorf("%s: %.40q: %d to %v", name, value, r.StatusCode, r.Location())
			}
		}
	}
	if s.app.Hits() != 0 {
		t.Error("the app was reached")
	}
}

// A07: no User-Agent, method override or health-check name opens anything.
func TestA07UserAgents(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	for _, ua := range []string{"GoogleHC/1.0", "kube-probe/1.27", "ELB-HealthChecker/2.0", "Caddy", "", "latchkey", "() { :; };", strings.Repeat("A", 9000)} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "CONNECT-LIKE"} {
			r := c.Do(rig.Call{Method: method, URL: s.url("/health"), Header: http.Header{"User-Agent": {ua}, "X-Http-Method-Override": {"GET"}}})
			if r.StatusCode < 400 {
				t.Errorf("%s as %.20q: %d", method, ua, r.StatusCode)
			}
		}
	}
	if s.app.Hits() != 0 {
		t.Error("the app was reached")
	}
}
