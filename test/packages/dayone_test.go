//go:build packages

package packages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const secret = "a-secret-for-loopback-only-0123456789"

// From nothing but the deb to a user who is signed in, and stays so over a crash, an upgrade and a restart of the browser.
func TestDayOne(t *testing.T) {
	app, port := rig.NewApp(t), rig.FreePort(t)
	site := fmt.Sprintf("http://wiki.localhost:%d", port)
	idp := rig.NewIDP(t, rig.IDPConfig{
		Clients: []rig.Client{{ID: "gateway", Secret: secret, RedirectURIs: []string{site + "/.latchkey/callback"}, SignedOut: []string{site + "/.latchkey/signed-out"}}},
		Users:   map[string]rig.Claims{"ada": {"name": "Ada", "preferred_username": "ada"}},
	})
	d := newDebian(t)
	d.boot()

	began := time.Now()
	step := func(what string) {
		t.Logf("%6.1f s  %s", time.Since(began).Seconds(), what)
	}
	d.install(*deb)
	step("installed")
	out := d.do("latchkey", "init", "--issuer", idp.Issuer, "--client-id", "gateway",
		"--site", site+"="+app.Addr, "--output", caddyfile)
	if !strings.Contains(out, site+"/.latchkey/callback") {
		t.Errorf("init names no address to register:\n%s", out)
	}
	step("latchkey init")
	d.write(environment, "OIDC_CLIENT_SECRET="+secret+"\n", 0o640)
	d.do("systemctl", "restart", "latchkey")
	d.do("latchkey", "healthcheck")
	step("secret written, service restarted")
	if journal := d.do("journalctl", "--no-pager", "--unit", "latchkey"); strings.Contains(journal, secret) {
		t.Error("the secret is in the journal")
	}

	b := rig.NewBrowser(t, rig.BrowserOptions{Lasting: true})
	b.Goto(site + "/")
	b.Click("ada")
	b.Click("Yes")
	in := func(when string) {
		t.Helper()
		if at := b.Goto(site + "/"); at.Status != 200 || !strings.Contains(b.Text(), "The app") {
			t.Fatalf("%s: at %s, %d: %s", when, at.URL, at.Status, b.Text())
		}
		step(when)
	}
	in("signed in")
	before := d.service()
	d.do("kill", "-KILL", before)
	rig.Until(t, 20*time.Second, "the service after a crash", func() bool {
		_, err := d.try("latchkey", "healthcheck")
		return err == nil && d.service() != before
	})
	in("still signed in after kill -9")
	before = d.service()
	d.install(next(t, nil))
	if d.service() == before {
		t.Error("the upgrade did not restart the service")
	}
	in("still signed in after an upgrade")
	b.Restart()
	in("still signed in after a restart of the browser")
	if list := d.do("latchkey", "sessions", "list"); !strings.Contains(list, "ada") {
		t.Errorf("latchkey sessions list:\n%s", list)
	}
}
