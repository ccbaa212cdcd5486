package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// lemonldap is Debian's LemonLDAP::NG: its portal under Starman, with its configuration in files and its accounts in SQLite.
type lemonldap struct {
	r       registration
	root    string
	found   string
	process *tryout.Process
}

func (p *lemonldap) name() string    { return "LemonLDAP::NG" }
func (p *lemonldap) version() string { return p.found }

// install brings the portal and what it needs but Debian recommends or suggests at most: GD::SecurityImage, Image::Magick and IO::String
// to start, String::Random and Crypt::OpenSSL::Bignum for the provider, Convert::PEM for the rotation of its keys.
func (p *lemonldap) install(cache string) (err error) {
	p.root, p.found, err = tryout.DebianRoot(cache, "lemonldap-ng", nil, "liblemonldap-ng-portal-perl", "starman", "libdbd-sqlite3-perl",
		"libgd-securityimage-perl", "libimage-magick-perl", "libio-string-perl",
		"libstring-random-perl", "libcrypt-openssl-bignum-perl", "libconvert-pem-perl", "sqlite3")
	return err
}

// environment leads Perl and the portal to the unpacked packages and to this trial's configuration.
func (p *lemonldap) environment() []string {
	libs, _ := filepath.Glob(filepath.Join(p.root, "usr/lib/*/perl5/*")) // the pattern is good
	return append(tryout.DebianEnvironment(p.root),
		"PERL5LIB="+strings.Join(append(libs, filepath.Join(p.root, "usr/share/perl5")), ":"),
		"LLNG_DEFAULTCONFFILE="+filepath.Join(p.r.dir, "lemonldap-ng.ini"))
}

// share is a path of the portal's package.
func (p *lemonldap) share(path string) string {
	return filepath.Join(p.root, "usr/share/lemonldap-ng", path)
}

func (p *lemonldap) prepare(t testing.TB, r registration) {
	p.r = r
	const state = "/var/lib/lemonldap-ng"
	for _, dir := range []string{"conf", "cache", "captcha", "notifications", "sessions/lock", "psessions/lock"} {
		if err := os.MkdirAll(filepath.Join(r.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ini := p.read(t, "etc/lemonldap-ng/lemonldap-ng.ini")
	ini = strings.ReplaceAll(ini, state, r.dir)
	ini = strings.ReplaceAll(ini, "/usr/share/lemonldap-ng", p.share(""))
	p.write(t, "lemonldap-ng.ini", ini)
	p.write(t, "portal.psgi", "use Lemonldap::NG::Portal::Main;\nLemonldap::NG::Portal::Main->run({});\n")

	var conf map[string]any
	raw := strings.ReplaceAll(p.read(t, state[1:]+"/conf/lmConf-1.json"), state, r.dir)
	if err := json.Unmarshal([]byte(raw), &conf); err != nil {
		t.Fatalf("the configuration that comes with it: %v", err)
	}
	maps.Copy(conf, p.settings(t))
	whole, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "conf/lmConf-1.json", string(whole))

	p.sql(t, "CREATE TABLE people (uid TEXT PRIMARY KEY, password TEXT, mail TEXT, teams TEXT);")
	for _, one := range people() {
		p.sql(t, fmt.Sprintf("INSERT INTO people VALUES ('%s', '%s', '%s', '%s');", one.login, one.password, one.mail, teams(one.groups)))
	}
}

// settings are what differs from the configuration that comes with the package.
func (p *lemonldap) settings(t testing.TB) map[string]any {
	t.Helper()
	key := newKey(t, "").Key
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]string{"uid": "uid", "mail": "mail", "teams": "teams"}
	return map[string]any{
		"portal": p.r.issuerOrigin + "/", "domain": "localhost",
		"authentication": "DBI", "userDB": "Same", "passwordDB": "Null", "registerDB": "Null",
		"dbiAuthChain": "dbi:SQLite:dbname=" + p.database(), "dbiUserChain": "dbi:SQLite:dbname=" + p.database(),
		"dbiAuthTable": "people", "dbiUserTable": "people", "dbiAuthLoginCol": "uid", "dbiAuthPasswordCol": "password",
		"dbiExportedVars":                 columns,
		"issuerDBOpenIDConnectActivation": 1,
		"oidcServicePrivateKeySig":        string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"oidcServicePublicKeySig":         string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: newPublic(t, key)})),
		"oidcServiceKeyIdSig":             "first",
		"oidcRPMetaDataOptions": map[string]any{"latchkey": map[string]any{
			"oidcRPMetaDataOptionsClientID": p.r.clientID, "oidcRPMetaDataOptionsClientSecret": p.r.secret,
			"oidcRPMetaDataOptionsIDTokenSignAlg":         "RS256",
			"oidcRPMetaDataOptionsRedirectUris":           p.r.callback(),
			"oidcRPMetaDataOptionsPostLogoutRedirectUris": p.r.signedOut(),
			"oidcRPMetaDataOptionsRequirePKCE":            1,
			// Without it offline_access is passed over unless each sign-in asks for consent.
			"oidcRPMetaDataOptionsBypassConsent": 1,
			"oidcRPMetaDataOptionsAllowOffline":  1,
		}},
		"oidcRPMetaDataExportedVars": map[string]any{"latchkey": map[string]string{
			"preferred_username": "uid", "email": "mail", "groups": "teams;string;always",
		}},
	}
}

// teams is how the portal writes several values of one variable.
func teams(groups []string) string { return strings.Join(groups, "; ") }

func (p *lemonldap) database() string { return filepath.Join(p.r.dir, "people.db") }

func (p *lemonldap) sql(t testing.TB, text string) {
	t.Helper()
	tryout.SQLite(t, p.root, p.database(), text)
}

func (p *lemonldap) read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (p *lemonldap) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *lemonldap) start(t testing.TB) {
	p.process = tryout.Start(t, p.r.dir, p.r.port, p.environment(), "perl", filepath.Join(p.root, "usr/bin/starman"),
		"--listen", fmt.Sprintf("127.0.0.1:%d", p.r.port), "--workers", "2", filepath.Join(p.r.dir, "portal.psgi"))
}

func (p *lemonldap) stop(t testing.TB) { p.process.Stop(t) }

// Its metadata does not list offline_access, so that it is asked for only where it is named.
func (p *lemonldap) lines() string {
	return "issuer " + p.r.issuerOrigin + "/\n\t\t\tscopes openid profile email offline_access"
}

func (p *lemonldap) lacks() map[string]string {
	return map[string]string{
		"second factor":  "it passes over acr_values; a client's level is set at the provider",
		"sign-out there": "no back-channel logout, and its front channel names a sid that no ID token has",
	}
}

// answer fills in the sign-in page, or confirms a sign-out.
func (p *lemonldap) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	if strings.Contains(page.Text, `name="password"`) {
		f := page.FormWith(t, "password")
		f.Values.Set("user", who.login)
		f.Values.Set("password", who.password)
		return c.Send(f)
	}
	f := page.FormWith(t, "confirm")
	return c.Send(f)
}

func (p *lemonldap) setGroups(t testing.TB, who person, groups ...string) {
	p.sql(t, fmt.Sprintf("UPDATE people SET teams = '%s' WHERE uid = '%s';", teams(groups), who.login))
}

// disable removes the account, as a directory that only knows active people does.
func (p *lemonldap) disable(t testing.TB, who person) {
	p.sql(t, fmt.Sprintf("DELETE FROM people WHERE uid = '%s';", who.login))
}

// rotate runs the script that the package has for it.
func (p *lemonldap) rotate(t testing.TB) {
	before := p.published(t)
	if err := tryout.Command(p.r.dir, p.environment(), "perl", p.share("bin/rotateOidcKeys")); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, slack, "the new key is published", func() bool { return p.published(t) != before })
}

func (p *lemonldap) published(t testing.TB) string {
	return rig.NewHTTP(t).Do(rig.Call{URL: p.r.issuerOrigin + "/oauth2/jwks"}).Text
}
