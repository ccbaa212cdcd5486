package e2e

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	clientSecret = "canary-client-secret-of-sixty-four-characters-xxxxxxxxxxxxxxxxxxx"
	secureHost   = "app.internal.test"
	promptTitle  = "Stay signed in?"
)

// people are the accounts that most tests use. Each has what one rule looks at.
func people() map[string]rig.Claims {
	return map[string]rig.Claims{
		"alice": {"name": "Alice Ash", "preferred_username": "alice", "email": "alice@example.com", "groups": []string{"staff"}},
		"adam":  {"name": "Adam Elm", "preferred_username": "adam", "email": "adam@example.com", "groups": []string{"staff", "admins"}},
		"gina":  {"name": "Gina Fir", "preferred_username": "gina", "groups": []string{"staff"}, "acct": 1},
		"wendy": {"name": "Wendy Yew", "preferred_username": "wendy", "groups": []string{"staff"}, "amr": []string{"wia"}},
		"rita":  {"name": "Rita Oak", "preferred_username": "rita", "groups": []string{"staff"}, "risk": "high"},
		"ulla":  {"name": "Ulla Box", "preferred_username": "ulla", "groups": []string{"staff"}, "user_risk": "high"},
		"sam":   {"name": "Sam Bay", "preferred_username": "sam", "groups": []string{"staff"}, "device_shared": true},
		"olga": {
			"name": "Olga Ivy", "preferred_username": "olga", "_claim_names": map[string]string{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.example.com/groups"}},
		},
	}
}

// config is what a test changes about its site.
type config struct {
	https    bool
	tls      string // the words of the site's certificate; "": of Caddy's own authority
	provider string // more lines of the provider block
	public   bool   // the client has no secret
	app      string // more lines of the global latchkey block
	site     string // lines of the site's latchkey block
	matcher  string // between the directive and its block
	before   string // lines of the site before the directive
	proxy    string // lines of reverse_proxy
	global   string // lines of Caddy's global block
	redis    string // address of a Redis; "" starts one
	embedded bool   // the default store
	users    map[string]rig.Claims
	idp      func(*rig.IDPConfig)
	issuer   string // a provider that exists already; no certified one is started
	told     string // the provider tells of sign-outs: by "sid" or by "sub"
	data     string // Caddy's storage, for replicas
	env      []string
	peer     *site // share provider and app with this site
	port     int   // where it listens; 0: any
}

// site is a gateway in front of an app, with a provider.
type site struct {
	t     testing.TB
	c     config
	gw    *rig.Gateway
	app   *rig.App
	idp   *rig.IDP
	redis string
	port  int
}

func newSite(t testing.TB, c config) *site {
	t.Helper()
	s := &site{t: t, c: c, port: c.port}
	if s.port == 0 {
		s.port = rig.FreePort(t)
	}
	if s.c.users == nil {
		s.c.users = people()
	}
	if c.redis == "" && !c.embedded {
		s.c.redis = rig.Redis(t)
	}
	s.redis = s.c.redis
	if c.peer != nil {
		s.app, s.idp = c.peer.app, c.peer.idp
	} else {
		s.app = rig.NewApp(t)
	}
	if s.idp == nil && c.issuer == "" {
		ic := rig.IDPConfig{Users: s.c.users, Clients: []rig.Client{s.client()}}
		if c.idp != nil {
			c.idp(&ic)
		}
		s.idp = rig.NewIDP(t, ic)
	}
	gc := rig.GatewayConfig{Caddyfile: s.caddyfile(), Env: c.env}
	if c.https {
		gc.Probe = s.url("/.latchkey/keys")
	}
	s.gw = rig.NewGateway(t, gc)
	return s
}

// client is the site's registration at the provider.
func (s *site) client() rig.Client {
	c := rig.Client{
		ID: "gw", Secret: clientSecret, RedirectURIs: []string{s.url("/.latchkey/callback")},
		SignedOut: []string{s.url("/.latchkey/signed-out")},
	}
	if s.c.public {
		c.Secret, c.AuthMethod = "", "none"
	}
	if s.c.told != "" {
		c.BackChannel, c.BySession = s.url("/.latchkey/logout/backchannel"), s.c.told == "sid"
	}
	return c
}

func (s *site) issuer() string {
	if s.c.issuer != "" {
		return s.c.issuer
	}
	return s.idp.Issuer
}

// origin is the scheme, host and port that a browser sees.
func (s *site) origin() string {
	if s.c.https {
		return fmt.Sprintf("https://%s:%d", secureHost, s.port)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", s.port)
}

func (s *site) url(path string) string { return s.origin() + path }

func (s *site) host() string {
	if s.c.https {
		return secureHost
	}
	return "127.0.0.1"
}

// addr is where the gateway listens.
func (s *site) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// cookie is the name that one of our cookies has on this site.
func (s *site) cookie(suffix string) string {
	if s.c.https {
		return "__Host-latchkey" + suffix
	}
	return "latchkey" + suffix
}

func (s *site) caddyfile() string {
	store := ""
	if s.c.redis != "" {
		store = fmt.Sprintf("store redis redis://%s/0", s.c.redis)
	}
	tls := ""
	if s.c.https {
		tls = cmp.Or(s.c.tls, "tls internal")
	}
	lines := s.c.site
	if !strings.Contains(lines, "headers") {
		lines += "\n\t\theaders remote groups" // so that every test sees all that an app may be told
	}
	storage := ""
	if s.c.data != "" {
		storage = "storage file_system " + s.c.data
	}
	secret := "client_secret " + clientSecret
	if s.c.public || strings.Contains(s.c.provider, "client_auth") {
		secret = "" // which it takes the place of
	}
	return fmt.Sprintf("{\n"+rig.Globals+`	%s
	%s
	latchkey {
		provider {
			issuer %s
			client_id gw
			%s
			guest_claim acct 1
			risk_claim sign_in risk
			risk_claim user user_risk
			device_claim shared device_shared
			%s
		}
		%s
		%s
	}
}

%s {
	%s
	%s
	latchkey %s {
		%s
	}
	reverse_proxy %s {
		%s
	}
}
`, s.c.global, storage, s.issuer(), secret, s.c.provider, store, s.c.app, s.origin(), tls, s.c.before, s.c.matcher, lines, s.app.Addr, s.c.proxy)
}

// reload changes the configuration of the running gateway.
func (s *site) reload(change func(*config)) error {
	s.t.Helper()
	change(&s.c)
	return s.gw.Reload(s.caddyfile())
}

// browser opens a browser that trusts the site's authority.
func (s *site) browser() *rig.Browser {
	s.t.Helper()
	return rig.NewBrowser(s.t, rig.BrowserOptions{IgnoreCertificates: s.c.https})
}

// lastingBrowser opens one that can be closed and opened again.
func (s *site) lastingBrowser() *rig.Browser {
	s.t.Helper()
	return rig.NewBrowser(s.t, rig.BrowserOptions{IgnoreCertificates: s.c.https, Lasting: true})
}

// borrow returns a plain client with the browser's cookies for the site.
func (s *site) borrow(b *rig.Browser) *rig.HTTP {
	s.t.Helper()
	c := rig.NewHTTP(s.t)
	for _, ck := range b.Cookies(s.origin()) {
		c.SetCookie(s.host(), ck.Name, ck.Value)
	}
	return c
}

// begin opens a path and names a person at the provider; it ends on whatever the gateway shows then.
func (s *site) begin(p *rig.Page, path, user string) rig.At {
	s.t.Helper()
	p.Goto(s.url(path))
	s.atProvider(p)
	return p.Click(user)
}

// signIn begins, answers the prompt and expects the app.
func (s *site) signIn(p *rig.Page, path, user, answer string) rig.At {
	s.t.Helper()
	s.begin(p, path, user)
	s.atPrompt(p)
	at := p.Click(answer)
	s.atApp(p)
	return at
}

func (s *site) atProvider(p *rig.Page) {
	s.t.Helper()
	if text := p.Text(); !strings.Contains(text, "who are you?") {
		s.t.Fatalf("at %s, expected the provider's form: %s", p.URL(), text)
	}
}

func (s *site) atPrompt(p *rig.Page) {
	s.t.Helper()
	if text := p.Text(); !strings.Contains(text, promptTitle) {
		s.t.Fatalf("at %s, expected the prompt: %s", p.URL(), text)
	}
}

func (s *site) atApp(p *rig.Page) {
	s.t.Helper()
	if text := p.Text(); !strings.Contains(text, "The app") {
		s.t.Fatalf("at %s, expected the app: %s", p.URL(), text)
	}
}

// enter signs a plain client in and returns the last page. The answer is pressed if the prompt is shown; "" leaves it.
func (s *site) enter(c *rig.HTTP, path, user, answer string) rig.Reply {
	s.t.Helper()
	r := c.Follow(c.Get(s.url(path)), nil)
	if s.idp != nil && r.HasButton(s.t, user) {
		r = c.Press(r, user)
	}
	if answer != "" && isPrompt(r) {
		r = c.Press(r, answer)
	}
	return r
}

// entered signs a plain client in and fails the test unless it reaches the app.
func (s *site) entered(c *rig.HTTP, path, user, answer string) rig.Reply {
	s.t.Helper()
	r := s.enter(c, path, user, answer)
	if !isApp(r) {
		s.t.Fatalf("%s should be in the app, but is at %s: %d\n%s", user, r.At, r.StatusCode, r.Text)
	}
	return r
}

func isPrompt(r rig.Reply) bool { return r.StatusCode == 200 && strings.Contains(r.Text, promptTitle) }

func isApp(r rig.Reply) bool {
	return r.StatusCode == 200 && strings.Contains(r.Text, "<h1>The app</h1>")
}

// toCallback takes a plain client up to the provider's redirect back and returns the callback's address, not yet asked.
func (s *site) toCallback(c *rig.HTTP, path, user string) *url.URL {
	s.t.Helper()
	atCallback := func(u *url.URL) bool { return u.Path == "/.latchkey/callback" }
	r := c.Follow(c.Get(s.url(path)), atCallback)
	if s.idp != nil && r.Location() == nil {
		r = c.Follow(c.Send(r.Form(s.t, user)), atCallback)
	}
	u := r.Location()
	if u == nil || !atCallback(u) {
		s.t.Fatalf("no way to the callback from %s: %d\n%s", r.At, r.StatusCode, r.Text)
	}
	return u
}

var sessionKey = regexp.MustCompile(`(^|[:{])s:`)

// sessions counts the session records in Redis.
func (s *site) sessions() int {
	s.t.Helper()
	n := 0
	for _, key := range rig.RedisLines(s.t, s.redis, "KEYS *") {
		if sessionKey.MatchString(key) {
			n++
		}
	}
	return n
}

// api asks as a script would.
func (s *site) api(c *rig.HTTP, path string) rig.Reply {
	s.t.Helper()
	return c.Do(rig.Call{URL: s.url(path), Header: map[string][]string{
		"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
	}})
}

// alive tells whether a client's session is still worth something, without counting as use.
func (s *site) alive(c *rig.HTTP) bool { s.t.Helper(); return s.api(c, "/alive").StatusCode == 200 }

// mustBeDead fails the test if a session lives for longer than a second, the promised bound.
func (s *site) mustBeDead(c *rig.HTTP, who string) {
	s.t.Helper()
	rig.Within(s.t, time.Second, who+" is refused", func() bool { return !s.alive(c) })
	if r := s.api(c, "/dead"); r.StatusCode != 401 {
		s.t.Errorf("%s: status %d, want 401", who, r.StatusCode)
	}
}
