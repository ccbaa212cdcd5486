package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// filled is a store with entries s:0, s:1 and so on.
func filled(tb testing.TB, url string, n int) *Store {
	tb.Helper()
	s, err := Open(Config{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	for i := range n {
		e := session.Entry{Key: numbered(i), Value: []byte(strings.Repeat("a sealed value ", 100)), Expires: time.Now().Add(time.Hour)}
		if err := s.Create(tb.Context(), e); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func numbered(i int) session.Key { return session.Key("s:" + strconv.Itoa(i)) }

// count reads a number of the server's statistics; 0 if it is missing.
func count(server *redistest.Server, section, name string) (n int) {
	_, value, _ := strings.Cut(server.Do("info", section).(string), name)
	_, _ = fmt.Sscan(strings.ReplaceAll(value, ",", " "), &n)
	return n
}

// Look-ups that come together are one trip: the server reads once for many of them.
func TestLookupsShareTrips(t *testing.T) {
	server := redistest.Start(t)
	const sessions, callers, each = 50, 32, 200
	s := filled(t, server.URL(0), sessions)
	for command, version := range map[string]func(session.Key) (uint64, error){
		"getrange": func(key session.Key) (uint64, error) {
			st, err := s.Stamp(context.Background(), key)
			return st.Version, err
		},
		"get": func(key session.Key) (uint64, error) {
			e, err := s.Get(context.Background(), key)
			return e.Version, err
		},
	} {
		reads, asked := count(server, "stats", "total_reads_processed:"), count(server, "commandstats", "cmdstat_"+command+":calls=")
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for i := range each {
					if v, err := version(numbered((c + i) % sessions)); err != nil || v != 1 {
						t.Errorf("%s: version %d, %v", command, v, err)
						return
					}
				}
			})
		}
		all.Wait()
		reads, asked = count(server, "stats", "total_reads_processed:")-reads, count(server, "commandstats", "cmdstat_"+command+":calls=")-asked
		t.Logf("%s: %d look-ups in %d reads", command, asked, reads)
		if asked != callers*each {
			t.Errorf("%s: %d questions for %d look-ups: each asks for itself", command, asked, callers*each)
		}
		if reads > callers*each/2 {
			t.Errorf("%s: %d look-ups in %d reads", command, asked, reads)
		}
	}
}

// A caller that goes away takes nothing with it, whether it came first or later; the others get their answers.
func TestLookupOfOneWhoLeaves(t *testing.T) {
	server := redistest.Start(t)
	s := filled(t, server.URL(0), 20)
	server.Pause()
	gone, leave := context.WithCancel(t.Context())
	ask := func(ctx context.Context, i int) chan error {
		result := make(chan error, 1)
		go func() { _, err := s.Stamp(ctx, numbered(i)); result <- err }()
		return result
	}
	var leaving, staying []chan error
	for i := range 20 {
		if i%3 == 0 {
			leaving = append(leaving, ask(gone, i))
		} else {
			staying = append(staying, ask(context.Background(), i))
		}
	}
	leave()
	for _, result := range leaving {
		if err := <-result; !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	}
	server.Resume()
	for _, result := range staying {
		if err := <-result; err != nil {
			t.Errorf("who stayed: %v", err)
		}
	}
}

// A connection that hangs holds up those whose answers it had, and no others.
func TestLookupsPassOneThatHangs(t *testing.T) {
	server := redistest.Start(t)
	filled(t, server.URL(0), 2)
	line := redistest.NewLine(t, redistest.Stalls, server.Addr)
	s := filled(t, "redis://"+line.Addr, 0)
	if _, err := s.Stamp(context.Background(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	line.LoseNext.Store(true)
	began, stuck := time.Now(), make(chan error, 1)
	go func() { _, err := s.Stamp(context.Background(), numbered(0)); stuck <- err }()
	storetest.Until(t, "an answer that does not come", func() bool { return !line.LoseNext.Load() })
	if _, err := s.Stamp(context.Background(), numbered(1)); err != nil {
		t.Errorf("beside it: %v", err)
	}
	if took := time.Since(began); took > ioTimeout/2 {
		t.Errorf("beside it: %v", took)
	}
	if err := <-stuck; err != nil {
		t.Errorf("sent again on another connection: %v", err)
	}
}

// A server that hangs does not gather callers without end, nor for longer than a call may take.
func TestLookupsAreBounded(t *testing.T) {
	server := redistest.Start(t)
	s := filled(t, server.URL(0), 1)
	server.Pause()
	defer server.Resume()
	const callers = 200
	began, slowest := time.Now(), make(chan time.Duration, callers)
	for range callers {
		go func() {
			if _, err := s.Stamp(context.Background(), numbered(0)); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("of a server that hangs: %v", err)
			}
			slowest <- time.Since(began)
		}()
	}
	for range callers {
		if took := <-slowest; took > callTimeout+ioTimeout {
			t.Errorf("%v", took)
		}
	}
	lane := s.lanes.only
	lane.mu.Lock()
	lane.trips, lane.waiting = maxTrips, make([]*lookup, maxLookups)
	lane.mu.Unlock()
	if _, err := s.Stamp(context.Background(), numbered(0)); !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, errLookups) {
		t.Errorf("one too many: %v", err)
	}
}

// What the server says of one key is not said of another that came along.
func TestLookupsAnswersAreApart(t *testing.T) {
	server := redistest.Start(t)
	s := filled(t, server.URL(0), 3)
	server.Do("sadd", string(DefaultKeyPrefix+numbered(0)+"set"), "no entry of ours")
	server.Do("set", string(DefaultKeyPrefix+numbered(0)+"short"), "short")
	keys := map[session.Key]error{
		numbered(0): nil, numbered(1): nil, numbered(2): nil, numbered(3): session.ErrNotFound,
		numbered(0) + "set": session.ErrUnavailable, numbered(0) + "short": session.ErrUnavailable,
	}
	var all sync.WaitGroup
	for key, want := range keys {
		for range 8 {
			all.Go(func() {
				for range 100 {
					st, err := s.Stamp(context.Background(), key)
					if !errors.Is(err, want) || errors.Is(err, session.ErrNotFound) != (want == session.ErrNotFound) || err == nil && st.Version != 1 { //nolint:errorlint // one of the table
						t.Errorf("%s: %+v, %v, want %v", key, st, err, want)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

// A trip that the client could not send has found nothing out: no session ends of it.
func TestUnsentLookups(t *testing.T) {
	server := redistest.Start(t)
	s := filled(t, server.URL(0), 3)
	c := new(cut)
	s.client.AddHook(c)
	lane := s.lanes.only
	for _, c.on = range []bool{true, false} {
		lane.mu.Lock()
		lane.trips = maxTrips // as if they were under way
		lane.mu.Unlock()
		errs := make(chan error, 3)
		for i := range cap(errs) {
			go func() { _, err := s.Stamp(context.Background(), numbered(i)); errs <- err }()
		}
		storetest.Until(t, "those that wait for the next", func() bool {
			lane.mu.Lock()
			defer lane.mu.Unlock()
			return len(lane.waiting) == cap(errs)
		})
		lane.end(nil)
		lane.mu.Lock()
		lane.trips -= maxTrips - 1
		lane.mu.Unlock()
		for range cap(errs) {
			if err := <-errs; c.on && (!errors.Is(err, session.ErrUnavailable) || !errors.Is(err, errCut)) || !c.on && err != nil {
				t.Errorf("no connection: %v, %v", c.on, err)
			}
		}
	}
}
