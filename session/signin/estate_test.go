package signin

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Three sites under two domains, and the host where people sign in for them, under a third.
const (
	wiki  = "https://wiki.alpha.test"
	admin = "https://admin.alpha.test"
	crm   = "https://crm.beta.test"
	login = "https://login.gamma.test"
)

func hostOf(origin string) string { return strings.TrimPrefix(origin, "https://") }

func (g *gateway) siteFor(app, origin string) *access.Site {
	if site := g.sites[hostOf(origin)]; site != nil && (app == "" || app == site.App) {
		return site
	}
	return nil
}

// estate is a gateway of all of them.
func estate(t *testing.T, change ...func(*settings)) *gateway {
	t.Helper()
	return newGateway(t, append([]func(*settings){func(s *settings) {
		s.signInHost = login
		s.sites = map[string]*access.Site{}
		admit := gateFunc(func(v *access.Visit, who *session.Record) access.Admission { return s.admit(v, who) })
		for _, origin := range []string{wiki, admin, crm, login} {
			app, _, _ := strings.Cut(hostOf(origin), ".")
			s.sites[hostOf(origin)] = &access.Site{App: app, Gate: admit}
		}
	}}, change...)...)
}

// walker is a browser that every name leads to the gateway.
func (g *gateway) walker() *testBrowser {
	b := g.browser()
	b.client.Transport = &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // our own server, under names that are nobody's
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasSuffix(addr, ".test:443") {
				addr = b.gateway.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	b.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// next is where an answer leads, by Location or by Refresh, as an absolute address; empty if nowhere.
func next(t *testing.T, from string, r result) string {
	t.Helper()
	to := r.location
	if r.status < 300 || r.status > 399 {
		_, to, _ = strings.Cut(r.header.Get("Refresh"), "url=")
	}
	if to == "" {
		return ""
	}
	base, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// walk goes on from an answer until something is shown, or until an address begins with stop, which is not asked for.
func (b *testBrowser) walk(from string, r result, stop string) (at string, last result) {
	b.t.Helper()
	for range 12 {
		to := next(b.t, from, r)
		if to == "" {
			return from, r
		}
		if stop != "" && strings.HasPrefix(to, stop) {
			return to, r
		}
		if strings.HasPrefix(to, b.idp.URL) {
			asked := query(b.t, to)
			if !strings.HasPrefix(asked.Get("redirect_uri"), login+"/") {
				b.t.Fatalf("the provider is to send people to %s", asked.Get("redirect_uri"))
			}
			to = asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
		}
		from, r = to, b.get(to)
	}
	b.t.Fatalf("no end of redirects; the last to %s", from)
	return "", result{}
}

// open opens a page and goes wherever it leads.
func (b *testBrowser) open(page string) (at string, last result) {
	b.t.Helper()
	return b.walk(page, b.get(page), "")
}

// enter signs in at a page with an answer to the prompt.
func (b *testBrowser) enter(page, answer string) {
	b.t.Helper()
	at, r := b.open(page)
	if !stays(strings.TrimPrefix(at, login)) || csrf(r.body) == "" {
		b.t.Fatalf("at %s, expected the prompt: %d\n%s", at, r.status, r.body)
	}
	at, r = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {answer}}), "")
	if at != page || r.status != http.StatusOK {
		b.t.Fatalf("after the answer: %d at %s\n%s", r.status, at, r.body)
	}
}

// in expects a page of the app without any page before it.
func (b *testBrowser) in(page string) result {
	b.t.Helper()
	asked := b.idp.Count("/token")
	at, r := b.open(page)
	if at != page || r.status != http.StatusOK || !strings.HasPrefix(r.body, "app: ") {
		b.t.Fatalf("%s leads to %s: %d\n%s", page, at, r.status, r.body)
	}
	if b.idp.Count("/token") != asked {
		b.t.Errorf("%s: the provider was asked", page)
	}
	return r
}

// at is a cookie of one of the hosts.
func (b *testBrowser) at(origin, name string) *http.Cookie {
	b.t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == browser.HostPrefix+name {
			return c
		}
	}
	return nil
}

// toFinish signs in, or passes through, up to the ticket, which is not used.
func (b *testBrowser) toFinish(page string) string {
	b.t.Helper()
	origin, _ := browser.CutOrigin(page)
	stop := origin + browser.Base + "/finish"
	at, r := b.walk(page, b.get(page), stop)
	if strings.Contains(at, "/stay?return=") {
		at, _ = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"no"}}), stop)
	}
	if !strings.HasPrefix(at, stop) {
		b.t.Fatalf("no ticket for %s: at %s", page, at)
	}
	return at
}
