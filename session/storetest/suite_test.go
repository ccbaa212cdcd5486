package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		clock := storetest.NewClock()
		return storetest.Subject{Store: storetest.NewMemory(clock.Now), Now: clock.Now, Advance: clock.Advance}
	})
}

func TestMemoryFails(t *testing.T) {
	m := storetest.NewMemory(nil)
	if err := m.Create(t.Context(), session.Entry{Key: "s:a", Expires: time.Now().Add(time.Hour)}); err != nil || m.Len() != 1 {
		t.Fatal(err, m.Len())
	}
	reason := errors.New("no route")
	m.Fail(reason)
	_, err := m.Get(t.Context(), "s:a")
	if !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, reason) || errors.Is(err, session.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	m.Fail(nil)
	if _, err := m.Get(t.Context(), "s:a"); err != nil {
		t.Fatal(err)
	}
}

// faulty is a store with one mistake, each a mistake that a real store has made or could make.
type faulty struct {
	session.Store
	mistake string
	now     func() time.Time
}

func (f faulty) is(mistake string) bool { return f.mistake == mistake }

func (f faulty) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	switch {
	case f.is("create overwrites"):
		_, _ = f.Store.Remove(ctx, e.Key)
	case f.is("create in two steps"):
		if _, err := f.Store.Get(ctx, e.Key); err == nil {
			return session.ErrConflict
		}
		letOthersIn()
		if err := f.Store.Create(ctx, e); !errors.Is(err, session.ErrConflict) {
			return err
		}
		e.Version = 1
		_, err := f.Store.Replace(ctx, e)
		return err
	case f.is("no end is forever") && e.Expires.IsZero():
		e.Expires = f.now().Add(1000 * time.Hour)
	case f.is("too large is cut") && len(e.Value) > session.MaxValue:
		e.Value = e.Value[:session.MaxValue]
	case f.is("large is lost") && len(e.Value) > session.MaxValue-5:
		return nil
	case f.is("text only"):
		e.Value = bytes.ToValidUTF8(e.Value, []byte("?"))
	case f.is("32-bit times") && e.Expires.Unix() > 1<<32:
		e.Expires = time.Unix(e.Expires.Unix()%(1<<32), 0)
	case f.is("cleans keys"):
		e.Key = session.Key(bytes.TrimRight([]byte(e.Key), " ._"))
	case f.is("forgets a listing") && len(in) > 0:
		in = in[:len(in)-1]
	case f.is("bad listings are dropped") && session.CheckListings(in, f.now()) != nil:
		in = nil
	}
	return f.Store.Create(ctx, e, in...)
}

func (f faulty) GetAll(ctx context.Context, keys ...session.Key) ([]session.Entry, error) {
	found, err := f.Store.GetAll(ctx, keys...)
	switch {
	case f.is("one absent, all absent") && err == nil && len(found) < len(keys):
		return nil, nil
	case f.is("outage is no entry") && err != nil:
		return nil, nil
	case f.is("any order"):
		slices.Reverse(found)
	}
	return found, err
}

func (f faulty) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	e, err := f.Store.Get(ctx, key)
	switch {
	case f.is("outage is absence") && errors.Is(err, session.ErrUnavailable):
		err = session.ErrNotFound
	case f.is("closed is absence") && errors.Is(err, session.ErrClosed):
		err = session.ErrNotFound
	case f.is("bad key is absence") && session.CheckKey(key) != nil:
		err = session.ErrNotFound
	case f.is("ends late") && errors.Is(err, session.ErrNotFound):
		return session.Entry{Key: key, Version: 1}, nil
	}
	return e, err
}

func (f faulty) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	version, err := f.Store.Replace(ctx, e)
	switch {
	case f.is("replace revives") && errors.Is(err, session.ErrNotFound):
		return 1, f.Store.Create(ctx, e)
	case f.is("last writer wins") && errors.Is(err, session.ErrConflict):
		old, _ := f.Store.Get(ctx, e.Key)
		e.Version = old.Version
		return f.Store.Replace(ctx, e)
	case f.is("returns the old version"):
		version = e.Version
	}
	return version, err
}

func (f faulty) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	switch {
	case f.is("remove in two steps"):
		e, err := f.Get(ctx, key)
		letOthersIn()
		_, _ = f.Store.Remove(ctx, key)
		return e, err
	case f.is("leaves listings"):
		from = nil
	case f.is("leaves listings of the gone"):
		if _, err := f.Store.Get(ctx, key); errors.Is(err, session.ErrNotFound) {
			return session.Entry{}, err
		}
	}
	return f.Store.Remove(ctx, key, from...)
}

func (f faulty) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	switch {
	case f.is("takes or not"):
		_, _ = f.Store.Remove(ctx, st.Take, st.From...)
		st.Take = ""
	case f.is("takes in two steps") && st.Take != "":
		if _, err := f.Store.Get(ctx, st.Take); err != nil {
			return session.Outcome{}, err
		}
		letOthersIn()
		_, _ = f.Store.Remove(ctx, st.Take, st.From...)
		st.Take = ""
	case f.is("stays listed"):
		st.From = nil
	case f.is("reads first"):
		before, err := f.Store.Apply(ctx, session.Step{Read: st.Read, List: st.List, Tag: st.Tag})
		if err != nil {
			return before, err
		}
		_, err = f.Store.Apply(ctx, st)
		return before, err
	case f.is("lists all"):
		st.Tag = ""
	case f.is("kept is the end of a member"):
		st.In = slices.Clone(st.In)
		for i, l := range st.In {
			if !l.Kept.IsZero() {
				st.In[i].Until = l.Kept
			}
		}
	}
	return f.Store.Apply(ctx, st)
}

func (f faulty) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	if f.is("keeps the first listing") {
		if all, _ := f.Store.Members(ctx, index, time.Time{}, 1000); bytes.Contains([]byte(join(all)), []byte(member)) {
			return nil
		}
	}
	return f.Store.Enlist(ctx, index, member, until)
}

func (f faulty) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	switch {
	case f.is("before is included") && !before.IsZero():
		before = before.Add(time.Millisecond)
	case f.is("no limit"):
		limit = 1000
	}
	keys, err := f.Store.Members(ctx, index, before, limit)
	if f.is("empty index is absent") && err == nil && len(keys) == 0 {
		err = session.ErrNotFound
	}
	return keys, err
}

func (f faulty) Close() error {
	if f.is("never closes") {
		return nil
	}
	return f.Store.Close()
}

// letOthersIn is the round trip between two steps that should have been one.
func letOthersIn() {
	for range 20 {
		runtime.Gosched()
	}
}

func join(keys []session.Key) (s string) {
	for _, k := range keys {
		s += string(k) + " "
	}
	return s
}

var mistakes = []string{
	"create overwrites", "create in two steps", "no end is forever", "too large is cut", "large is lost", "text only",
	"32-bit times", "cleans keys", "outage is absence", "closed is absence", "bad key is absence", "ends late", "replace revives",
	"last writer wins", "returns the old version", "remove in two steps", "keeps the first listing", "before is included",
	"no limit", "empty index is absent", "never closes", "forgets a listing", "bad listings are dropped", "leaves listings",
	"takes or not", "takes in two steps", "stays listed", "reads first", "lists all", "kept is the end of a member",
	"leaves listings of the gone", "one absent, all absent", "outage is no entry", "any order",
}

const mistakeEnv = "LATCHKEY_STORETEST_MISTAKE"

// TestFaulty fails by design when TestSuiteSees asks for a mistake; by itself it runs the suite without one.
func TestFaulty(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		clock := storetest.NewClock()
		store := faulty{storetest.NewMemory(clock.Now), os.Getenv(mistakeEnv), clock.Now}
		return storetest.Subject{Store: store, Now: clock.Now, Advance: clock.Advance}
	})
}

// TestSuiteSees holds the suite itself: every mistake fails it.
func TestSuiteSees(t *testing.T) {
	for _, mistake := range mistakes {
		t.Run(mistake, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$", "-test.timeout=60s", "-rapid.nofailfile")
			cmd.Env = append(os.Environ(), mistakeEnv+"="+mistake)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("the suite passes a store with the mistake %q: %v", mistake, err)
			}
			if !bytes.Contains(out, []byte("--- FAIL: TestFaulty/")) || bytes.Contains(out, []byte("panic:")) {
				t.Fatalf("the suite fails otherwise than by a test:\n%s", out)
			}
		})
	}
}
