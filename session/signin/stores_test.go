package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestStoreDown: every way that leads to the store answers 503 while it is out, no cookie is cleared, no user is told
// that they are signed out, and afterwards everything continues.
func TestStoreDown(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	leaving := csrf(b.get(browser.Base + "/sign-out").body)
	pending := g.browser()
	page := pending.prompted("/page")
	under := g.browser()
	asked := under.toProvider("/")
	g.store.Fail(errors.New("out"))
	for what, r := range map[string]result{
		"app":        b.get("/"),
		"sign-out":   b.get(browser.Base + "/sign-out"),
		"leaving":    b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {leaving}}),
		"prompt":     pending.get(browser.Base + "/stay"),
		"answer":     pending.answer(page, "yes"),
		"callback":   under.callback(asked),
		"app script": b.do(http.MethodGet, "/", nil, "Accept", "*/*"),
	} {
		if r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, cookies %v, Retry-After %q", what, r.status, r.setCookies(), r.header.Get("Retry-After"))
		}
	}
	g.store.Fail(nil)
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("app afterwards: %d", r.status)
	}
	if r := pending.answer(page, "yes"); !strings.Contains(r.header.Get("Refresh"), "/page") {
		t.Errorf("answer afterwards: %d", r.status)
	}
	if r := under.callback(asked); !stays(r.location) {
		t.Errorf("callback afterwards: %d to %q", r.status, r.location)
	}
}

// TestTwoReplicas: two services on one store; an abandoned prompt is logged by one of them, an answer is taken by one,
// and a restart in between loses nothing (A8, K20).
func TestTwoReplicas(t *testing.T) {
	const abandonAfter = 5 * time.Second
	g := newGateway(t, func(s *settings) { s.prompt.AbandonAfter = abandonAfter })
	const people = 20
	for i := range people {
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": fmt.Sprint("person-", i)} })
		g.browser().prompted("/")
	}
	answered := g.browser()
	page := answered.prompted("/")
	g.service.Stop()
	same := func(s *settings) {
		s.store, s.clock, s.idp, s.log, s.prompt.AbandonAfter = g.store, g.clock, g.idp, g.log, abandonAfter
	}
	first, second := newGateway(t, same), newGateway(t, same)
	moved := &testBrowser{gateway: first, client: answered.client}
	if r := moved.answer(page, "no"); r.status != http.StatusOK {
		t.Errorf("answer after a restart: %d", r.status)
	}
	g.clock.Advance(abandonAfter)
	storetest.Until(t, "the abandoned prompts are logged", func() bool { return g.log.count(signinlog.KeepMeSignedIn) >= people })
	// Both have looked since: their next look is done once a fresh prompt is logged.
	late := second.browser()
	late.prompted("/")
	g.clock.Advance(abandonAfter)
	storetest.Until(t, "the abandoned prompts are logged", func() bool { return g.log.count(signinlog.KeepMeSignedIn) > people })
	if n := g.log.count(signinlog.KeepMeSignedIn); n != people+1 {
		t.Errorf("%d entries, want %d", n, people+1)
	}
}

// TestNewID holds A13, A42 and A75: a session that a browser presents never outlives another sign-in, of any user.
func TestNewID(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.prompt.SharedUsers = 0 })
	b := g.browser()
	b.signIn("yes")
	old := b.cookie(browser.SessionCookie)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2", "preferred_username": "eve"} })
	r := b.get(browser.Base + "/sign-in?return=/")
	b.callback(query(t, r.location))
	b.answer(b.get(browser.Base+"/stay"), "no")
	if r := b.get("/"); r.body != "app: eve browser" {
		t.Fatalf("app: %q", r.body)
	}
	if b.cookie(browser.SessionCookie).Value == old.Value {
		t.Fatal("the cookie is the same")
	}
	thief := g.browser()
	u, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	thief.client.Jar.SetCookies(u, []*http.Cookie{old})
	if r := thief.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("the old session lives: %d %q", r.status, r.body)
	}
}

// TestGarbageCookies holds A60: what we did not seal is no session, is not cleared (it may be another replica's), and
// writes nothing.
func TestGarbageCookies(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	good := b.cookie(browser.SessionCookie).Value
	entries := g.store.Len()
	for what, cookie := range map[string]string{
		"garbage": "latchkey=garbage", "truncated": "latchkey=" + good[:40], "extended": "latchkey=" + good + "AA", "empty": "latchkey=",
		"doubled": "latchkey=" + good + "; latchkey=" + good, "oversized": "latchkey=" + strings.Repeat("A", 10_000),
		"under another name": "latchkey-pending=" + good, "flow": "latchkey-flow-abcdefgh=" + good,
	} {
		r := g.browser().do(http.MethodGet, "/", nil, "Cookie", cookie)
		if r.status != http.StatusSeeOther || r.setCookies()[browser.SessionCookie] != nil {
			t.Errorf("%s: %d, cookies %v", what, r.status, r.setCookies())
		}
	}
	if g.store.Len() != entries {
		t.Error("garbage was stored")
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", "latchkey="+good); r.status != http.StatusOK {
		t.Errorf("the good cookie by itself: %d", r.status)
	}
}

// TestBlockedAtSignIn holds R5 and 53003: a block is decided before the prompt, and leaves no session.
func TestBlockedAtSignIn(t *testing.T) {
	refuse := true
	g := newGateway(t, func(s *settings) {
		s.admit = func(*access.Visit, *session.Record) access.Admission {
			if !refuse {
				return access.Admission{}
			}
			return access.Admission{Refusal: &access.Refusal{Code: signinlog.BlockedByPolicy, Reason: "blocked", Policies: []string{"office-only"}}, PolicyStatus: "failure"}
		}
	})
	b := g.browser()
	r := b.callback(b.toProvider("/"))
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "office-only") || !strings.Contains(r.body, "53003") || !strings.Contains(r.body, "request-1") {
		t.Errorf("blocked: %d\n%s", r.status, r.body)
	}
	if rec := g.log.last(t); rec.Code != signinlog.BlockedByPolicy || rec.PolicyStatus != "failure" || rec.Code.Status() != "failure" {
		t.Errorf("log: %+v", rec)
	}
	if r.setCookies()[browser.SessionCookie] != nil || r.setCookies()[browser.PendingCookie] != nil {
		t.Errorf("cookies %v", r.setCookies())
	}
	refuse = false
	b.signIn("no")
}

// refusing is a store that refuses to create records of one kind.
type refusing struct {
	session.Store
	kind string
	on   atomic.Bool
	// keeps refuses to remove anything.
	keeps atomic.Bool
	// writes counts everything that would change the store.
	writes atomic.Int64
	// before, if set, is told of every look-up and every removal before it is made.
	before func(op string)
	// creating, if set, is told of every entry before it is written.
	creating func(session.Key)
}

func (s *refusing) note(op string) {
	if s.before != nil {
		s.before(op)
	}
}

func (s *refusing) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	s.writes.Add(1)
	return s.Store.Replace(ctx, e)
}

func (s *refusing) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	s.writes.Add(1)
	s.note("remove")
	if s.keeps.Load() {
		return session.Entry{}, session.ErrUnavailable
	}
	return s.Store.Remove(ctx, key, from...)
}

func (s *refusing) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	s.writes.Add(1)
	return s.Store.Enlist(ctx, index, member, until)
}

func (s *refusing) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	s.writes.Add(1)
	return s.Store.Delist(ctx, index, members...)
}

func (s *refusing) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	s.writes.Add(1)
	if s.on.Load() && strings.HasPrefix(string(e.Key), s.kind+":") {
		return session.ErrUnavailable
	}
	if s.creating != nil {
		s.creating(e.Key)
	}
	return s.Store.Create(ctx, e, in...)
}

func (s *refusing) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	if s.on.Load() && strings.HasPrefix(string(index), s.kind+":") {
		return nil, session.ErrUnavailable
	}
	return s.Store.Members(ctx, index, before, limit)
}

func (s *refusing) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	s.note("get")
	if s.on.Load() && s.kind == "get" {
		return session.Entry{}, session.ErrUnavailable
	}
	return s.Store.Get(ctx, key)
}

func (s *refusing) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	return session.InTurn(ctx, s, st)
}

// TestNewSessionNotWritten: where the new session cannot be written, the one before goes on.
func TestNewSessionNotWritten(t *testing.T) {
	store := &refusing{kind: "s"}
	g := newGateway(t, func(s *settings) { s.wrap = store })
	b := g.browser()
	b.signIn("yes", "remember", "1")
	asked := query(t, b.get(browser.Base+"/sign-in").location)
	store.on.Store(true)
	if r := b.callback(asked); r.status != http.StatusServiceUnavailable || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("callback: %d, cookies %v", r.status, r.setCookies())
	}
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("the session before is gone: %d", r.status)
	}
	store.on.Store(false)
	old := b.cookie(browser.SessionCookie).Value
	b.callback(query(t, b.get(browser.Base+"/sign-in").location))
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+old); r.status != http.StatusSeeOther {
		t.Errorf("the session before lives on beside the new one: %d (A13)", r.status)
	}
}

// TestStepUpStoreDown: a step-up whose session cannot be looked up is no sign-in anew: the answer of the one there is
// would be lost (X21).
func TestStepUpStoreDown(t *testing.T) {
	store := &refusing{kind: "get"}
	g := mfaGateway(t, func(s *settings) { s.wrap = store })
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{MFA: true}
	asked := b.toProvider("/danger")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
	store.on.Store(true)
	if r := b.callback(asked); r.status != http.StatusServiceUnavailable || r.setCookies()[browser.PendingCookie] != nil {
		t.Errorf("callback: %d, cookies %v", r.status, r.setCookies())
	}
	store.on.Store(false)
	g.demand = nil
	if r := b.get("/"); r.body != "app: ada browser" {
		t.Errorf("app: %d %q", r.status, r.body)
	}
}
