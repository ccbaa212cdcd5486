package signin

import (
	"sync"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// records is a sink that tests can read.
type records struct {
	mu   sync.Mutex
	all  []signinlog.Record
	next signinlog.Sink // gets everything as well
}

// Prepare implements signinlog.Preparer by the next sink.
func (r *records) Prepare(rec *signinlog.Record) *session.Appended {
	if next, ok := r.next.(signinlog.Preparer); ok {
		return next.Prepare(rec)
	}
	return nil
}

func (r *records) Write(rec signinlog.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, rec)
	if r.next != nil {
		r.next.Write(rec)
	}
}

func (r *records) count(code signinlog.Code) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.all {
		if rec.Code == code {
			n++
		}
	}
	return n
}

func (r *records) last(t *testing.T) signinlog.Record {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		t.Fatal("nothing was logged")
	}
	return r.all[len(r.all)-1]
}
