package signin

import (
	"net/url"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 2.12: with one session more than a person may have the oldest ends, whatever browser holds it.
func TestMaxSessions(t *testing.T) {
	g := newGateway(t)
	g.service.MaxSessions = 2
	var all []*testBrowser
	for range 3 {
		b := g.browser()
		b.signIn("yes")
		all = append(all, b)
		g.clock.Advance(time.Minute)
	}
	storetest.Until(t, "the first session ends", func() bool { return all[0].get("/").status != 200 })
	for i, b := range all[1:] {
		if r := b.get("/"); r.status != 200 {
			t.Errorf("session %d: %d", i+2, r.status)
		}
	}
}

// Field trial 2.6: a callback that proves no flow writes nothing to the store: no entry of the sign-in log, and no key.
func TestNothingIsStoredForWhatProvesNoFlow(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	asked := b.toProvider("/")
	before := len(g.store.Keys())
	stranger := g.browser()
	other := g.browser()
	otherAsked := other.toProvider("/")
	for range 5 {
		// No cookie at all, and the cookie of one flow with the state of another one's secret.
		stranger.callback(asked)
		forged := asked
		forged.Set("state", otherAsked.Get("state")[:browser.FlowNameSize+1]+asked.Get("state")[browser.FlowNameSize+1:])
		other.callback(forged)
	}
	if n := len(g.store.Keys()); n != before {
		t.Errorf("%d keys were written", n-before)
	}
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	told := 0
	for _, rec := range g.log.all {
		if rec.Code == signinlog.FlowExpired || rec.Code == signinlog.LoopDetected {
			told++
			if !rec.Unproven {
				t.Errorf("%d would be stored", rec.Code)
			}
		}
	}
	if told == 0 {
		t.Error("nothing was logged")
	}
}

// Whoever ended a flow at the provider is stored, also if it failed there.
func TestProvenFailureIsStored(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	asked := b.toProvider("/")
	b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {"server_error"}, "iss": {g.idp.URL}}.Encode())
	if rec := g.log.last(t); rec.Unproven {
		t.Errorf("%d is not stored", rec.Code)
	}
}
