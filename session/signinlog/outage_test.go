package signinlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
)

// outage is a log in a bubble of its own time, over a journal that can fail.
type outage struct {
	*signinlog.Log
	mem  *journaltest.Memory
	logs *observer.ObservedLogs
	n    int
}

func inOutage(t *testing.T, test func(t *testing.T, o *outage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		o := &outage{mem: journaltest.NewMemory(time.Now), logs: logs}
		o.Log = signinlog.Open(signinlog.Config{Journal: o.mem, Keys: ring(t, "a"), Logger: zap.New(core)})
		defer o.Close()
		synctest.Wait()
		test(t, o)
	})
}

// write writes n records; it takes no time.
func (o *outage) write(t *testing.T, n int) {
	t.Helper()
	began := time.Now()
	for range n {
		o.n++
		o.Write(signinlog.Record{ID: fmt.Sprintf("v%d", o.n), Created: time.Now(), IP: fmt.Sprintf("v%d", o.n)})
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("writing took %v", took)
	}
}

func (o *outage) read(t *testing.T) (ids []string) {
	t.Helper()
	q := signinlog.Query{Limit: signinlog.MaxLimit}
	for {
		p, err := o.Read(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			ids = append(ids, e.ID)
		}
		if q.Cursor = p.Cursor; q.Cursor == "" {
			return ids
		}
	}
}

func pass(d time.Duration) {
	<-time.After(d) // the bubble's time
	synctest.Wait()
}

func (o *outage) said(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, e := range o.logs.TakeAll() {
		if lost, ok := e.ContextMap()["lost"]; ok {
			e.Message += fmt.Sprintf(", lost %v", lost)
		}
		got = append(got, e.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
}

const (
	saidBegin = "sign-ins cannot be stored; sign-ins go on, and are logged here"
	saidEnd   = "sign-ins are stored again"
)

var errOut = fmt.Errorf("%w: out", session.ErrUnavailable)

// What comes while the store is away waits for it, in its order; nobody else waits, and one line at each end says so.
func TestOutage(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.write(t, 10)
		pass(time.Second)
		for range 3 {
			o.mem.Fail(errOut)
			o.write(t, 300)
			pass(time.Hour)
			if s := o.Stats(); !s.Failing || s.Lost != 0 {
				t.Errorf("while away: %+v", s)
			}
			o.said(t, saidBegin)
			o.mem.Fail(nil)
			pass(10 * time.Second)
			if s := o.Stats(); s.Failing || s.Lost != 0 || s.Waiting != 0 {
				t.Errorf("afterwards: %+v", s)
			}
			o.said(t, saidEnd+", lost 0")
		}
		if got := o.read(t); !slices.Equal(got, newest(o.n, 0)) {
			t.Errorf("%d entries of %d: %.300v", len(got), o.n, got)
		}
	})
}

// More than can wait is counted, to the record.
func TestOverflow(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.mem.Fail(errOut)
		o.write(t, 1)
		pass(time.Second) // one is being written, the rest waits
		o.write(t, 5000)
		pass(time.Minute)
		lost := o.Stats().Lost
		if lost == 0 || lost > 5000-2000 {
			t.Fatalf("lost %d", lost)
		}
		o.mem.Fail(nil)
		pass(time.Minute)
		if s := o.Stats(); s.Lost != lost || s.Stored != uint64(o.n)-lost || s.Failing {
			t.Errorf("%+v of %d, %d were lost", s, o.n, lost)
		}
		o.said(t, saidBegin, fmt.Sprintf("%s, lost %d", saidEnd, lost))
		if got := o.read(t); len(got) != o.n-int(lost) {
			t.Errorf("%d entries", len(got))
		}
		o.write(t, 1)
		pass(time.Second)
		o.said(t)
	})
}

// A write whose answer was lost is made once.
func TestNotTwice(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.mem.FailAfter(errOut)
		o.write(t, 200)
		pass(time.Minute)
		o.mem.Fail(nil)
		pass(time.Minute)
		if got := o.read(t); !slices.Equal(got, newest(200, 0)) {
			t.Errorf("%d entries: %.300v", len(got), got)
		}
	})
}

// appends counts the values of each write.
type appends struct {
	journal.Journal
	sizes []int
}

func (a *appends) Append(ctx context.Context, stream string, b journal.Batch) error {
	a.sizes = append(a.sizes, len(b.Values))
	return a.Journal.Append(ctx, stream, b)
}

// Records that come within a moment go along with the first, which does not wait for longer than that; Close waits for
// nothing.
func TestGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &appends{Journal: journaltest.NewMemory(time.Now)}
		o := &outage{Log: signinlog.Open(signinlog.Config{Journal: a, Keys: ring(t, "a")})}
		for range 9 {
			o.write(t, 1)
			pass(5 * time.Millisecond)
		}
		pass(time.Second)
		if len(a.sizes) > 3 || o.Stats().Stored != 9 {
			t.Errorf("written as %v: %+v", a.sizes, o.Stats())
		}
		a.sizes = nil
		o.write(t, 300)
		began := time.Now()
		o.Close()
		if took := time.Since(began); took != 0 || o.Stats().Stored != 309 || len(a.sizes) > 4 {
			t.Errorf("closing took %v, written as %v: %+v", took, a.sizes, o.Stats())
		}
	})
}

// What no store would ever take, or one that is closed, is not tried again and again.
func TestNotRetried(t *testing.T) {
	for _, err := range []error{session.ErrClosed, errors.New("a mistake")} {
		inOutage(t, func(t *testing.T, o *outage) {
			o.mem.Fail(err)
			o.write(t, 3)
			pass(50 * time.Millisecond) // before the first retry would be made
			if s := o.Stats(); s.Lost != 3 || s.Waiting != 0 {
				t.Errorf("%v: %+v", err, s)
			}
		})
	}
}

// A batch is not tried forever: it would end up in a day that readers no longer follow.
func TestGivesUp(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.mem.Fail(errOut)
		o.write(t, 1)
		pass(7 * time.Hour)
		if s := o.Stats(); s.Lost != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Close writes what waits. If it cannot, it ends in time and counts; so does a Write that comes later.
func TestClose(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.write(t, 500)
		o.Close()
		if s := o.Stats(); s.Stored != 500 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
		o.write(t, 2)
		o.Close()
		if s := o.Stats(); s.Stored != 500 || s.Lost != 2 {
			t.Errorf("after the end: %+v", s)
		}
	})
	inOutage(t, func(t *testing.T, o *outage) {
		o.mem.Fail(errOut)
		o.write(t, 500)
		pass(time.Minute)
		began := time.Now()
		o.Close()
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("closing took %v", took)
		}
		if s := o.Stats(); s.Stored != 0 || s.Lost != 500 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// The store comes back while Close waits.
func TestCloseWaitsForTheStore(t *testing.T) {
	inOutage(t, func(t *testing.T, o *outage) {
		o.mem.Fail(errOut)
		o.write(t, 300)
		pass(time.Minute)
		time.AfterFunc(2*time.Second, func() { o.mem.Fail(nil) })
		o.Close()
		if s := o.Stats(); s.Stored != 300 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// hanging is a journal that never answers.
type hanging struct{ journal.Journal }

func (hanging) Append(ctx context.Context, _ string, _ journal.Batch) error {
	<-ctx.Done()
	return errors.Join(session.ErrUnavailable, ctx.Err())
}

func (hanging) Len(ctx context.Context, _ string) (int, error) {
	<-ctx.Done()
	return 0, errors.Join(session.ErrUnavailable, ctx.Err())
}

// A store that hangs blocks no sign-in, and not the end of the gateway either.
func TestHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outage{Log: signinlog.Open(signinlog.Config{Journal: hanging{}, Keys: ring(t, "a")})}
		o.write(t, 5000)
		pass(time.Hour)
		o.write(t, 1)
		began := time.Now()
		o.Close()
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("closing took %v", took)
		}
		if s := o.Stats(); s.Lost != uint64(o.n) {
			t.Errorf("%+v of %d", s, o.n)
		}
	})
}

// The keeper works every minute while records are stored, and only then.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := journaltest.NewMemory(time.Now)
		counted := &counting{Journal: mem}
		o := &outage{Log: signinlog.Open(signinlog.Config{Journal: counted, Keys: ring(t, "a"), MaxEntries: 20}), mem: mem}
		defer o.Close()
		pass(time.Second)
		o.write(t, 30)
		pass(2 * time.Minute)
		if got := o.read(t); !slices.Equal(got, newest(30, 20)) {
			t.Errorf("%v", got)
		}
		before := counted.lens
		pass(time.Hour)
		if n := counted.lens - before; n > 0 {
			t.Errorf("looked %d times at a log that nobody writes to", n)
		}
	})
}

type counting struct {
	journal.Journal
	lens int
}

func (c *counting) Len(ctx context.Context, stream string) (int, error) {
	c.lens++
	return c.Journal.Len(ctx, stream)
}
