package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// zitadel is the example server of github.com/zitadel/oidc, the library of ZITADEL; the folder zitadel says what is added.
type zitadel struct {
	r        registration
	bin      string
	accounts *accounts
	process  *tryout.Process
}

const zitadelVersion = "v3.52.0" // as in zitadel/go.mod.txt

func (p *zitadel) name() string    { return "zitadel/oidc" }
func (p *zitadel) version() string { return zitadelVersion }

// install builds the program of the folder zitadel, whose files are named so that tools take them for no part of this module.
func (p *zitadel) install(cache string) error {
	dir := filepath.Join(cache, "zitadel-oidc-"+zitadelVersion)
	p.bin = filepath.Join(dir, "zitadel")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		raw, err := os.ReadFile(filepath.Join(here(), "zitadel", name+".txt"))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("laying out the program: %w", err)
		}
	}
	return tryout.Command(dir, []string{"GOWORK=off", "GOFLAGS=-buildvcs=false"}, "nice", "go", "build", "-o", p.bin, ".")
}

func (p *zitadel) prepare(t testing.TB, r registration) {
	p.r = r
	p.accounts = newAccounts(t, filepath.Join(r.dir, "accounts.json"))
}

func (p *zitadel) start(t testing.TB) {
	p.process = tryout.Start(t, p.r.dir, p.r.port, []string{
		fmt.Sprintf("LISTEN=127.0.0.1:%d", p.r.port), "ISSUER=" + p.r.issuerOrigin + "/", "ACCOUNTS=" + p.accounts.path,
		"CLIENT_ID=" + p.r.clientID, "CLIENT_SECRET=" + p.r.secret,
		"REDIRECT_URI=" + p.r.callback(), "SIGNED_OUT_URI=" + p.r.signedOut(),
	}, p.bin)
}

func (p *zitadel) stop(t testing.TB) { p.process.Stop(t) }

func (p *zitadel) lines() string { return "issuer " + p.r.issuerOrigin + "/" }

func (p *zitadel) lacks() map[string]string {
	return map[string]string{
		"memory":         "the example's storage is a memory",
		"second factor":  "the example knows passwords alone",
		"sign-out there": "the library has no back-channel logout",
	}
}

func (p *zitadel) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	f := page.FormWith(t, "username")
	f.Values.Set("username", who.login)
	f.Values.Set("password", who.password)
	return c.Send(f)
}

func (p *zitadel) setGroups(t testing.TB, who person, groups ...string) {
	p.accounts.change(t, who, func(a *account) { a.Groups = groups })
}

func (p *zitadel) disable(t testing.TB, who person) {
	p.accounts.change(t, who, func(a *account) { a.Disabled = true })
}

func (p *zitadel) rotate(t testing.TB) {
	before := p.published(t)
	if err := p.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatalf("rotating keys: %v", err)
	}
	rig.Until(t, soon, "the new key is published", func() bool { return p.published(t) != before })
}

func (p *zitadel) published(t testing.TB) string {
	return rig.NewHTTP(t).Do(rig.Call{URL: p.r.issuerOrigin + "/keys"}).Text
}
