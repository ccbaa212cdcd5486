package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Hosts of one registrable domain, which Chromium sees as a site.
const (
	apexHost   = "alpha.test"
	portalHost = "login.alpha.test"
	noteHost   = "notes.alpha.test"
)

// boundEstate is a gateway of several hosts that signs users in at one of them and binds their sessions, and a browser that
// can do it.
func boundEstate(t *testing.T, signIn, options string, hosts ...string) (*estate, *rig.Browser) {
	t.Helper()
	cert, key, pin := certificate(t, append(hosts, signIn)...)
	e := &estate{t: t, app: rig.NewApp(t), redis: rig.Redis(t), data: t.TempDir(), port: rig.FreePort(t)}
	e.listen = e.port
	e.idp = rig.NewIDP(t, rig.IDPConfig{SSO: true, Users: people(), Clients: []rig.Client{{
		ID: "gw", Secret: clientSecret, RedirectURIs: []string{e.url(signIn, "/.latchkey/callback")},
		SignedOut: []string{e.url(signIn, "/.latchkey/signed-out")},
	}}})
	caddyfile := fmt.Sprintf("{\n"+rig.Globals+`	storage file_system %s
	latchkey {
		provider {
			issuer %s
			client_id gw
			client_secret %s
		}
		store redis redis://%s/0
		sign_in_host %s:%d
		session {
			binding prefer {
				cookie_lifetime %v
				insecure_short_lifetime
				%s
			}
		}
	}
}
%s:%d {
	tls %s %s
	latchkey
}
`, e.data, e.idp.Issuer, clientSecret, e.redis, signIn, e.port, boundLife, options, signIn, e.port, cert, key)
	for _, host := range hosts {
		caddyfile += fmt.Sprintf("%s:%d {\n\ttls %s %s\n\tlatchkey\n\treverse_proxy %s\n}\n", host, e.port, cert, key, e.app.Addr)
	}
	e.gw = rig.NewGateway(t, rig.GatewayConfig{Caddyfile: caddyfile, Probe: e.url(signIn, "/.latchkey/keys")})
	return e, rig.NewBrowser(t, rig.BrowserOptions{Binds: true, Trust: pin})
}

// enters signs alice in at a host in a real browser, and expects the app.
func (e *estate) enters(b *rig.Browser, host, answer string) {
	e.t.Helper()
	b.Goto(e.url(host, "/"))
	b.Click("alice")
	b.Click(answer)
	b.WaitURL(e.url(host, "/"))
}

// signsOut signs out at a host, and expects that another one sends the browser to the provider.
func (e *estate) signsOut(b *rig.Browser, host, other string) {
	e.t.Helper()
	b.Goto(e.url(host, "/.latchkey/sign-out"))
	b.Click("Sign out")
	before := e.idp.Hits("authorize")
	if b.Goto(e.url(other, "/")); e.idp.Hits("authorize") == before {
		e.t.Errorf("signed out at %s, and %s is at %s", host, other, b.URL())
	}
}

// short reports whether the browser has the short cookie for a host.
func (e *estate) short(b *rig.Browser, host, name string) bool {
	for _, c := range b.Cookies(e.url(host, "/")) {
		if c.Name == name {
			return true
		}
	}
	return false
}

// V14: Issue 11: behind a sign-in host Chromium binds the session at each host, and refreshes it there. The second site has the
// provider asked once, without a page.
func TestBoundAtEachHostInTheBrowser(t *testing.T) {
	t.Parallel()
	const short = "__Host-latchkey-bound"
	e, b := boundEstate(t, loginHost, "", wikiHost, crmHost)
	e.enters(b, wikiHost, "Yes")
	if !e.home(b.Page, crmHost) {
		t.Fatalf("crm is at %s: %s", b.URL(), b.Text())
	}
	for _, host := range []string{loginHost, wikiHost, crmHost} {
		rig.Until(t, rig.Patience, host+" is bound", func() bool { return e.short(b, host, short) })
	}
	asked := e.idp.Hits("authorize")
	b.ClearCookies(short) // as when it ends
	for _, host := range []string{wikiHost, crmHost} {
		if !e.home(b.Page, host) {
			t.Fatalf("%s is at %s: %s", host, b.URL(), b.Text())
		}
		if !e.short(b, host, short) {
			t.Errorf("%s is not refreshed", host)
		}
	}
	b.Restart()
	for _, host := range []string{crmHost, wikiHost} {
		if !e.home(b.Page, host) {
			t.Fatalf("after a restart %s is at %s: %s", host, b.URL(), b.Text())
		}
	}
	if n := e.idp.Hits("authorize"); n != asked {
		t.Errorf("the provider was asked %d times", n-asked)
	}
	e.signsOut(b, crmHost, wikiHost)
}

// V14: Issue 11, `site`: Chromium asks the apex, registers one key at the sign-in host, and refreshes before requests to each host
// of the domain.
func TestBoundSiteInTheBrowser(t *testing.T) {
	t.Parallel()
	const short = "__Secure-latchkey-bound"
	e, b := boundEstate(t, portalHost, "site "+apexHost, wikiHost, noteHost, apexHost)
	e.enters(b, wikiHost, "Yes")
	rig.Until(t, rig.Patience, "the domain is bound", func() bool { return e.short(b, wikiHost, short) })
	asked := e.idp.Hits("authorize")
	if !e.home(b.Page, noteHost) || !e.home(b.Page, apexHost) {
		t.Fatalf("at %s: %s", b.URL(), b.Text())
	}
	for range 2 {
		for _, host := range []string{wikiHost, noteHost, apexHost} {
			b.ClearCookies(short)
			if !e.home(b.Page, host) || !e.short(b, host, short) {
				t.Fatalf("%s is not refreshed: at %s: %s", host, b.URL(), b.Text())
			}
			b.ClearCookies(short)
			if f := b.Fetch(e.url(host, "/data"), nil); f.Status != 200 {
				t.Errorf("%s: a script gets %d %s", host, f.Status, f.Body)
			}
		}
	}
	for _, host := range []string{wikiHost, portalHost} {
		if e.short(b, host, "__Host-latchkey-bound") {
			t.Errorf("%s has a short cookie of its own", host)
		}
	}
	if n := e.idp.Hits("authorize"); n != asked {
		t.Errorf("the provider was asked %d times", n-asked)
	}
	e.signsOut(b, noteHost, wikiHost)
}

// V10: The page that makes the browser refresh keeps the part of the address after #, and works without JavaScript.
func TestFragmentOfALinkToABoundSession(t *testing.T) {
	t.Parallel()
	s, b, _ := boundUser(t, "", "Yes")
	b.Goto("http://" + s.app.Addr + "/")
	b.ClearCookies(s.cookie("-bound"))
	var begun int
	b.Evaluate(&begun, fmt.Sprintf("(setTimeout(() => { location.href = %q }, 0), 1)", s.url("/linked?a=b#part")))
	b.WaitURL("/linked?a=b#part")
	s.atApp(b.Page)
	if !strings.Contains(s.adminText("/metrics"), `decision="binding_missing"`) {
		t.Error("the link arrived with the short cookie, so this test shows nothing")
	}
}
