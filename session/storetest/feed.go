package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// FeedSubject is a feed under test.
type FeedSubject struct {
	Feed session.Feed
	// Twin is the feed of a second replica of the same store; nil where a store has only one.
	Twin session.Feed
	// Other is the feed of a store that shares the server with Feed but no data; nil if that does not exist.
	Other session.Feed
	// Cut breaks every connection once; nil where there are none.
	Cut func(t *testing.T)
}

// feedPatience is how long a message may take in a test. It normally takes almost no time, but the machine may be busy.
const feedPatience = 10 * time.Second

// RunFeed tests a feed against the contract. open is called for every test.
func RunFeed(t *testing.T, open func(t *testing.T) FeedSubject) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s FeedSubject)
	}{
		{"GapFirst", testFeedGapFirst},
		{"EverybodyHears", testFeedEverybody},
		{"Many", testFeedMany},
		{"NotOthers", testFeedNotOthers},
		{"Ends", testFeedEnds},
		{"GapAfterCut", testFeedCut},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			if s.Twin == nil {
				s.Twin = s.Feed
			}
			test.run(t, s)
		})
	}
}

// ear is a subscriber with what it has received: messages, and "gap" for a gap.
type ear struct {
	mu    sync.Mutex
	heard []string

	cancel context.CancelFunc
	done   chan error
}

func listen(t *testing.T, feed session.Feed) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e := &ear{cancel: cancel, done: make(chan error, 1)}
	go func() { e.done <- feed.Subscribe(ctx, e.note, func() { e.note("gap") }) }()
	t.Cleanup(func() { e.end(t) })
	e.wait(t, "the first gap", func(heard []string) bool { return len(heard) > 0 })
	return e
}

func (e *ear) note(message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, message)
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func (e *ear) wait(t *testing.T, what string, ok func(heard []string) bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(feedPatience); time.Now().Before(end); <-tick.C {
		if ok(e.all()) {
			return
		}
	}
	t.Fatalf("%s: not within %v; heard %q", what, feedPatience, e.all())
}

func (e *ear) has(t *testing.T, message string) {
	t.Helper()
	e.wait(t, message, func(heard []string) bool { return slices.Contains(heard, message) })
}

func (e *ear) end(t *testing.T) {
	t.Helper()
	e.cancel()
	select {
	case err := <-e.done:
		if err == nil {
			t.Error("a subscription that was ended returned no error")
		}
		e.done <- err
	case <-time.After(feedPatience):
		t.Error("a subscription outlives its context")
	}
}

func publish(t *testing.T, feed session.Feed, message string) {
	t.Helper()
	if err := feed.Publish(ctx, message); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func testFeedGapFirst(t *testing.T, s FeedSubject) {
	publish(t, s.Feed, "nobody listens")
	e := listen(t, s.Feed)
	publish(t, s.Feed, "first")
	e.has(t, "first")
	heard := e.all()
	// The nodes of a cluster may still forward what was published before.
	after := slices.DeleteFunc(slices.Clone(heard[1:]), func(message string) bool { return message == "nobody listens" })
	if heard[0] != "gap" || !slices.Equal(after, []string{"first"}) {
		t.Errorf("heard %q, want a gap and the message", heard)
	}
}

func testFeedEverybody(t *testing.T, s FeedSubject) {
	ears := []*ear{listen(t, s.Feed), listen(t, s.Twin), listen(t, s.Twin)}
	publish(t, s.Feed, "from here")
	publish(t, s.Twin, "from there")
	for _, e := range ears {
		e.has(t, "from here")
		e.has(t, "from there")
	}
}

func testFeedMany(t *testing.T, s FeedSubject) {
	const n = 200
	e := listen(t, s.Twin)
	want := []string{"gap"}
	for i := range n {
		want = append(want, fmt.Sprintf("sender changed s:%022d", i))
		publish(t, s.Feed, want[i+1])
	}
	e.wait(t, "all messages", func(heard []string) bool { return len(heard) >= len(want) })
	heard := e.all()
	slices.Sort(heard[1:])
	if !slices.Equal(heard, want) {
		t.Errorf("heard %d messages: %q", len(heard), heard)
	}
}

func testFeedNotOthers(t *testing.T, s FeedSubject) {
	if s.Other == nil {
		return // has no other feed beside it
	}
	e, other := listen(t, s.Feed), listen(t, s.Other)
	publish(t, s.Feed, "ours")
	publish(t, s.Other, "theirs")
	e.has(t, "ours")
	other.has(t, "theirs")
	if heard := e.all(); slices.Contains(heard, "theirs") {
		t.Errorf("heard another store's: %q", heard)
	}
}

func testFeedEnds(t *testing.T, s FeedSubject) {
	e := listen(t, s.Feed)
	e.end(t)
	n := len(e.all())
	publish(t, s.Feed, "too late")
	if heard := e.all(); len(heard) != n {
		t.Errorf("heard %q after the end", heard[n:])
	}
}

// After an interruption there is a gap before the next message, so that no subscriber relies on older knowledge.
func testFeedCut(t *testing.T, s FeedSubject) {
	if s.Cut == nil {
		return // has no connection
	}
	e := listen(t, s.Twin)
	s.Cut(t)
	e.wait(t, "a second gap", func(heard []string) bool { return len(heard) == 2 && heard[1] == "gap" })
	publish(t, s.Feed, "after")
	e.has(t, "after")
}
