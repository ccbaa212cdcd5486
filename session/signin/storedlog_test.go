package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// stored is a sign-in log in a store, behind the one in memory.
type stored struct {
	*signinlog.Log
	mem *journaltest.Memory
}

func (g *gateway) storeLog(mem *journaltest.Memory) stored {
	g.t.Helper()
	l := signinlog.Open(signinlog.Config{Journal: mem, Keys: g.service.Keys, Now: g.clock.Now})
	g.t.Cleanup(l.Close)
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	g.log.next = l
	return stored{l, mem}
}

// entries waits until n are stored and returns them, the newest first.
func (s stored) entries(t *testing.T, n int) []signinlog.Entry {
	t.Helper()
	var p signinlog.Page
	storetest.Until(t, "the entries are stored", func() bool {
		var err error
		if p, err = s.Read(t.Context(), signinlog.Query{Limit: signinlog.MaxLimit}); err != nil {
			t.Fatal(err)
		}
		return len(p.Entries) >= n
	})
	return p.Entries
}

func count(entries []signinlog.Entry, code signinlog.Code) (n int) {
	for _, e := range entries {
		if e.Code == code {
			n++
		}
	}
	return n
}

// TestStoredLog holds K17 to K20 for the log in the store: of N prompts that are answered and M that are abandoned it
// has exactly M entries of 50140 and N of success, over a restart, though the log's store is out at the time, and with
// one correlation id for each sign-in (L6).
func TestStoredLog(t *testing.T) {
	const abandonAfter = 5 * time.Second
	g := newGateway(t, func(s *settings) { s.prompt.AbandonAfter, s.prompt.SharedUsers = abandonAfter, 0 })
	first := g.storeLog(journaltest.NewMemory(g.clock.Now))
	const answered, abandoned = 6, 9
	for i := range answered {
		g.browser().signIn([]string{"yes", "no"}[i%2])
	}
	for i := range abandoned {
		b := g.browser()
		page := b.prompted("/")
		switch i % 3 {
		case 0:
			b.answer(page, "cancel")
		case 1:
			b.get(browser.Base + "/sign-in?return=/")
		}
	}
	// The gateway restarts, its log is written to the end, and the next one begins while the store is out.
	g.service.Stop()
	first.Close()
	first.mem.Fail(fmt.Errorf("%w: out", session.ErrUnavailable))
	again := newGateway(t, func(s *settings) {
		s.store, s.clock, s.idp, s.log, s.prompt.AbandonAfter, s.prompt.SharedUsers = g.store, g.clock, g.idp, g.log, abandonAfter, 0
	})
	second := again.storeLog(first.mem)
	g.clock.Advance(abandonAfter)
	storetest.Until(t, "the abandoned prompts are logged", func() bool { return g.log.count(signinlog.KeepMeSignedIn) == abandoned })
	if s := second.Stats(); s.Stored != 0 || s.Lost != 0 {
		t.Errorf("while the store is out: %+v", s)
	}
	first.mem.Fail(nil)
	entries := second.entries(t, answered+abandoned)
	if n, m := count(entries, signinlog.Success), count(entries, signinlog.KeepMeSignedIn); len(entries) != n+m || n != answered || m != abandoned {
		t.Errorf("%d entries: %d of success, %d of 50140; want %d and %d", len(entries), n, m, answered, abandoned)
	}
	ids, flows := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		ids[e.ID], flows[e.CorrelationID] = true, true
		if e.Code == signinlog.KeepMeSignedIn && (e.PolicyStatus != "notApplied" || e.Status != signinlog.StatusInterrupted || e.SessionID != "") {
			t.Errorf("an abandoned prompt: %+v", e)
		}
	}
	if len(ids) != len(entries) || len(flows) != len(entries) {
		t.Errorf("%d ids and %d correlation ids of %d sign-ins", len(ids), len(flows), len(entries))
	}
}

// TestStoredLogHoldsNoSecret: no token, code, state, nonce, cookie or secret is in an entry, whatever the outcome (A49).
func TestStoredLogHoldsNoSecret(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.prompt.SharedUsers = 0 })
	log := g.storeLog(journaltest.NewMemory(g.clock.Now))
	secrets := []string{"client-secret-canary", "refresh-canary"}
	keep := func(b *testBrowser, more ...string) {
		for _, name := range []string{browser.SessionCookie, browser.SessionCookie + "-pending", browser.SessionCookie + "-browser", browser.SessionCookie + "-answer"} {
			if c := b.cookie(name); c != nil {
				more = append(more, c.Value)
			}
		}
		secrets = append(secrets, more...)
	}
	for _, answer := range []string{"yes", "no", "cancel"} {
		b := g.browser()
		asked := b.toProvider("/page?secret-in-the-query")
		r := b.callback(asked)
		keep(b, asked.Get("state"), asked.Get("nonce"), asked.Get("code_challenge"), g.idp.LastToken.Get("code_verifier"))
		r = b.get(r.location)
		keep(b, csrf(r.body))
		b.answer(r, answer, "remember", "1")
		keep(b)
		b.callback(asked) // a second time
	}
	for _, e := range []string{"access_denied", "server_error", "<script>alert(1)"} {
		b := g.browser()
		asked := b.toProvider("/")
		b.get(browser.Base + "/callback?error=" + e + "&error_description=description-canary&state=" + asked.Get("state"))
		keep(b, asked.Get("state"), "description-canary", "alert(1)")
	}
	b := g.browser()
	asked := b.toProvider("/")
	g.store.Fail(errors.New("out"))
	b.callback(asked)
	g.store.Fail(nil)
	keep(b, asked.Get("state"))
	secrets = append(secrets, "secret-in-the-query")
	if len(secrets) < 25 || slices.Contains(secrets, "") {
		t.Fatalf("%d secrets: %q", len(secrets), secrets)
	}
	want := len(g.log.all)
	if want < 6 {
		t.Fatalf("only %d outcomes", want)
	}
	for _, e := range log.entries(t, want) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("an entry holds %q:\n%s", secret, text)
			}
		}
	}
}

// L5: a sign-in that a policy's frequency asked for says so, in what asked and in what came of it.
func TestStoredLogSaysWhyAgain(t *testing.T) {
	for want, demand := range map[string]*oidc.Demand{
		signinlog.FrequencyPeriodic:  {Reauthenticate: true, MaxAge: time.Hour},
		signinlog.FrequencyEveryTime: {Reauthenticate: true, PromptLogin: true},
	} {
		g := mfaGateway(t)
		b := g.browser()
		b.signIn("no")
		if got := g.log.last(t).SessionLifetime; got != nil {
			t.Errorf("the first sign-in says %v", got)
		}
		g.clock.Advance(2 * time.Hour)
		g.demand = demand
		asked := b.toProvider("/danger")
		if got := g.log.last(t).SessionLifetime; !slices.Equal(got, []string{want}) {
			t.Errorf("what asked says %v, want %s", got, want)
		}
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"auth_time": p.Now().Unix()} })
		if r := b.callback(asked); r.status != http.StatusSeeOther {
			t.Fatalf("callback: %d", r.status)
		}
		if rec := g.log.last(t); rec.Code != signinlog.Success || !slices.Equal(rec.SessionLifetime, []string{want}) {
			t.Errorf("what came of it: %+v, want %s", rec, want)
		}
	}
}
