package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// dex is Dex with its own password database, people from the configuration file, sessions and SQLite. Its releases are no
// versions of its Go module: this is its development head of a day.
type dex struct {
	r       registration
	bin     string
	people  map[string]person
	grpc    int // port of its administration
	process *tryout.Process
}

const (
	dexVersion = "v0.0.0-20260806151424-ab64ed778070"
	// dexHash is bcrypt of dexPassword, which all have: Dex takes no plain passwords.
	dexPassword = "dex-password-1"
	dexHash     = "$2a$10$RlxZNHkW5k3zk8Mep.zOf.TiCr7Zf9iF.eZflFItWpP3b.TrEYGli"
)

func (p *dex) name() string    { return "Dex" }
func (p *dex) version() string { return strings.TrimPrefix(dexVersion, "v") }

func (p *dex) install(cache string) (err error) {
	p.bin, err = tryout.GoProgram{
		Name: "dex", Pkg: "github.com/dexidp/dex/cmd/dex", Module: "github.com/dexidp/dex", Version: dexVersion,
		Replace: "github.com/dexidp/dex/api/v2 => github.com/dexidp/dex/api/v2 v2.4.1-0.20260806151424-ab64ed778070",
	}.Build(cache)
	return err
}

func (p *dex) prepare(t testing.TB, r registration) {
	p.r, p.people, p.grpc = r, map[string]person{}, rig.FreePort(t)
	for _, one := range people() {
		p.people[one.login] = one
	}
	p.write(t)
}

func (p *dex) issuer() string { return p.r.issuerOrigin + "/dex" }

func (p *dex) write(t testing.TB) {
	t.Helper()
	var passwords []map[string]any
	for login, one := range p.people {
		passwords = append(passwords, map[string]any{
			"email": one.mail, "hash": dexHash, "username": login, "preferredUsername": login, "userID": "id-" + login, "groups": one.groups,
		})
	}
	raw, err := json.Marshal(map[string]any{ // YAML takes JSON
		"issuer":  p.issuer(),
		"storage": map[string]any{"type": "sqlite3", "config": map[string]any{"file": filepath.Join(p.r.dir, "dex.db")}},
		"web":     map[string]any{"http": fmt.Sprintf("127.0.0.1:%d", p.r.port)},
		"grpc":    map[string]any{"addr": fmt.Sprintf("127.0.0.1:%d", p.grpc)},
		// Keys are replaced at a start, and every half minute.
		"expiry":           map[string]any{"signingKeys": "3s"},
		"sessions":         map[string]any{"absoluteLifetime": "24h", "validIfNotUsedFor": "1h", "rememberMeCheckedByDefault": true},
		"enablePasswordDB": true,
		"staticPasswords":  passwords,
		"staticClients": []any{map[string]any{
			"id": p.r.clientID, "secret": p.r.secret, "name": "Latchkey", "redirectURIs": []string{p.r.callback()},
			"postLogoutRedirectURIs": []string{p.r.signedOut()}, "backchannelLogoutURI": p.r.backChannel(),
		}},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.r.dir, "dex.json"), raw, 0o600)
	}
	if err != nil {
		t.Fatalf("writing the configuration: %v", err)
	}
}

func (p *dex) start(t testing.TB) {
	p.process = tryout.Start(t, p.r.dir, p.r.port, []string{"DEX_SESSIONS_ENABLED=true"}, p.bin, "serve", filepath.Join(p.r.dir, "dex.json"))
}

func (p *dex) stop(t testing.TB) { p.process.Stop(t) }

func (p *dex) restart(t testing.TB) { p.write(t); p.stop(t); p.start(t) }

// Dex tells groups only to clients that ask for the scope.
func (p *dex) lines() string {
	return "issuer " + p.issuer() + "\n\t\t\tscopes openid profile email groups offline_access"
}

func (p *dex) lacks() map[string]string {
	return map[string]string{"second factor": "no acr and no amr"}
}

func (p *dex) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	switch {
	case strings.Contains(page.Text, `name="approval"`):
		return c.Send(page.FormWith(t, "approval"))
	case strings.Contains(page.Text, "Do you want to log out?"):
		return c.Press(page, "Log Out")
	}
	f := page.FormWith(t, "login")
	f.Values.Set("login", who.mail)
	f.Values.Set("password", dexPassword)
	return c.Send(f)
}

func (p *dex) setGroups(t testing.TB, who person, groups ...string) {
	who.groups = groups
	p.people[who.login] = who
	p.restart(t)
}

// disable withdraws the person's refresh token by the gRPC API.
func (p *dex) disable(t testing.TB, who person) {
	text := func(field byte, s string) string { return string([]byte{field<<3 | 2, byte(len(s))}) + s }
	sub := base64.RawURLEncoding.EncodeToString([]byte(text(1, "id-"+who.login) + text(2, "local")))
	message := text(1, sub) + text(2, p.r.clientID)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Timeout: soon, Transport: &http.Transport{Protocols: &protocols}}
	body := string([]byte{0, 0, 0, 0, byte(len(message))}) + message
	resp, err := client.Post(fmt.Sprintf("http://127.0.0.1:%d/api.Dex/RevokeRefresh", p.grpc), "application/grpc", strings.NewReader(body)) //nolint:noctx // bounded by the client
	if err != nil {
		t.Fatalf("asking Dex to revoke: %v", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	// A message that is not empty says that there was no such token.
	if err != nil || resp.Trailer.Get("Grpc-Status") != "0" || len(answer) != 5 {
		t.Fatalf("asking Dex to revoke: %v %s %q %v", resp.Trailer, resp.Header.Get("Grpc-Message"), answer, err)
	}
}

func (p *dex) rotate(t testing.TB) {
	keys := func() string { return rig.NewHTTP(t).Do(rig.Call{URL: p.issuer() + "/keys"}).Text }
	before := keys()
	began := time.Now()
	rig.Holds(soon, func() bool { return time.Since(began) > 4*time.Second }) // older than signingKeys
	p.restart(t)
	rig.Until(t, soon, "the new key is published", func() bool { return keys() != before })
}

func (p *dex) leave(t testing.TB, c *rig.HTTP) {
	page := c.Follow(c.Get(p.issuer()+"/logout"), nil)
	if r := c.Follow(c.Press(page, "Log Out"), nil); r.StatusCode != http.StatusOK || !strings.Contains(r.Text, "successfully logged out") {
		t.Fatalf("signing out at the provider: %d %s", r.StatusCode, excerpt(r.Text))
	}
}
