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
	// settleTime is how long each replica takes at most to notice an interruption and to repeat its remembered writes.
	settleTime = 3 * time.Second
	// replayTimeout is the timeout for one pass over the remembered writes.
	replayTimeout = 30 * time.Second
)

// replay repeats writes that a failover of the store has lost: see recentWrites.
type replay struct {
	*writer
	due           chan struct{}
	gaps, lastGap atomic.Int64 // how many gaps there were, and the time of the last, in nanoseconds since 1970
}

// gap handles a gap in the feed: messages may have been missed, and another server may now be the store.
func (r *replay) gap() {
	r.entries.doubt()
	if r.gaps.Add(1) > 1 { // the first one is the start of the subscription
		r.lastGap.Store(r.now().UnixNano())
	}
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// Unsettled reports whether the store was interrupted recently: it may have lost writes that a replica is about to
// repeat.
func (r *replay) Unsettled() bool {
	last := r.lastGap.Load()
	return last != 0 && r.now().UnixNano()-last < int64(unsettledFor)
}

// AwaitSettled waits after a recent interruption of the store until other replicas have had time to repeat writes that
// it may have lost, or until ctx ends. After that a caller may send a single-use refresh token that it reads. If
// another replica had already used that token, the provider would revoke everything issued for it (RFC 9700, section
// 4.14.2).
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

// run repeats lost writes after every gap, until ctx ends.
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

// again repeats one write if the store has lost it. If that fails, the next gap tries again.
func (r *replay) again(ctx context.Context, w recentWrite) {
	if w.note {
		if (&revokedSubjects{store: r.vault.Store, now: r.now}).noteTime(ctx, w.key, w.at, w.at.Add(markLife)) == nil {
			r.announcer.TellTokens(ctx)
		}
		return
	}
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
		if s.Identity != fresh.Identity {
			return false
		}
		again := s.rebind(fresh)
		if s.LastAnswer().Before(fresh.LastAnswer()) {
			s.renew(fresh)
			s.Renewable, s.sealedTokens = fresh.Renewable, fresh.sealedTokens
			again = true
		}
		return again
	})
}

// rewriteMarks writes the revoke-before marks that this process knows and the store has lost: only the latest of each
// scope, because only that counts. A mark lives, from the time that it names, longer than any session that began
// earlier.
func (r *replay) rewriteMarks(ctx context.Context) {
	by := r.revocations.list.view().by
	if len(by) == 0 {
		return
	}
	keys, err := r.vault.Store.Members(ctx, marksIndex, time.Time{}, 2*maxMarks)
	if err != nil {
		return // the next gap tries again
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
