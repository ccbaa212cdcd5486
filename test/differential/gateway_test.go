package differential

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// The person of every signed-in request, as the provider calls them.
const (
	personName  = "odd"
	personEmail = "odd@example.com"
)

// gateway is the product in front of the apps.
type gateway struct {
	plain, tls, everyHost string // addresses
	name                  string // of a site that has a certificate
	// cookies are those of the signed-in person, by the address and host of a site.
	cookies map[string]field
}

// newGateway starts it with a site for each rule, and signs a person in at those with a policy.
func newGateway(t testing.TB, rules []*rule, tee, cgi string) *gateway {
	t.Helper()
	idp := rig.NewOdd(t)
	plain, secure, everyHost := fmt.Sprint(rig.FreePort(t)), fmt.Sprint(rig.FreePort(t)), fmt.Sprint(rig.FreePort(t))
	var b strings.Builder
	fmt.Fprintf(&b, `{
%s
	latchkey {
		provider {
			issuer %s
			client_id gw
			client_secret a-secret-of-a-test-that-is-long-enough-for-every-check
		}
	}
}
`, rig.Globals, idp.Issuer)
	for _, r := range rules {
		for i, address := range r.addresses(plain, secure, everyHost) {
			certificate := ""
			if strings.HasPrefix(address, "https:") {
				certificate = "tls internal\n"
			}
			fmt.Fprintf(&b, "%s {\n%s%s\n}\n", address, certificate, r.lines(fmt.Sprint(r.label(), "-", i), tee, cgi))
		}
	}
	rig.NewGateway(t, rig.GatewayConfig{
		Caddyfile: b.String(), AsBuilt: true, Probe: "https://" + rules[0].host() + ":" + secure + "/.latchkey/keys",
	})
	g := &gateway{
		name:  rules[0].host(),
		plain: "127.0.0.1:" + plain, tls: "127.0.0.1:" + secure, everyHost: "127.0.0.1:" + everyHost, cookies: map[string]field{},
	}
	g.awaitCertificates(t, rules)
	c := rig.NewHTTP(t)
	for _, r := range rules {
		if !r.inPolicy {
			continue
		}
		g.signIn(t, c, r, "http://"+r.host()+":"+plain, g.plain, "latchkey")
		g.signIn(t, c, r, "https://"+r.host()+":"+secure, g.tls, "__Host-latchkey")
	}
	return g
}

// awaitCertificates waits until every site has its certificate. Caddy makes them one after another while it serves already.
func (g *gateway) awaitCertificates(t testing.TB, rules []*rule) {
	t.Helper()
	for _, r := range rules {
		if r.anyHost {
			continue // is not served over TLS
		}
		config := &tls.Config{ServerName: r.host(), InsecureSkipVerify: true} //nolint:gosec // of an authority that is a minute old
		rig.Until(t, 20*time.Second, r.host()+" has a certificate", func() bool {
			conn, err := tls.Dial("tcp", g.tls, config)
			if err != nil {
				return false
			}
			return conn.Close() == nil
		})
	}
}

func (g *gateway) signIn(t testing.TB, c *rig.HTTP, r *rule, origin, addr, name string) {
	t.Helper()
	page := c.Follow(c.Get(origin+"/.latchkey/sign-in"), nil)
	if page.HasButton(t, "No") {
		page = c.Press(page, "No")
	}
	value := c.Cookie(r.host(), name)
	if value == "" {
		t.Fatalf("nobody is signed in at %s: %d at %s\n%s", origin, page.StatusCode, page.At, page.Text)
	}
	g.cookies[addr+r.host()] = field{"Cookie", name + "=" + value}
}
