package signin

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// gateway is a service behind a guard as small as one can be, with a provider and a clock.
type gateway struct {
	*httptest.Server
	t       *testing.T
	service *Service
	site    *access.Site
	store   *storetest.Memory
	clock   *storetest.Clock
	idp     *oidctest.IDP
	log     *records
	passed  atomic.Int64 // requests that reached the app
	// demand is what every page of the app asks for; nil for nothing.
	demand   *oidc.Demand
	policies []string
	// connections are its browsers'. httptest closes idle ones of the default transport, also while another test uses them.
	connections *http.Transport
	sent        sync.Map // path -> what was posted to it last
	// sites, if there are any, are those that hosts lead to, all over https; demandAt is the one where demand holds.
	sites    map[string]*access.Site
	demandAt string
	app      http.HandlerFunc // what the app does before it answers; nil: nothing
}

type settings struct {
	store   *storetest.Memory
	clock   *storetest.Clock
	keys    *keyring.Ring
	idp     *oidctest.IDP
	log     *records
	limits  session.Limits
	prompt  access.PromptConfig
	claims  oidc.ClaimsConfig
	admit   gateFunc
	params  map[string]string
	recheck time.Duration // how old claims may grow
	extra   []*oidc.Provider
	// wrap, if set, stands in front of the store.
	wrap *refusing
	// real, if set, is a store that is used instead, with its own clock.
	real session.Store
	rate ratelimit.Rate
	// keepFor is how long what is known of a session is used without asking the store.
	keepFor time.Duration
	grace   time.Duration // how long it is used without the store
	// maxPending bounds the sign-ins that wait for their answer.
	maxPending int
	// provider changes the configuration of the provider.
	provider func(*oidc.Config)
	// client talks to the provider; nil is the usual one.
	client *http.Client
	// limited is told of requests that were held off.
	limited func(string)
	// binds says which sessions browsers are asked to bind
	binds    access.Binds
	renewals func(provider, result string) // is told what comes of renewals
	signOuts func(result string)           // is told what comes of back-channel sign-outs
	// sites are those of several hosts, which sign in at signInHost.
	sites      map[string]*access.Site
	signInHost string
	siblings   func(host string) []string
}

// plainPages are what all gateways show: nothing changes them once they are made.
var plainPages = sync.OnceValues(func() (*pages.Pages, error) { return pages.New(pages.Config{Base: browser.Base}) })

func newGateway(t *testing.T, change ...func(*settings)) *gateway {
	t.Helper()
	clock := storetest.NewClock()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	set := settings{
		clock: clock, store: storetest.NewMemory(clock.Now), keys: ring, log: &records{},
		prompt: access.PromptConfig{RememberAnswer: 180 * 24 * time.Hour, Suppress: prompt.DefaultSuppress, SharedUsers: 2, SharedWindow: 7 * 24 * time.Hour},
		admit:  func(*access.Visit, *session.Record) access.Admission { return access.Admission{} },
	}
	for _, c := range change {
		c(&set)
	}
	if set.idp == nil {
		set.idp = oidctest.New(t, set.clock.Now)
	}
	html, err := plainPages()
	if err != nil {
		t.Fatal(err)
	}
	var store session.Store = set.store
	if set.real != nil {
		store = set.real
	}
	if set.wrap != nil && set.real == nil {
		set.wrap.Store, store = store, set.wrap
	}
	manager := session.NewManager(session.ManagerConfig{Store: store, Keys: set.keys, Limits: set.limits, Now: set.clock.Now, Recheck: set.keepFor, OutageGrace: set.grace})
	t.Cleanup(manager.Close)
	config := oidc.Config{
		Name: "main", Issuer: set.idp.URL, ClientID: oidctest.Client, Claims: set.claims, Now: set.clock.Now, AuthParams: set.params,
		ClientSecret: func() (string, error) { return "client-secret-canary", nil }, Client: set.client,
	}
	set.changeProvider(&config)
	provider := oidc.New(config)
	g := &gateway{t: t, connections: &http.Transport{}, store: set.store, clock: set.clock, idp: set.idp, log: set.log}
	g.site = &access.Site{App: "wiki", Gate: set.admit}
	g.sites = set.sites
	g.site.Gate = routed{g, g.site.Gate}
	for _, site := range g.sites {
		site.Gate = routed{g, site.Gate}
	}
	g.service = New(access.Config{
		SignInHost: set.signInHost, SiteFor: g.siteFor, Siblings: set.siblings,
		Providers: append([]*oidc.Provider{provider}, set.extra...), Sessions: manager, Store: store, Keys: set.keys, Pages: html,
		Log: set.log, Prompt: set.prompt, Binds: set.binds, MaxPending: set.maxPending, Now: set.clock.Now, Recheck: set.recheck,
		RateLimit: set.rate, OnLimited: set.limited, OnRenewal: set.renewals, OnSignOut: set.signOuts,
	})
	g.service.Start()
	t.Cleanup(g.service.Stop)
	t.Cleanup(g.connections.CloseIdleConnections)
	if g.sites != nil {
		g.Server = httptest.NewTLSServer(http.HandlerFunc(g.serve))
	} else {
		g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	}
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	v := &access.Visit{
		Site: g.site, Origin: g.URL, Host: "127.0.0.1", Return: r.URL.RequestURI(),
		IP: netip.MustParseAddr("203.0.113.9"), RequestID: "request-1", Cookies: browser.ReadCookies(r.Header["Cookie"], false),
	}
	demand := g.asking()
	if g.sites != nil {
		site := g.sites[r.Host]
		if site == nil { // a host that leads here and is none of ours
			site = &access.Site{App: "stray", Gate: g.site.Gate}
		}
		v.Site, v.Host, v.Origin, v.Secure, v.Cookies = site, r.Host, "https://"+r.Host, true, browser.ReadCookies(r.Header["Cookie"], true)
		if r.Host != g.demandAt {
			demand = nil
		}
	}
	if strings.HasPrefix(r.URL.Path, browser.Base+"/") {
		g.service.ServeHTTP(w, r, v)
		return
	}
	var who *session.Record
	live, token, err := g.service.Authenticate(r, v)
	if err == nil {
		var sent bool
		if live, sent, err = g.service.RenewClaims(w, r, v, live, token, func(*http.Request) string { return v.RequestID }); sent {
			return
		}
	}
	if err == nil {
		who, err = live.Record()
	}
	if err == nil && demand != nil {
		if left := g.left(who); left != nil {
			g.service.StepUp(w, r, v, who, &access.Refusal{Code: signinlog.StrongAuthRequired, Reason: "mfa_required", Policies: g.policies}, left)
			return
		}
	}
	switch {
	case err == nil:
		var answered bool
		if live, answered, err = g.service.Enter(w, r, v, live, v.Site.Gate.Admit(v, who, access.Asked{}).Persistence); answered {
			return
		}
		if err == nil {
			who, err = live.Record()
		}
		if err == nil {
			g.service.KeepApart(w, r.Header, v, who.Identity)
			g.service.Sessions.Touch(live, v.Site.App)
			g.passed.Add(1)
			g.runApp(w, r)
			_, _ = io.WriteString(w, "app: "+who.User+" "+who.Kind.String())
			return
		}
		fallthrough
	case access.NoSession(err):
		g.service.Challenge(w, r, v, err, demand)
	default:
		g.service.Unavailable(w, r, v, err)
	}
}

// person is a browser: cookies, and no redirect followed unless a test says so.
type testBrowser struct {
	*gateway
	client *http.Client
}

func (g *gateway) browser() *testBrowser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return &testBrowser{gateway: g, client: &http.Client{
		Jar: jar, Transport: g.connections,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type result struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *testBrowser) do(method, target string, form url.Values, header ...string) result {
	b.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = b.URL + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return result{status: resp.StatusCode, location: resp.Header.Get("Location"), body: string(text), header: resp.Header}
}

func (b *testBrowser) get(target string) result {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil)
}

// toProvider asks for a page and returns what the provider is asked for.
func (b *testBrowser) toProvider(page string) url.Values {
	b.t.Helper()
	r := b.get(page)
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, b.idp.URL+"/authorize?") {
		b.t.Fatalf("GET %s: %d to %q, want a redirect to the provider\n%s", page, r.status, r.location, r.body)
	}
	return query(b.t, r.location)
}

func query(t *testing.T, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// callback plays the provider's answer to an authorization request.
func (b *testBrowser) callback(asked url.Values) result {
	b.t.Helper()
	return b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode())
}

// prompted signs in up to the prompt and returns its page.
func (b *testBrowser) prompted(page string) result {
	b.t.Helper()
	r := b.callback(b.toProvider(page))
	if !stays(r.location) {
		b.t.Fatalf("callback: %d to %q, want the prompt\n%s", r.status, r.location, r.body)
	}
	r = b.get(r.location)
	if r.status != http.StatusOK || csrf(r.body) == "" {
		b.t.Fatalf("prompt: %d\n%s", r.status, r.body)
	}
	return r
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func csrf(body string) string {
	if m := csrfField.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

func (b *testBrowser) answer(prompt result, answer string, more ...string) result {
	b.t.Helper()
	form := url.Values{"csrf": {csrf(prompt.body)}, "answer": {answer}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.do(http.MethodPost, browser.Base+"/stay", form)
}

// signIn signs in with an answer.
func (b *testBrowser) signIn(answer string, more ...string) {
	b.t.Helper()
	b.answer(b.prompted("/"), answer, more...)
	if r := b.get("/"); r.status != http.StatusOK {
		b.t.Fatalf("after signing in: %d", r.status)
	}
}

func (b *testBrowser) cookie(name string) *http.Cookie {
	u, err := url.Parse(b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// setCookies returns what an answer sets, by name.
func (r result) setCookies() map[string]*http.Cookie {
	out := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		out[c.Name] = c
	}
	return out
}

func fuzzPages(tb testing.TB) *pages.Pages {
	html, err := pages.New(pages.Config{Base: browser.Base})
	if err != nil {
		tb.Fatal(err)
	}
	return html
}

// stays reports whether an address on the site is the prompt.
func stays(location string) bool { return strings.HasPrefix(location, browser.Base+"/stay?return=") }
