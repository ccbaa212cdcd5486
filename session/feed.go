package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/retry"
)

// Feed is an optional part of a store: it notifies all replicas at once that something was written. Its messages are
// only hints: a message makes a replica read from the store again. A lost message therefore costs only time (at most
// ManagerConfig.Recheck), and a forged one only work.
type Feed interface {
	// Publish sends a message to every subscriber, also in this process. The message is short and consists of
	// characters of keys and spaces.
	Publish(ctx context.Context, message string) error
	// Subscribe calls on with every message, in no particular order. It calls gap whenever messages may have been
	// missed: once when it starts to listen, and after every interruption before the next message. The two are never
	// called at the same time. It continues after failures until ctx ends. It returns early only if it can never
	// continue: ErrClosed.
	Subscribe(ctx context.Context, on func(message string), gap func()) error
}

// The messages. Each begins with the random name of its sender, which ignores its own. An unknown word of a newer
// version means "everything may have changed" (A78).
const (
	wordChanged = "changed" // and the key of a record
	wordRevoked = "revoked" // revoke-before marks were written
	wordKeys    = "keys"    // the key ring has other keys
	wordTokens  = "tokens"  // tokens of programs were revoked, or were ended with their user
)

// feedRetry is the pause before a subscription that ended is tried again.
const feedRetry = time.Second

// feedTimeout is the timeout for sending one message.
const feedTimeout = 2 * time.Second

// announcer notifies other replicas of writes.
type announcer struct {
	feed    Feed   // nil if the store has none
	name    string // the name of this manager, in each message
	onError func(error)
	tokens  *atomic.Uint64 // Cache.tokens
}

// tell sends a message. The write itself is already done: if the message cannot be sent, replicas notice the change
// within their bound.
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

// TellKeys notifies the other replicas that the key ring has other keys.
func (a *announcer) TellKeys(ctx context.Context) { a.tell(ctx, wordKeys) }

// TellTokens says, here and to the other replicas, that tokens of programs were revoked or have ended.
func (a *announcer) TellTokens(ctx context.Context) {
	a.tokens.Add(1)
	a.tell(ctx, wordTokens)
}

// heard is the content of another replica's message: a session has changed, the key ring has changed, or anything may
// have changed.
type heard struct {
	session digest
	what    string
}

// hear parses a message. ok is false for a message of this manager itself.
func (a *announcer) hear(message string) (h heard, ok bool) {
	sender, rest, _ := strings.Cut(message, " ")
	if sender == a.name {
		return h, false
	}
	word, key, _ := strings.Cut(rest, " ")
	if d, ok := digestOf(Key(key)); ok && word == wordChanged {
		return heard{session: d, what: wordChanged}, true
	}
	if word == wordKeys || word == wordTokens {
		return heard{what: word}, true
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

// LocalFeed is a Feed between the users of the same LocalFeed, for a store that only one process uses. A change of the
// configuration then briefly adds a second manager. The zero value is ready to use. It loses no messages.
type LocalFeed struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

type listener struct {
	mu sync.Mutex
	on func(string)
}

// Publish implements Feed. When it returns, all subscribers have received the message.
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
