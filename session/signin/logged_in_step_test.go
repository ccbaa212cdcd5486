package signin

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// An entry that is written with its session is in the log once, and so is one that has to wait for what else is written. The
// log does not say that a user is in whose sessions were ended meanwhile (A81).
func TestEntryIsWrittenWithTheSession(t *testing.T) {
	server := redistest.Start(t)
	store, err := redisstore.Open(redisstore.Config{URL: server.URL(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g, l := storedAt(t, store, store)
	want := func(what string, done, revoked int) {
		t.Helper()
		storetest.Until(t, what, func() bool {
			s := l.Stats()
			return s.Waiting == 0 && s.Stored == uint64(done+revoked) //nolint:gosec // a count
		})
		p, err := l.Read(t.Context(), signinlog.Query{Limit: signinlog.MaxLimit})
		if err != nil || count(p.Entries, signinlog.Success) != done || count(p.Entries, signinlog.GrantRevoked) != revoked || len(p.Entries) != done+revoked {
			t.Fatalf("%s: %d entries, %v: %+v", what, len(p.Entries), err, p.Entries)
		}
	}
	b := g.browser()
	b.answer(b.prompted("/page"), "yes")
	if l.Stats().Stored != 1 { // nothing to wait for: it came with the session
		t.Error("the entry is not stored with the session")
	}
	want("one sign-in", 1, 0)
	if p, err := l.Own(t.Context(), g.idp.URL+"#s-1", 10); err != nil || len(p.Entries) != 1 || p.Entries[0].SessionID != b.session().ID.Short() {
		t.Errorf("the user's own entries: %+v, %v", p, err)
	}
	other := g.browser()
	page := other.prompted("/page")
	g.clock.Advance(time.Minute)
	if _, err := g.service.Sessions.EndAll(t.Context(), session.Identity{Issuer: g.idp.URL, Subject: "s-1"}); err != nil {
		t.Fatal(err)
	}
	if r := other.answer(page, "yes"); r.status != http.StatusForbidden {
		t.Fatalf("the answer after all sessions were ended: %d", r.status)
	}
	want("a sign-in that was ended meanwhile", 1, 1)
}
