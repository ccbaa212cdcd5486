package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// unsettledFor is how long after a gap the store counts as unsettled.
	unsettledFor = 30 * time.Second
	// settleTime is how long replicas take at most to notice an interruption, each for itself, and to write again what is
	// the last that they remember.
	settleTime = 3 * time.Second
	// replayTimeout bounds one look at the writes that are remembered.
	replayTimeout = 30 * time.Second
)

// replay writes again what a failover of the store has forgotten: see recentWrites.
type replay struct {
	*writer
	due           chan struct{}
	gaps, lastGap atomic.Int64 // how many there were, and when the last was, in nanoseconds since 1970
}

// gap is what a feed tells: messages may have been missed, and the store may be another than a moment ago.
func (r *replay) gap() {
	r.entries.doubt()
	if r.gaps.Add(1) > 1 { // the first is the beginning
		r.lastGap.Store(r.now().UnixNano())
	}
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// Unsettled reports whether the store was interrupted a moment ago: it may have forgotten what a replica is about to
// write again.
func (r *replay) Unsettled() bool {
	last := r.lastGap.Load()
	return last != 0 && r.now().UnixNano()-last < int64(unsettledFor)
}

// AwaitSettled waits, if the store was interrupted a moment ago, until other replicas have had the time to write again what
// it may have forgotten; until ctx ends at most. What is read then is good to send a refresh token by that works once: one
// that another replica has used already would have the provider end everything that came of it (RFC 9700, section 4.14.2).
func (r *replay) AwaitSettled(ctx context.Context) {
	interrupted := max(r.lastGap.Load(), r.health.lastFailure())
	left := settleTime - time.Duration(r.now().UnixNano()-interrupted)
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

// run writes again what the store has forgotten, after every gap, until ctx ends.
func (r *replay) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.due:
		}
		bounded, cancel := context.WithTimeout(ctx, replayTimeout)
		for _, w := range r.writes.all(r.now()) {
			r.again(bounded, w)
		}
		r.rewriteMarks(bounded)
		cancel()
	}
}

// again writes one thing again if the store does not have it. What cannot be written now is left to the next gap.
func (r *replay) again(ctx context.Context, w recentWrite) {
	if w.renewed == nil {
		if _, err := r.vault.Store.Get(ctx, w.key); !errors.Is(err, ErrNotFound) {
			if _, err := r.vault.Store.Remove(ctx, w.key); err == nil {
				r.changed(ctx, w.key)
			}
		}
		return
	}
	fresh := w.renewed
	_, _ = r.rewrite(ctx, fresh.ID, func(s *Record) bool {
		if s.Identity != fresh.Identity || !s.LastAnswer().Before(fresh.LastAnswer()) {
			return false
		}
		s.renew(fresh)
		s.Renewable, s.sealedTokens = fresh.Renewable, fresh.sealedTokens
		return true
	})
}

// rewriteMarks writes the revoke-before marks again that this process knows and the store no longer has: the latest of each
// scope, which is all that counts. One lives from the time that it names, for longer than any session that began before.
func (r *replay) rewriteMarks(ctx context.Context) {
	by := r.revocations.list.view().by
	if len(by) == 0 {
		return
	}
	keys, err := r.vault.Store.Members(ctx, marksIndex, time.Time{}, 2*maxMarks)
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
		if stored[key] || !until.After(r.now()) {
			continue
		}
		again = r.revocations.writeMark(ctx, key, value, until) == nil || again
	}
	if again {
		r.announcer.tell(ctx, wordRevoked)
	}
}
