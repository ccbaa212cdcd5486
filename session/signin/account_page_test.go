package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
)

// testClients knows one browser and one network.
type testClients struct{}

func (testClients) Describe(agent string) access.Device {
	if strings.HasPrefix(agent, "Go-http-client") {
		return access.Device{Browser: "Gopher", System: "Plan 9", Form: pages.FormComputer}
	}
	return access.Device{}
}

func (testClients) Network(ip netip.Addr) string {
	if ip == netip.MustParseAddr("203.0.113.9") {
		return "head-office"
	}
	return ""
}

// meGateway is a gateway whose people have a page of their own.
func meGateway(t *testing.T, change ...func(*settings)) (*gateway, stored) {
	t.Helper()
	g := newGateway(t, append([]func(*settings){func(s *settings) { s.prompt.SharedUsers = 0 }}, change...)...)
	log := g.storeLog(journaltest.NewMemory(g.clock.Now))
	g.service.SignIns, g.service.Clients = log.Log, testClients{}
	return g, log
}

// mine is the page's twin for scripts.
type mine struct {
	CSRF         string `json:"csrf"`
	Sessions     []mySession
	MoreSessions bool   `json:"more_sessions"`
	Unreadable   int    `json:"unreadable_sessions"`
	MayStay      bool   `json:"may_stay"`
	StayReason   string `json:"stay_reason"`

	Remembered      string     `json:"remembered_answer"`
	RememberedUntil *time.Time `json:"remembered_until"`

	SignIns     []mySignIn `json:"sign_ins"`
	MoreSignIns bool       `json:"more_sign_ins"`
	SignInsDown bool       `json:"sign_ins_unavailable"`
}

type mySession struct {
	ID         string
	Current    bool
	Kind       string
	KindReason string `json:"kind_reason"`
	Browser    string
	System     string
	Device     string
	Network    string
	IP         string
	FirstUsed  time.Time `json:"first_used"`
	LastUsed   time.Time `json:"last_used"`
	EndsUnused time.Time `json:"ends_unused"`
	EndsLatest time.Time `json:"ends_latest"`
}

type mySignIn struct {
	Code    int `json:"errorCode"`
	Outcome string
	Why     string
}

// mine is the page's twin, as a script gets it.
func (b *testBrowser) mine() (m mine) {
	b.t.Helper()
	r := b.do(http.MethodGet, browser.AccountPath, nil, "Accept", "application/json")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/json" {
		b.t.Fatalf("%d %v\n%s", r.status, r.header, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		b.t.Fatal(err)
	}
	return m
}

// change posts a form of the page.
func (b *testBrowser) change(fields ...string) result {
	b.t.Helper()
	form := url.Values{"csrf": {csrf(b.get(browser.AccountPath).body)}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, browser.AccountPath, form)
}

func (b *testBrowser) signedIn() bool { b.t.Helper(); return b.get("/").status == http.StatusOK }

// L7: people see their sessions, this one first, in words, with both ends, and their sign-ins with 50140 and blocks.
func TestMe(t *testing.T) {
	blocked := false
	g, log := meGateway(t, func(s *settings) {
		s.admit = func(_ *access.Visit, who *session.Record) access.Admission {
			if blocked && who.ID == (session.ID{}) {
				return access.Admission{Refusal: &access.Refusal{Code: signinlog.BlockedByPolicy, Reason: "blocked_by_policy"}}
			}
			return access.Admission{}
		}
	})
	here, there, gone := g.browser(), g.browser(), g.browser()
	there.signIn("yes")
	g.clock.Advance(time.Hour)
	// Each entry is stored before the clock goes on, so that their order is the one in which they came.
	later := func(entries int) {
		log.entries(t, entries)
		g.clock.Advance(time.Second)
	}
	here.signIn("no")
	later(2)
	gone.answer(gone.prompted("/"), "cancel")
	later(3)
	blocked = true
	gone.callback(gone.toProvider("/"))
	log.entries(t, 4)
	m := here.mine()
	if len(m.Sessions) != 2 || !m.Sessions[0].Current || m.Sessions[1].Current || m.MoreSessions || m.Unreadable != 0 {
		t.Fatalf("%+v", m)
	}
	one, other := m.Sessions[0], m.Sessions[1]
	if one.Kind != "browser" || one.KindReason != prompt.ReasonAnsweredNo || other.Kind != "persistent" {
		t.Errorf("%+v\n%+v", one, other)
	}
	if one.Network != "head-office" || one.IP != "203.0.113.9" || one.Browser != "Gopher" || one.System != "Plan 9" || one.Device != "computer" {
		t.Errorf("%+v", one)
	}
	if !one.EndsUnused.Equal(one.LastUsed.Add(24*time.Hour)) || !one.EndsLatest.Equal(one.FirstUsed.Add(7*24*time.Hour)) {
		t.Errorf("%+v", one)
	}
	if !m.MayStay || m.StayReason != prompt.ReasonAsked || m.Remembered != "" {
		t.Errorf("%+v", m)
	}
	var codes []int
	for _, e := range m.SignIns {
		codes = append(codes, e.Code)
	}
	if len(codes) != 4 || codes[0] != 53003 || codes[1] != 50140 || codes[2] != 0 || m.SignIns[0].Outcome != "blocked" {
		t.Errorf("%v: %+v", codes, m.SignIns)
	}
	page := here.get(browser.AccountPath)
	for _, want := range []string{
		"This browser", "Gopher", "Plan 9", "head-office", "wiki", "Stay signed in here", "Sign out all others",
		"A policy did not let you in", "53003", "50140", `<time datetime="`, "6 days", one.ID, other.ID,
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%q is not on the page:\n%s", want, page.body)
		}
	}
	raw := here.do(http.MethodGet, browser.AccountPath, nil, "Accept", "application/json").body
	for name, secret := range map[string]string{
		"cookie": here.cookie(browser.SessionCookie).Value, "another's cookie": there.cookie(browser.SessionCookie).Value, "refresh token": "refresh-canary",
	} {
		if strings.Contains(page.body+raw, secret) {
			t.Errorf("%s is told", name)
		}
	}
	if !there.mine().Sessions[0].Current || there.mine().Sessions[0].ID != other.ID {
		t.Error("the other browser does not come first in its own list")
	}
}

// Who is not signed in signs in first and comes back to the page; a script is told.
func TestMeAnonymous(t *testing.T) {
	g, _ := meGateway(t)
	b := g.browser()
	r := b.do(http.MethodGet, browser.AccountPath, nil, "Accept", "application/json")
	if r.status != http.StatusUnauthorized || !strings.Contains(r.body, "sign_in_required") {
		t.Errorf("a script: %d %s", r.status, r.body)
	}
	r = b.callback(b.toProvider(browser.AccountPath))
	r = b.answer(b.get(r.location), "no")
	if got := r.header.Get("Refresh"); got != "0; url="+browser.AccountPath {
		t.Errorf("after signing in: %q", got)
	}
	if r := b.get(browser.AccountPath); r.status != http.StatusOK {
		t.Errorf("the page: %d", r.status)
	}
	if r := g.browser().do(http.MethodPost, browser.AccountPath, url.Values{"do": {"end_all"}}); r.status != http.StatusUnauthorized {
		t.Errorf("a form without a session: %d", r.status)
	}
	g.store.Fail(session.ErrUnavailable)
	if r := b.get(browser.AccountPath); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
		t.Errorf("the store is down: %d, %v", r.status, r.setCookies())
	}
}

// A23, A79: without POST, this session's token and this origin nothing changes; a session is looked for among one's own.
func TestMeForged(t *testing.T) {
	g, _ := meGateway(t)
	b, mine, stranger := g.browser(), g.browser(), g.browser()
	b.signIn("yes")
	mine.signIn("yes")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	stranger.signIn("yes")
	token, other, theirs := csrf(b.get(browser.AccountPath).body), mine.mine(), stranger.mine()
	end := url.Values{"csrf": {token}, "session": {other.Sessions[0].ID}}
	for what, try := range map[string]result{
		"by GET":           b.get(browser.AccountPath + "?" + end.Encode()),
		"no token":         b.do(http.MethodPost, browser.AccountPath, url.Values{"session": {other.Sessions[0].ID}}),
		"another's token":  b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {other.CSRF}, "do": {"end_all"}}),
		"sign-out's token": b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {csrf(b.get(browser.Base + "/sign-out").body)}, "do": {"end_all"}}),
		"cross-site":       b.do(http.MethodPost, browser.AccountPath, end, "Sec-Fetch-Site", "cross-site"),
		"other origin":     b.do(http.MethodPost, browser.AccountPath, end, "Origin", "https://evil.example"),
		"no origin":        b.do(http.MethodPost, browser.AccountPath, end, "Origin", "", "Sec-Fetch-Site", ""),
		"twice":            b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "session": {other.Sessions[0].ID, other.Sessions[0].ID}}),
		"oversized":        b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "do": {"end_all"}, "x": {strings.Repeat("x", browser.MaxForm)}}),
		"nothing to do":    b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}}),
		"something odd":    b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "do": {"promote"}}),
		"text":             b.do(http.MethodPost, browser.AccountPath, end, "Content-Type", "text/plain"),
	} {
		if what != "by GET" && (try.status < 400 || try.status > 403) || len(try.setCookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", what, try.status, try.setCookies())
		}
	}
	// What is not one's own reads like what is gone, and goes on.
	for what, id := range map[string]string{"another person's": theirs.Sessions[0].ID, "nobody's": "AAAAAAAAAA", "markup": "<b>"} {
		if r := b.change("session", id); r.status != http.StatusOK || r.header.Get("Refresh") != "0; url="+browser.AccountPath {
			t.Errorf("%s: %d", what, r.status)
		}
	}
	for name, who := range map[string]*testBrowser{"b": b, "mine": mine, "stranger": stranger} {
		if !who.signedIn() {
			t.Errorf("%s was signed out", name)
		}
	}
	if r := b.do(http.MethodPut, browser.AccountPath, end); r.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", r.status)
	}
}

// K4, A22, A45: one session, all others, or all end, and with them every copy of their cookies.
func TestMeEnds(t *testing.T) {
	g, _ := meGateway(t)
	var events []string
	g.service.Notify = func(event string, data map[string]any) { events = append(events, event+" "+data["by"].(string)) }
	b, one, two := g.browser(), g.browser(), g.browser()
	g.service.Notify = nil
	for _, each := range []*testBrowser{b, one, two} {
		each.signIn("yes")
	}
	g.service.Notify = func(event string, data map[string]any) { events = append(events, event+" "+data["by"].(string)) }
	if r := b.change("session", one.mine().Sessions[0].ID); r.header.Get("Refresh") != "0; url="+browser.AccountPath {
		t.Errorf("%d %s", r.status, r.body)
	}
	if one.signedIn() || !two.signedIn() || !b.signedIn() {
		t.Error("one session was to end")
	}
	one.signInQuietly()
	b.change("do", "end_others")
	if one.signedIn() || two.signedIn() || !b.signedIn() {
		t.Error("all others were to end")
	}
	two.signInQuietly()
	if r := b.change("do", "end_all"); r.setCookies()[browser.SessionCookie] == nil || r.setCookies()[browser.SessionCookie].MaxAge >= 0 {
		t.Errorf("the cookie: %v", r.setCookies())
	}
	if b.signedIn() || two.signedIn() {
		t.Error("all were to end")
	}
	g.clock.Advance(time.Second)
	two.signInQuietly()
	copied := two.cookie(browser.SessionCookie).Value
	if r := two.change("session", two.mine().Sessions[0].ID); !strings.HasPrefix(r.header.Get("Refresh"), "0; url=") || r.setCookies()[browser.SessionCookie] == nil {
		t.Errorf("signing oneself out: %d, %v", r.status, r.header)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+copied); r.status != http.StatusSeeOther {
		t.Errorf("the copied cookie: %d", r.status)
	}
	want := []string{access.EventRevoked + " " + access.ByPerson, access.EventRevoked + " " + access.ByPerson, access.EventRevoked + " " + access.ByPerson, access.EventSignOut + " " + access.ByPerson, access.EventSignOut + " " + access.ByPerson}
	if strings.Join(events, ", ") != strings.Join(want, ", ") {
		t.Errorf("events %v", events)
	}
}

// signInQuietly signs in without telling what listens.
func (b *testBrowser) signInQuietly() {
	b.t.Helper()
	tell := b.service.Notify
	b.service.Notify = nil
	b.signIn("no")
	b.service.Notify = tell
}

// A script changes the same by JSON, under the same rules, and gets what it has come to.
func TestMeJSON(t *testing.T) {
	g, _ := meGateway(t)
	b, other := g.browser(), g.browser()
	b.signIn("yes")
	other.signIn("yes")
	post := func(body string, header ...string) result {
		r, err := http.NewRequest(http.MethodPost, b.URL+browser.AccountPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{
			"Content-Type": "application/json", "Accept": "application/json", "Origin": b.URL, "Sec-Fetch-Site": "same-origin",
		} {
			r.Header.Set(k, v)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var text strings.Builder
		if _, err := copyTo(&text, resp); err != nil {
			t.Fatal(err)
		}
		return result{status: resp.StatusCode, body: text.String(), header: resp.Header}
	}
	m := b.mine()
	good := `{"csrf":"` + m.CSRF + `","do":"end","session":"` + m.Sessions[1].ID + `"}`
	for what, try := range map[string]result{
		"no token":     post(`{"do":"end_all"}`),
		"cross-site":   post(good, "Sec-Fetch-Site", "cross-site"),
		"other origin": post(good, "Origin", "https://evil.example"),
		"more fields":  post(`{"csrf":"` + m.CSRF + `","do":"end_all","user":"x"}`),
		"two values":   post(good + good),
		"not JSON":     post("do=end_all"),
		"oversized":    post(`{"csrf":"` + m.CSRF + `","do":"end_all","session":"` + strings.Repeat("x", browser.MaxForm) + `"}`),
	} {
		if try.status != http.StatusForbidden && try.status != http.StatusBadRequest || try.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", what, try.status, try.body)
		}
	}
	if !other.signedIn() {
		t.Fatal("a forged change ended a session")
	}
	if r := post(good); r.status != http.StatusOK || strings.Count(r.body, `"id":"`+m.Sessions[0].ID) != 1 || strings.Contains(r.body, `"id":"`+m.Sessions[1].ID) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if other.signedIn() {
		t.Error("the other session lives")
	}
	r := post(`{"csrf":"` + m.CSRF + `","do":"end_all"}`)
	var out struct {
		SignedOut bool   `json:"signed_out"`
		Continue  string `json:"continue"`
	}
	if err := json.Unmarshal([]byte(r.body), &out); err != nil || !out.SignedOut || r.setCookies()[browser.SessionCookie] == nil {
		t.Errorf("%d %s: %v", r.status, r.body, err)
	}
	if r := post(good); r.status != http.StatusUnauthorized {
		t.Errorf("afterwards: %d", r.status)
	}
}

// The log may be away, or never have been: the sessions are shown all the same.
func TestMeWithoutLog(t *testing.T) {
	g, log := meGateway(t)
	b := g.browser()
	b.signIn("no")
	log.mem.Fail(errors.Join(session.ErrUnavailable, errors.New("out")))
	if r := b.get(browser.AccountPath); r.status != http.StatusOK || !strings.Contains(r.body, "can’t be shown right now") {
		t.Errorf("the log is away: %d", r.status)
	}
	if m := b.mine(); !m.SignInsDown || len(m.Sessions) != 1 {
		t.Errorf("%+v", m)
	}
	log.mem.Fail(nil) // else closing the log waits to write what is left
	g.service.SignIns = nil
	if r := b.get(browser.AccountPath); r.status != http.StatusOK || !strings.Contains(r.body, "not kept here") {
		t.Errorf("no log: %d", r.status)
	}
}
