package session

import (
	"context"
	"errors"
	"strings"
	"time"
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

// follow listens to the store's feed until the manager is closed.
func (m *Manager) follow(ctx context.Context, feed Feed) {
	for {
		err := feed.Subscribe(ctx, m.heard, m.gap)
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return
		}
		wait := time.NewTimer(feedRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
	}
}

func (m *Manager) heard(message string) {
	sender, rest, _ := strings.Cut(message, " ")
	if sender == m.name {
		return
	}
	word, key, _ := strings.Cut(rest, " ")
	if d, ok := digestOf(Key(key)); ok && word == wordChanged {
		m.cache.drop(d)
		return
	}
	if word == wordKeys {
		m.onKeys()
		return
	}
	m.missed()
}

// TellKeys tells the other replicas that the key ring has other keys.
func (m *Manager) TellKeys(ctx context.Context) { m.tell(ctx, wordKeys) }

// missed makes everything that is known be asked for again before it is used.
func (m *Manager) missed() { m.cache.doubt() }

// tell sends a message. The write that it tells of is done: what cannot be told is found out within the bound.
func (m *Manager) tell(ctx context.Context, words ...string) {
	if m.feed == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedTimeout)
	defer cancel()
	if err := m.feed.Publish(ctx, m.name+" "+strings.Join(words, " ")); err != nil {
		m.onFeedError(err)
	}
}

// changed forgets a record here and tells the others.
func (m *Manager) changed(ctx context.Context, key Key) {
	if d, ok := digestOf(key); ok {
		m.cache.drop(d)
	}
	m.tell(ctx, wordChanged, string(key))
}
