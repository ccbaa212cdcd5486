package main

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// glewlwyd is Debian's Glewlwyd with SQLite. What its login page does by script, answer does by the same requests.
type glewlwyd struct {
	r       registration
	root    string
	found   string
	process *tryout.Process
	admin   *rig.HTTP
}

func (p *glewlwyd) name() string    { return "Glewlwyd" }
func (p *glewlwyd) version() string { return p.found }

func (p *glewlwyd) install(cache string) (err error) {
	p.root, p.found, err = tryout.DebianRoot(cache, "glewlwyd", regexp.MustCompile(`^(mysql-|mariadb-c|default-mysql|dbconfig)`), "glewlwyd", "sqlite3")
	return err
}

func (p *glewlwyd) zipped(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(p.root, "usr/share/doc/glewlwyd", path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (p *glewlwyd) prepare(t testing.TB, r registration) {
	p.r = r
	db := filepath.Join(r.dir, "glewlwyd.db")
	tryout.SQLite(t, p.root, db, p.zipped(t, "database/init.sqlite3.sql.gz"))
	conf := p.zipped(t, "glewlwyd.conf.sample.gz")
	for pattern, by := range map[string]string{
		`(?m)^port=.*`:                  fmt.Sprintf("port=%d\nbind_address=\"127.0.0.1\"", r.port),
		`(?m)^external_url=.*`:          fmt.Sprintf("external_url=%q", r.issuerOrigin),
		`(?m)^cookie_secure=.*`:         "cookie_secure=0",
		`(?m)^log_file=.*`:              "",
		`/var/cache/glewlwyd[^"]*\.db`:  db,
		`"/usr/(lib|share)/glewlwyd`:    `"` + p.root + `/usr/$1/glewlwyd`,
		`(?m)^response_allowed_compr.*`: "",
	} {
		conf = regexp.MustCompile(pattern).ReplaceAllString(conf, by)
	}
	if err := os.WriteFile(p.file(), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *glewlwyd) file() string { return filepath.Join(p.r.dir, "glewlwyd.conf") }

func (p *glewlwyd) start(t testing.TB) {
	first := p.process == nil
	p.process = tryout.Start(t, p.r.dir, p.r.port, tryout.DebianEnvironment(p.root),
		filepath.Join(p.root, "usr/bin/glewlwyd"), "--config-file="+p.file())
	p.admin = rig.NewHTTP(t)
	p.ask(t, http.MethodPost, "/auth", map[string]any{"username": "admin", "password": "password"})
	if !first {
		return
	}
	var backend map[string]any
	if err := json.Unmarshal([]byte(p.ask(t, http.MethodGet, "/mod/user/database", nil)), &backend); err != nil {
		t.Fatal(err)
	}
	format := backend["parameters"].(map[string]any)["data-format"].(map[string]any)
	format["groups"] = map[string]any{"multiple": true, "read": true, "write": true, "profile-read": true, "profile-write": false}
	p.ask(t, http.MethodPut, "/mod/user/database", backend)
	p.ask(t, http.MethodPut, "/mod/user/database/reset", nil)
	var clients map[string]any
	if err := json.Unmarshal([]byte(p.ask(t, http.MethodGet, "/mod/client/database", nil)), &clients); err != nil {
		t.Fatal(err)
	}
	// Its sign-out reads a list of this name; what its administration has by default is one address of another name.
	format = clients["parameters"].(map[string]any)["data-format"].(map[string]any)
	format["post_logout_redirect_uris"] = map[string]any{"multiple": true, "read": true, "write": true}
	p.ask(t, http.MethodPut, "/mod/client/database", clients)
	p.ask(t, http.MethodPut, "/mod/client/database/reset", nil)
	for _, scope := range []string{"profile", "email", "offline_access"} {
		p.ask(t, http.MethodPost, "/scope/", map[string]any{"name": scope, "display_name": scope, "password_required": false, "scheme": map[string]any{}})
	}
	p.ask(t, http.MethodPost, "/mod/plugin/", p.plugin(t))
	for _, one := range people() {
		p.ask(t, http.MethodPost, "/user/", p.user(one, one.groups, true))
	}
	p.ask(t, http.MethodPost, "/client/", map[string]any{
		"client_id": p.r.clientID, "name": "Latchkey", "client_secret": p.r.secret, "confidential": true, "enabled": true,
		"redirect_uri": []string{p.r.callback()}, "authorization_type": []string{"code", "refresh_token"},
		"token_endpoint_auth_method": []string{"client_secret_basic"}, "scope": []string{},
		"post_logout_redirect_uris": []string{p.r.signedOut()}, "backchannel_logout_uri": p.r.backChannel(), "backchannel_logout_session_required": "1",
	})
}

func (p *glewlwyd) plugin(t testing.TB) map[string]any {
	t.Helper()
	private, public := pemPair(t)
	return map[string]any{"module": "oidc", "name": "oidc", "display_name": "OIDC", "order_rank": 0, "parameters": map[string]any{
		"iss": p.r.issuerOrigin + "/api/oidc", "jwt-type": "rsa", "jwt-key-size": "256", "key": private, "cert": public, "jwks-show": true,
		"access-token-duration": 3600, "refresh-token-duration": 1209600, "code-duration": 600, "refresh-token-rolling": true,
		"allow-non-oidc": false, "auth-type-code-enabled": true, "auth-type-refresh-enabled": true, "auth-type-id-token-enabled": true,
		"auth-type-token-enabled": false, "auth-type-password-enabled": false, "auth-type-client-enabled": false,
		// Without this, which is its default, it refuses a sign-in with PKCE.
		"pkce-allowed": true, "pkce-method-plain-allowed": false,
		"allowed-scope": []string{"openid", "profile", "email", "offline_access"}, "subject-type": "public",
		"name-claim": "mandatory", "email-claim": "mandatory",
		"claims":                     []any{map[string]any{"name": "groups", "user-property": "groups", "type": "string", "mandatory": true, "on-demand": false, "scope": []string{}}},
		"session-management-allowed": true, "session-cookie-name": sidCookie, "session-cookie-expiration": 2419200,
		// Without the front channel its sign-out page cannot ask for the session that it ends.
		"back-channel-logout-allowed": true, "front-channel-logout-allowed": true,
	}}
}

func pemPair(t testing.TB) (private, public string) {
	t.Helper()
	key := newKey(t, "").Key
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open := newPublic(t, key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
}

func (p *glewlwyd) user(one person, groups []string, enabled bool) map[string]any {
	return map[string]any{
		"username": one.login, "name": one.login, "password": one.password, "email": one.mail, "enabled": enabled,
		"groups": groups, "scope": []string{"openid", "profile", "email", "offline_access"},
	}
}

// ask is a request to its administration, which has to agree.
func (p *glewlwyd) ask(t testing.TB, method, path string, body any) string {
	t.Helper()
	return p.send(t, p.admin, fmt.Sprintf("http://127.0.0.1:%d/api", p.r.port), method, path, body)
}

func (p *glewlwyd) send(t testing.TB, c *rig.HTTP, base, method, path string, body any) string {
	t.Helper()
	call := rig.Call{Method: method, URL: base + path, Header: http.Header{"Content-Type": {"application/json"}}}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		call.Body = bytes.NewReader(raw)
	}
	r := c.Do(call)
	if r.StatusCode >= 300 {
		t.Fatalf("Glewlwyd: %s %s: %d %s", method, path, r.StatusCode, r.Text)
	}
	return r.Text
}

func (p *glewlwyd) stop(t testing.TB) { p.process.Stop(t) }

func (p *glewlwyd) lines() string {
	return "issuer " + p.r.issuerOrigin + "/api/oidc\n\t\t\tuser_claim preferred_username email sub"
}

func (p *glewlwyd) lacks() map[string]string {
	return map[string]string{
		"disabled":      "a refresh token goes on after the account is disabled",
		"step-up":       "auth_time is 0 right after a password",
		"second factor": "no second factor was set up",
	}
}

// answer does what the script of login.html does: password, consent, and back; or the end of a session, and back.
func (p *glewlwyd) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	q := page.At.Query()
	base := p.r.issuerOrigin + "/api"
	if q.Get("prompt") == "end_session" {
		p.send(t, c, base, http.MethodGet, "/"+q.Get("plugin")+"/session/"+q.Get("sid")+"/"+q.Get("client_id")+
			"?post_redirect_to="+url.QueryEscape(q.Get("post_redirect_to")), nil)
		p.endSession(t, c, q.Get("sid"))
		return c.Get(q.Get("callback_url"))
	}
	if q.Get("callback_url") == "" {
		t.Fatalf("no page that is known: %s", page.At)
	}
	p.send(t, c, base, http.MethodPost, "/auth", map[string]any{"username": who.login, "password": who.password})
	if id := q.Get("client_id"); id != "" {
		p.send(t, c, base, http.MethodPut, "/auth/grant/"+url.PathEscape(id), map[string]any{"scope": q.Get("scope")})
	}
	return c.Get(q.Get("callback_url") + "&g_continue")
}

func (p *glewlwyd) setGroups(t testing.TB, who person, groups ...string) {
	p.ask(t, http.MethodPut, "/user/"+who.login, p.user(who, groups, true))
}

func (p *glewlwyd) disable(t testing.TB, who person) {
	p.ask(t, http.MethodPut, "/user/"+who.login, p.user(who, who.groups, false))
}

// rotate replaces the only key.
func (p *glewlwyd) rotate(t testing.TB) {
	p.ask(t, http.MethodPut, "/mod/plugin/oidc", p.plugin(t))
	p.ask(t, http.MethodPut, "/mod/plugin/oidc/reset", nil)
}

// sidCookie holds the sid of the browser's session at the provider.
const sidCookie = "GLEWLWYD2_OIDC_SID"

func (p *glewlwyd) leave(t testing.TB, c *rig.HTTP) {
	p.endSession(t, c, c.Cookie("localhost", sidCookie))
}

// endSession is what the button of the sign-out page does.
func (p *glewlwyd) endSession(t testing.TB, c *rig.HTTP, sid string) {
	t.Helper()
	base := p.r.issuerOrigin + "/api"
	p.send(t, c, base, http.MethodDelete, "/oidc/session/"+url.PathEscape(sid), nil)
	p.send(t, c, base, http.MethodDelete, "/auth/", nil)
}
