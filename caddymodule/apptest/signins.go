package apptest

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// StoredLog is an app that has a sign-in log, and nothing else. The test runs it.
type StoredLog struct {
	App     *app.App
	Journal *journaltest.Memory
	Written int // how many entries there are

	t   *testing.T
	now func() time.Time
}

// NewStoredLog makes an app with an empty log.
func NewStoredLog(t *testing.T, now func() time.Time) *StoredLog {
	t.Helper()
	l := &StoredLog{t: t, Journal: journaltest.NewMemory(now), now: now}
	signIns := signinlog.Open(signinlog.Config{Journal: l.Journal, Keys: NewRing(t), Now: now})
	t.Cleanup(signIns.Close)
	l.App = app.Of(app.Parts{SignIns: signIns})
	return l
}

// Write adds an entry, and waits until it is stored.
func (l *StoredLog) Write(change func(*signinlog.Record)) {
	l.t.Helper()
	l.Written++
	r := signinlog.Record{
		ID: fmt.Sprintf("v%d", l.Written), CorrelationID: "c", Created: l.now(), UserIssuer: "https://idp.example.com", UserSubject: "1",
		UserName: "ada@example.com", App: "wiki", Provider: "main", IP: "203.0.113.9", Interactive: true,
	}
	if change != nil {
		change(&r)
	}
	l.App.SignIns().Write(r)
	storetest.Until(l.t, "the sign-ins are stored", func() bool { return l.App.SignIns().Stats().Stored >= uint64(l.Written) })
}
