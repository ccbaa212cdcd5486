package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// boundEstate is an estate whose sessions are bound. Its walkers follow their browser's rules about bound sessions.
func boundEstate(t *testing.T, change ...func(*settings)) *gateway {
	t.Helper()
	return estate(t, append([]func(*settings){func(s *settings) {
		s.limits = boundLimits
		s.binds = access.Binds{On: true, Lifetime: boundLife}
	}}, change...)...)
}

// boundWalker is a browser that binds sessions at several hosts: it answers each offer with a key of its own for that host,
// and refreshes before a request that a page of the same origin causes. It drops cookies when the clock says so.
type boundWalker struct {
	*testBrowser
	devices map[string]*boundtest.Device
	// told is what each host said last: the name of the session, and a challenge.
	told map[string]*[2]string
	// deaf: it binds nothing at these hosts.
	deaf map[string]bool
	// silent: the provider would have to show a page.
	silent bool
}

func (g *gateway) boundWalker() *boundWalker {
	return &boundWalker{g.walker(), map[string]*boundtest.Device{}, map[string]*[2]string{}, map[string]bool{}, false}
}

func (b *boundWalker) request(method, target string, form url.Values, header ...string) result {
	b.t.Helper()
	origin, _ := browser.CutOrigin(target)
	r := b.do(method, target, form, header...)
	b.heard(origin, r)
	if o, ok := boundtest.ReadOffer(b.t, r.header); ok && !b.deaf[origin] {
		d := boundtest.New(b.t)
		answer := b.do(http.MethodPost, origin+o.Path, nil, "Accept", "*/*", "Origin", origin, "Sec-Fetch-Site", "same-origin", "Secure-Session-Response", d.Registration(o))
		if answer.status != http.StatusOK {
			b.t.Fatalf("registration at %s: %d", origin, answer.status)
		}
		b.devices[origin] = d
		b.heard(origin, answer)
	}
	return r
}

func (b *boundWalker) heard(origin string, r result) {
	if text, id := boundtest.ReadChallenge(b.t, r.header); text != "" {
		b.told[origin] = &[2]string{id, text}
	}
}

// refresh asks a host for a new short cookie; false if the browser has no session there.
func (b *boundWalker) refresh(origin string) bool {
	b.t.Helper()
	told := b.told[origin]
	if told == nil {
		return false
	}
	for range 3 {
		r := b.do(http.MethodPost, origin+bound.RefreshPath, nil, "Accept", "*/*", "Origin", origin, "Sec-Fetch-Site", "same-origin",
			"Sec-Secure-Session-Id", told[0], "Secure-Session-Response", b.devices[origin].Proof(told[1]))
		b.heard(origin, r)
		told = b.told[origin]
		switch {
		case r.status == http.StatusForbidden:
			continue
		case strings.Contains(r.body, `"continue":false`):
			delete(b.told, origin)
			return false
		}
		return r.status == http.StatusOK
	}
	return false
}

// opens opens a page and goes wherever it leads, with an answer to the prompt if there is one.
func (b *boundWalker) opens(page, answer string) (at string, last result) {
	b.t.Helper()
	at, last = page, b.request(http.MethodGet, page, nil)
	for range 20 {
		to := next(b.t, at, last)
		switch {
		case to == "" && stays(strings.TrimPrefix(at, login)) && csrf(last.body) != "":
			last = b.request(http.MethodPost, at, url.Values{"csrf": {csrf(last.body)}, "answer": {answer}})
			continue
		case to == "":
			return at, last
		case strings.HasPrefix(to, b.idp.URL):
			asked := query(b.t, to)
			back := url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}
			if b.silent && asked.Get("prompt") == "none" {
				back = url.Values{"state": {asked.Get("state")}, "error": {"login_required"}}
			}
			to = asked.Get("redirect_uri") + "?" + back.Encode()
		}
		if origin, path := browser.CutOrigin(to); strings.HasPrefix(path, retryPath) {
			b.refresh(origin)
		}
		at, last = to, b.request(http.MethodGet, to, nil)
	}
	b.t.Fatalf("no end of redirects; the last to %s", at)
	return "", last
}

// enters expects the page of the app in the end, and tells how often the provider was asked on the way.
func (b *boundWalker) enters(page, answer string) (asked int) {
	b.t.Helper()
	before := b.idp.Count("/token")
	at, r := b.opens(page, answer)
	if at != page || r.status != http.StatusOK || !strings.HasPrefix(r.body, "app: ") {
		b.t.Fatalf("%s leads to %s: %d\n%s", page, at, r.status, r.body)
	}
	return b.idp.Count("/token") - before
}

// script asks as a script of a page does, and tells the status.
func (b *boundWalker) script(origin string) int {
	b.t.Helper()
	return b.do(http.MethodGet, origin+"/data", nil, "Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty").status
}

// drop removes a cookie, as a browser does when it ends.
func (b *boundWalker) drop(origin, name string) {
	b.t.Helper()
	u, _ := url.Parse(origin)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: browser.HostPrefix + name, Path: "/", Secure: true, MaxAge: -1}})
}

// thief is another browser with the cookies of some hosts.
func (b *boundWalker) thief(origins ...string) *boundWalker {
	b.t.Helper()
	thief := b.boundWalker()
	for _, origin := range origins {
		u, _ := url.Parse(origin)
		for _, c := range b.client.Jar.Cookies(u) {
			thief.client.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
		}
	}
	return thief
}

func (b *boundWalker) record(origin string) *session.Record {
	b.t.Helper()
	c := b.at(origin, browser.SessionCookie)
	if c == nil {
		b.t.Fatalf("no session cookie of %s", origin)
	}
	return recordOf(b.t, b.service, c.Value, origin)
}
