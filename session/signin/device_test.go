package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const (
	boundLife = 10 * time.Minute
	handle    = browser.HostPrefix + browser.SessionCookie
	short     = browser.HostPrefix + browser.BoundCookie
)

var boundLimits = session.Limits{
	Browser:    session.Limit{Idle: time.Hour, Max: 8 * time.Hour},
	Persistent: session.Limit{Idle: 90 * 24 * time.Hour, Max: 180 * 24 * time.Hour},
	Unbound:    session.Limit{Idle: 7 * 24 * time.Hour, Max: 30 * 24 * time.Hour},
}

// binding is a gateway of one https site that binds sessions.
func binding(t *testing.T, change ...func(*settings)) *gateway {
	t.Helper()
	return newGateway(t, append([]func(*settings){func(s *settings) {
		s.limits = boundLimits
		s.binds = access.Binds{On: true, Lifetime: boundLife}
		admit := gateFunc(func(v *access.Visit, who *session.Record) access.Admission { return s.admit(v, who) })
		s.sites = map[string]*access.Site{hostOf(wiki): {App: "wiki", Gate: admit, PreservePost: 1000}}
	}}, change...)...)
}

// bearer is a browser that can bind its sessions.
type bearer struct {
	*testBrowser
	device         *boundtest.Device
	id, challenged string
}

func (g *gateway) bearer() *bearer {
	return &bearer{testBrowser: g.walker(), device: boundtest.New(g.t)}
}

// arrive signs in at the site with an answer and returns the answer that ends the sign-in.
func (b *bearer) arrive(answer string) result {
	b.t.Helper()
	return b.arriveFrom(b.get(wiki+"/"), answer)
}

func (b *bearer) arriveFrom(r result, answer string) result {
	b.t.Helper()
	if !strings.HasPrefix(r.location, b.idp.URL) {
		b.t.Fatalf("%d to %q, want the provider\n%s", r.status, r.location, r.body)
	}
	asked := query(b.t, r.location)
	r = b.get(wiki + browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode())
	if answer == "" {
		return r
	}
	page := b.get(wiki + r.location)
	return b.do(http.MethodPost, wiki+browser.Base+"/stay", url.Values{"csrf": {csrf(page.body)}, "answer": {answer}})
}

func (b *bearer) post(path string, header ...string) result {
	b.t.Helper()
	return b.do(http.MethodPost, wiki+path, nil, append([]string{"Accept", "*/*", "Origin", wiki, "Sec-Fetch-Site", "same-origin"}, header...)...)
}

// register answers an offer as a browser does.
func (b *bearer) register(r result) result {
	b.t.Helper()
	o, ok := boundtest.ReadOffer(b.t, r.header)
	if !ok {
		b.t.Fatalf("nothing was offered: %d %v", r.status, r.header)
	}
	r = b.post(o.Path, "Secure-Session-Response", b.device.Registration(o))
	b.keep(r)
	return r
}

// keep notes what an answer says of the bound session.
func (b *bearer) keep(r result) {
	b.t.Helper()
	if text, id := boundtest.ReadChallenge(b.t, r.header); text != "" {
		b.challenged, b.id = text, id
	}
}

// refresh asks for a new short cookie with a proof of the last challenge.
func (b *bearer) refresh() result {
	b.t.Helper()
	return b.refreshWith(b.device.Proof(b.challenged))
}

func (b *bearer) refreshWith(proof string) result {
	b.t.Helper()
	r := b.post(bound.RefreshPath, "Sec-Secure-Session-Id", b.id, "Secure-Session-Response", proof)
	b.keep(r)
	return r
}

// bind signs in, registers and shows both cookies once.
func (g *gateway) bound(answer string) *bearer {
	g.t.Helper()
	b := g.bearer()
	if r := b.register(b.arrive(answer)); r.status != http.StatusOK {
		g.t.Fatalf("registration: %d", r.status)
	}
	if r := b.get(wiki + "/"); r.status != http.StatusOK {
		g.t.Fatalf("after the registration: %d", r.status)
	}
	return b
}

func (b *bearer) jar() http.CookieJar { return b.client.Jar }

func (b *bearer) value(name string) string {
	b.t.Helper()
	u, _ := url.Parse(wiki)
	for _, c := range b.jar().Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// with is another browser with some of its cookies, as a thief has them.
func (b *bearer) with(names ...string) *bearer {
	b.t.Helper()
	thief := b.gateway.bearer()
	u, _ := url.Parse(wiki)
	for _, name := range names {
		thief.jar().SetCookies(u, []*http.Cookie{{Name: name, Value: b.value(name), Path: "/", Secure: true}})
	}
	thief.id = b.id
	return thief
}

// without drops a cookie, as a browser does when it ends.
func (b *bearer) without(name string) {
	b.t.Helper()
	u, _ := url.Parse(wiki)
	b.jar().SetCookies(u, []*http.Cookie{{Name: name, Path: "/", Secure: true, MaxAge: -1}})
}

func (b *bearer) record() *session.Record {
	b.t.Helper()
	return recordOf(b.t, b.service, b.value(handle), wiki)
}

// recordOf returns the record of the session whose cookie a browser has for an origin.
func recordOf(t *testing.T, s *Service, cookie, origin string) *session.Record {
	t.Helper()
	token, err := session.OpenToken(s.Keys, cookie, hostOf(origin), browser.SessionCookie)
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Sessions.Reload(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	who, err := live.Record()
	if err != nil {
		t.Fatal(err)
	}
	return who
}
