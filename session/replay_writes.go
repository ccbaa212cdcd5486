package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// recentLife is how long a write is remembered: longer than from the last write that a failover may forget to its end.
	recentLife = 2 * time.Minute
	// unsettledFor is how long after a gap the store counts as unsettled.
	unsettledFor = 30 * time.Second
	// settleTime is how long replicas take at most to notice an interruption, each for itself, and to write again what is
	// the last that they remember.
	settleTime = 3 * time.Second
	// maxRecent bounds how many are.
	maxRecent = 8192
	// reassertTimeout bounds one look at them.
	reassertTimeout = 30 * time.Second
)

// recents are the writes of this process that a failover of the store may forget although it has acknowledged them: a
// session that was ended would live again, a refresh token that works once would be the old one again. After every gap
// of the feed, and a failover is one, they are looked for and written again.
//
// What has only begun is not among them: a record that is gone may have been ended by somebody else, and is never
// brought back. The zero value is ready.
type recents struct {
	mu   sync.Mutex
	list []recent
}

type recent struct {
	key     Key
	at      time.Time
	renewed *Record // as it was written; nil if the session was ended
}

func (r *recents) add(w recent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := 0
	for old < len(r.list) && (w.at.Sub(r.list[old].at) > recentLife || len(r.list)-old >= maxRecent) {
		old++
	}
	r.list = append(r.list[old:], w)
}

// all are the writes that are remembered, the last first: that is what a failover forgets.
func (r *recents) all(now time.Time) []recent {
	r.mu.Lock()
	defer r.mu.Unlock()
	var young []recent
	for _, w := range slices.Backward(r.list) {
		if now.Sub(w.at) <= recentLife {
			young = append(young, w)
		}
	}
	return young
}

// gap is what a feed tells: messages may have been missed, and the store may be another than a moment ago.
func (m *Manager) gap() {
	m.missed()
	if m.gaps.Add(1) > 1 { // the first is the beginning
		m.lastGap.Store(m.now().UnixNano())
	}
	select {
	case m.reasserts <- struct{}{}:
	default:
	}
}

// Unsettled reports whether the store was interrupted a moment ago: it may have forgotten what a replica is about to
// write again.
func (m *Manager) Unsettled() bool {
	last := m.lastGap.Load()
	return last != 0 && m.now().UnixNano()-last < int64(unsettledFor)
}

// AwaitSettled waits, if the store was interrupted a moment ago, until other replicas have had the time to write again what
// it may have forgotten; until ctx ends at most. What is read then is good to send a refresh token by that works once: one
// that another replica has used already would have the provider end everything that came of it (RFC 9700, section 4.14.2).
func (m *Manager) AwaitSettled(ctx context.Context) {
	interrupted := max(m.lastGap.Load(), m.health.lastFailure())
	left := settleTime - time.Duration(m.now().UnixNano()-interrupted)
	if interrupted == 0 || left <= 0 || left > settleTime {
		return
	}
	wait := time.NewTimer(left)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// reassert writes again what the store has forgotten, after every gap, until ctx ends.
func (m *Manager) reassert(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.reasserts:
		}
		bounded, cancel := context.WithTimeout(ctx, reassertTimeout)
		for _, w := range m.cache.recents.all(m.now()) {
			m.assert(bounded, w)
		}
		m.assertMarks(bounded)
		cancel()
	}
}

// assert writes one thing again if the store does not have it. What cannot be written now is left to the next gap.
func (m *Manager) assert(ctx context.Context, w recent) {
	if w.renewed == nil {
		if _, err := m.vault.Store.Get(ctx, w.key); !errors.Is(err, ErrNotFound) {
			if _, err := m.vault.Store.Remove(ctx, w.key); err == nil {
				m.changed(ctx, w.key)
			}
		}
		return
	}
	fresh := w.renewed
	_, _ = m.rewrite(ctx, fresh.ID, func(s *Record) bool {
		if s.Identity != fresh.Identity || !s.LastAnswer().Before(fresh.LastAnswer()) {
			return false
		}
		s.renew(fresh)
		s.Renewable, s.sealedTokens = fresh.Renewable, fresh.sealedTokens
		return true
	})
}

// assertMarks writes the revoke-before marks again that this process knows and the store no longer has: the latest of each
// scope, which is all that counts. One lives from the time that it names, for longer than any session that began before.
func (m *Manager) assertMarks(ctx context.Context) {
	by := m.cache.ledger.view().by
	if len(by) == 0 {
		return
	}
	keys, err := m.vault.Store.Members(ctx, marksIndex, time.Time{}, 2*maxMarks)
	if err != nil {
		return // left to the next gap, like all that cannot be written
	}
	stored := make(map[Key]bool, len(keys))
	for _, key := range keys {
		stored[key] = true
	}
	again := false
	for d, at := range by {
		key, value := mark(d, at)
		until := time.UnixMilli(at).Add(markLife)
		if stored[key] || !until.After(m.now()) {
			continue
		}
		again = m.writeMark(ctx, key, value, until) == nil || again
	}
	if again {
		m.tell(ctx, wordRevoked)
	}
}
