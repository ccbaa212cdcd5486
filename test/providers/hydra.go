package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// hydra is Ory Hydra with SQLite. It has no pages of its own: those for sign-in, consent and sign-out are this file's, as
// Hydra's guide has them.
type hydra struct {
	r       registration
	bin     string
	admin   int
	pages   *httptest.Server
	groups  map[string][]string
	gone    map[string]bool
	process *tryout.Process
}

const hydraVersion = "v2.3.0"

func (p *hydra) name() string    { return "Ory Hydra" }
func (p *hydra) version() string { return strings.TrimPrefix(hydraVersion, "v") }

func (p *hydra) install(cache string) (err error) {
	p.bin, err = tryout.GoProgram{
		Name: "hydra", Pkg: "github.com/ory/hydra/v2", Module: "github.com/ory/hydra/v2", Version: hydraVersion, Tags: "sqlite",
		Replace: "github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b",
	}.Build(cache)
	return err
}

func (p *hydra) prepare(t testing.TB, r registration) {
	p.r, p.admin = r, rig.FreePort(t)
	p.groups, p.gone = map[string][]string{}, map[string]bool{}
	for _, one := range people() {
		p.groups[one.login] = one.groups
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", p.login)
	mux.HandleFunc("/consent", p.consent)
	mux.HandleFunc("/logout", p.logout)
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "signed out") })
	p.pages = httptest.NewServer(mux)
	t.Cleanup(p.pages.Close)
	listen := func(port int) map[string]any { return map[string]any{"host": "127.0.0.1", "port": port} }
	raw, err := json.Marshal(map[string]any{
		"dsn":   "sqlite://" + filepath.Join(r.dir, "hydra.db") + "?_fk=true&_journal_mode=WAL&_busy_timeout=10000",
		"serve": map[string]any{"public": listen(r.port), "admin": listen(p.admin)},
		"urls": map[string]any{
			"self":  map[string]any{"issuer": r.issuerOrigin},
			"login": p.pages.URL + "/login", "consent": p.pages.URL + "/consent", "logout": p.pages.URL + "/logout",
			"post_logout_redirect": p.pages.URL + "/bye",
		},
		"secrets": map[string]any{"system": []string{"for-a-trial-on-loopback-only"}},
	})
	if err == nil {
		err = os.WriteFile(p.file(), raw, 0o600)
	}
	if err != nil {
		t.Fatalf("writing the configuration: %v", err)
	}
	if err := tryout.Command(r.dir, nil, p.bin, "migrate", "sql", "up", "-e", "--yes", "--config", p.file()); err != nil {
		t.Fatal(err)
	}
}

func (p *hydra) file() string { return filepath.Join(p.r.dir, "hydra.json") }

func (p *hydra) start(t testing.TB) {
	first := p.process == nil
	p.process = tryout.Start(t, p.r.dir, p.r.port, nil, p.bin, "serve", "all", "--dev", "--sqa-opt-out", "--config", p.file())
	rig.Until(t, soon, "Hydra's administration listens", func() bool { return tryout.Listens(p.admin) })
	if !first {
		return
	}
	if err := p.ask(http.MethodPost, "/admin/clients", map[string]any{
		"client_id": p.r.clientID, "client_secret": p.r.secret, "redirect_uris": []string{p.r.callback()},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
		"scope": "openid profile email offline_access", "token_endpoint_auth_method": "client_secret_basic",
		"post_logout_redirect_uris": []string{p.r.signedOut()},
		"backchannel_logout_uri":    p.r.backChannel(), "backchannel_logout_session_required": true,
	}, nil); err != nil {
		t.Fatal(err)
	}
}

func (p *hydra) stop(t testing.TB) { p.process.Stop(t) }

// ask is a request to Hydra's administration.
func (p *hydra) ask(method, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", p.admin, path), strings.NewReader(string(raw))) //nolint:noctx // bounded by the client
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: soon}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("hydra: %s %s: %d", method, path, resp.StatusCode)
	}
	if answer != nil {
		return json.NewDecoder(resp.Body).Decode(answer)
	}
	return nil
}

// accept accepts a request of Hydra and sends the browser on.
func (p *hydra) accept(w http.ResponseWriter, r *http.Request, kind, challenge string, body any) {
	var to struct {
		RedirectTo string `json:"redirect_to"`
	}
	path := "/admin/oauth2/auth/requests/" + kind + "/accept?" + kind + "_challenge=" + url.QueryEscape(challenge)
	if err := p.ask(http.MethodPut, path, body, &to); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, to.RedirectTo, http.StatusFound)
}

func (p *hydra) login(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("login_challenge")
	var asked struct {
		Skip    bool   `json:"skip"`
		Subject string `json:"subject"`
		Context struct {
			ACR []string `json:"acr_values"`
		} `json:"oidc_context"`
	}
	if err := p.ask(http.MethodGet, "/admin/oauth2/auth/requests/login?login_challenge="+url.QueryEscape(challenge), nil, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	who := r.PostFormValue("username")
	switch {
	case asked.Skip:
		p.accept(w, r, "login", challenge, map[string]any{"subject": asked.Subject})
	case who == "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Sign in</title><form method=post><input name=username></form>`)
	case p.gone[who]:
		http.Error(w, "no such account", http.StatusForbidden)
	default:
		acr := "pwd"
		if len(asked.Context.ACR) > 0 {
			acr = asked.Context.ACR[0]
		}
		p.accept(w, r, "login", challenge, map[string]any{"subject": who, "remember": true, "acr": acr})
	}
}

func (p *hydra) consent(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("consent_challenge")
	var asked struct {
		Subject string   `json:"subject"`
		Scope   []string `json:"requested_scope"`
	}
	if err := p.ask(http.MethodGet, "/admin/oauth2/auth/requests/consent?consent_challenge="+url.QueryEscape(challenge), nil, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.accept(w, r, "consent", challenge, map[string]any{
		"grant_scope": asked.Scope, "remember": true,
		"session": map[string]any{"id_token": map[string]any{
			"preferred_username": asked.Subject, "email": asked.Subject + "@example.com", "groups": p.groups[asked.Subject],
		}},
	})
}

func (p *hydra) logout(w http.ResponseWriter, r *http.Request) {
	p.accept(w, r, "logout", r.FormValue("logout_challenge"), nil)
}

func (p *hydra) lines() string { return "issuer " + p.r.issuerOrigin + "\n\t\t\tmfa_acr mfa" }

func (p *hydra) lacks() map[string]string { return nil }

func (p *hydra) answer(t testing.TB, c *rig.HTTP, page rig.Reply, who person) rig.Reply {
	f := page.FormWith(t, "username")
	f.Values.Set("username", who.login)
	return c.Send(f)
}

func (p *hydra) setGroups(_ testing.TB, who person, groups ...string) { p.groups[who.login] = groups }

// disable withdraws what the person has granted, tokens included, as Hydra's guide has it for accounts that are closed.
func (p *hydra) disable(t testing.TB, who person) {
	p.gone[who.login] = true
	if err := p.ask(http.MethodDelete, "/admin/oauth2/auth/sessions/consent?all=true&subject="+who.login, nil, nil); err != nil {
		t.Fatal(err)
	}
}

func (p *hydra) rotate(t testing.TB) {
	if err := p.ask(http.MethodPost, "/admin/keys/hydra.openid.id-token", map[string]any{"alg": "RS256", "use": "sig", "kid": "second"}, nil); err != nil {
		t.Fatal(err)
	}
}

func (p *hydra) leave(t testing.TB, c *rig.HTTP) {
	if r := c.Follow(c.Get(p.r.issuerOrigin+"/oauth2/sessions/logout"), nil); r.StatusCode >= 500 {
		t.Fatalf("signing out at the provider: %d %s", r.StatusCode, excerpt(r.Text))
	}
}
