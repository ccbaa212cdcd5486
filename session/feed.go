package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/retry"
)

// Feed is what a store may have beside Store: a way to tell all replicas at once that something was written. It carries
// hints, never truth: a message makes a replica ask the store again and nothing else, so that a message that is lost
// costs time (ManagerConfig.Recheck bounds it) and a forged one costs work.
type Feed interface {
	// Publish sends a message to every subscriber there is, its own process included. The message is short, of the
	// alphabet of keys and blanks.
	Publish(ctx context.Context, message string) error
	// Subscribe calls on with every message, in no order to rely on, and gap whenever messages may have been missed: once
	// when it begins to listen, and after every interruption before the next message. Neither is called while the other
	// runs. It goes on over failures until ctx ends, and returns early only if it never can go on: ErrClosed.
	Subscribe(ctx context.Context, on func(message string), gap func()) error
}

// The messages. Each begins with the random name of its sender, who passes over its own. What a newer version may say
// beside them is understood as "everything may have changed" (A78).
const (
	wordChanged = "changed" // and the key of a record
	wordRevoked = "revoked" // revoke-before marks were written
	wordKeys    = "keys"    // the key ring has other keys
)

// feedRetry is how long a subscription that ended waits before it is tried again.
const feedRetry = time.Second

// feedTimeout bounds the sending of one message.
const feedTimeout = 2 * time.Second

// announcer tells other replicas of what was written.
type announcer struct {
	feed    Feed   // nil if the store has none
	name    string // of this manager, in each message
	onError func(error)
}

// tell sends a message. The write that it tells of is done: what cannot be told is found out within the bound.
func (a *announcer) tell(ctx context.Context, words ...string) {
	if a.feed == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedTimeout)
	defer cancel()
	if err := a.feed.Publish(ctx, a.name+" "+strings.Join(words, " ")); err != nil {
		a.onError(err)
	}
}

// TellKeys tells the other replicas that the key ring has other keys.
func (a *announcer) TellKeys(ctx context.Context) { a.tell(ctx, wordKeys) }

// heard is what a message of another replica says: that a session has changed, that the key ring has, or that anything may
// have.
type heard struct {
	session digest
	what    string
}

// hear reads a message. ok is false for one of this manager's own.
func (a *announcer) hear(message string) (h heard, ok bool) {
	sender, rest, _ := strings.Cut(message, " ")
	if sender == a.name {
		return h, false
	}
	word, key, _ := strings.Cut(rest, " ")
	if d, ok := digestOf(Key(key)); ok && word == wordChanged {
		return heard{session: d, what: wordChanged}, true
	}
	if word == wordKeys {
		return heard{what: wordKeys}, true
	}
	return h, true
}

// follow listens to a feed until ctx ends.
func follow(ctx context.Context, feed Feed, on func(message string), gap func()) {
	for {
		err := feed.Subscribe(ctx, on, gap)
		if errors.Is(err, ErrClosed) || !retry.Sleep(ctx, feedRetry) {
			return
		}
	}
}

// LocalFeed is a Feed among those who hold the same LocalFeed: for a store that one process has for itself, in which a
// change of the configuration puts a second manager beside the first. The zero value is ready. It loses nothing.
type LocalFeed struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

type listener struct {
	mu sync.Mutex
	on func(string)
}

// Publish implements Feed. The message has been heard by all when it returns.
func (f *LocalFeed) Publish(_ context.Context, message string) error {
	f.mu.Lock()
	all := make([]*listener, 0, len(f.listeners))
	for l := range f.listeners {
		all = append(all, l)
	}
	f.mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		l.on(message)
		l.mu.Unlock()
	}
	return nil
}

// Subscribe implements Feed. It ends with ctx.
func (f *LocalFeed) Subscribe(ctx context.Context, on func(string), gap func()) error {
	l := &listener{on: on}
	l.mu.Lock() // no message before the gap
	f.mu.Lock()
	if f.listeners == nil {
		f.listeners = map[*listener]struct{}{}
	}
	f.listeners[l] = struct{}{}
	f.mu.Unlock()
	gap()
	l.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	delete(f.listeners, l)
	f.mu.Unlock()
	return ctx.Err()
}

var _ Feed = (*LocalFeed)(nil)
