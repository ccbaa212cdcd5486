package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Three hosts under two unrelated domains, and the sign-in host under a third.
const (
	wikiHost  = "wiki.alpha.test"
	adminHost = "admin.alpha.test"
	crmHost   = "crm.beta.test"
	loginHost = "login.gamma.test"
)

// estate is a gateway of several sites with one sign-in host. Only that host is registered at the provider.
type estate struct {
	t     testing.TB
	gw    *rig.Gateway
	app   *rig.App
	idp   *rig.IDP
	redis string
	data  string
	// port is that of the addresses that browsers see; listen where this gateway is.
	port, listen int
	more         string // lines of the global latchkey block
}

func newEstate(t testing.TB, more string) *estate {
	t.Helper()
	e := &estate{t: t, app: rig.NewApp(t), redis: rig.Redis(t), data: t.TempDir(), port: rig.FreePort(t), more: more}
	e.listen = e.port
	e.idp = rig.NewIDP(t, rig.IDPConfig{Users: people(), Clients: []rig.Client{{
		ID: "gw", Secret: clientSecret, RedirectURIs: []string{e.url(loginHost, "/.latchkey/callback")},
		SignedOut: []string{e.url(loginHost, "/.latchkey/signed-out")},
	}}})
	e.start()
	return e
}

// replica is a second gateway of the same sites, as behind a load balancer: what is asked of it bears the first's names.
func (e *estate) replica() *estate {
	e.t.Helper()
	other := *e
	other.listen = rig.FreePort(e.t)
	other.start()
	return &other
}

func (e *estate) start() {
	e.t.Helper()
	e.gw = rig.NewGateway(e.t, rig.GatewayConfig{Caddyfile: e.caddyfile()})
	c := rig.NewHTTP(e.t)
	for _, host := range []string{wikiHost, adminHost, crmHost, loginHost} {
		rig.Until(e.t, rig.Patience, host+" has its certificate", func() bool {
			_, err := c.Try(rig.Call{URL: fmt.Sprintf("https://%s:%d/.latchkey/signed-out", host, e.listen)})
			return err == nil
		})
	}
}

func (e *estate) url(host, path string) string {
	return fmt.Sprintf("https://%s:%d%s", host, e.port, path)
}

func (e *estate) caddyfile() string {
	site := "%s:%d {\n\ttls internal\n\tlatchkey {\n\t\t%s\n\t}\n\treverse_proxy " + e.app.Addr + "\n}\n"
	return fmt.Sprintf("{\n"+rig.Globals+`	storage file_system %s
	latchkey {
		provider {
			issuer %s
			client_id gw
			client_secret %s
		}
		store redis redis://%s/0
		sign_in_host %s:%d
		%s
	}
}
%s:%d {
	tls internal
	latchkey
}
`, e.data, e.idp.Issuer, clientSecret, e.redis, loginHost, e.port, e.more, loginHost, e.listen) +
		fmt.Sprintf(site, wikiHost, e.listen, "app wiki") + fmt.Sprintf(site, crmHost, e.listen, "app crm") +
		fmt.Sprintf(site, adminHost, e.listen, "app admin\n\t\tallow group admins")
}

// enter signs a plain client in at a site, with an answer to the prompt, and expects the app.
func (e *estate) enter(c *rig.HTTP, host, user, answer string) {
	e.t.Helper()
	r := c.Follow(c.Get(e.url(host, "/")), nil)
	r = c.Press(r, user)
	if !isPrompt(r) || r.At.Hostname() != loginHost {
		e.t.Fatalf("at %s, expected the prompt: %d\n%s", r.At, r.StatusCode, r.Text)
	}
	if r = c.Press(r, answer); !isApp(r) || r.At.Hostname() != host {
		e.t.Fatalf("after the answer at %s: %d\n%s", r.At, r.StatusCode, r.Text)
	}
}

// in expects a site without a page before it.
func (e *estate) in(c *rig.HTTP, host string) {
	e.t.Helper()
	if r := c.Follow(c.Get(e.url(host, "/x")), nil); !isApp(r) || r.At.Hostname() != host {
		e.t.Fatalf("%s leads to %s: %d\n%s", host, r.At, r.StatusCode, r.Text)
	}
}

// at asks this gateway under the names that browsers use, wherever it listens.
func (e *estate) at(c *rig.HTTP, address string) rig.Reply {
	e.t.Helper()
	rest, ok := strings.CutPrefix(address, "https://")
	host, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(host, ":")
	if !ok {
		e.t.Fatalf("address %q", address)
	}
	return c.Do(rig.Call{
		URL: fmt.Sprintf("https://%s:%d/%s", name, e.listen, path), Navigate: true, Header: map[string][]string{"Host": {host}},
	})
}

// home opens a page in a real browser and tells whether it is the app's, at once.
func (e *estate) home(p *rig.Page, host string) bool {
	e.t.Helper()
	at := p.Goto(e.url(host, "/"))
	return strings.HasPrefix(at.URL, e.url(host, "/")) && strings.Contains(p.Text(), "The app")
}
