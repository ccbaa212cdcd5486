package attend

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

const (
	// shareEvery is how often a replica tells the others what it has received, and reads what they have.
	shareEvery = 30 * time.Second
	// aliveEvery is how often it is written that events arrive.
	aliveEvery = time.Minute
	// noteLife is how long the note of a stream is kept after the last change.
	noteLife = 30 * 24 * time.Hour
	// writeTries is how often a write is tried that other replicas come before.
	writeTries = 5
)

// note is what the replicas share about a stream, in the store. Times are in milliseconds since 1970; zero is never.
type note struct {
	// Alive is when an event, or the verification that was asked for, last arrived.
	Alive int64 `json:"alive,omitempty"`
	// Began is since when silence would have been noticed, Tended when it was last looked at.
	Began  int64 `json:"began,omitempty"`
	Tended int64 `json:"tended,omitempty"`
	// Asked is when the last verification was asked for, State what must come back; empty once it has.
	Asked int64  `json:"asked,omitempty"`
	State string `json:"state,omitempty"`
	// Silent is since when nothing has arrived, if that was noticed.
	Silent int64 `json:"silent,omitempty"`
	// Status, Reason and StatedAt are what the transmitter last stated.
	Status   string `json:"status,omitempty"`
	Reason   string `json:"reason,omitempty"`
	StatedAt int64  `json:"statedAt,omitempty"`
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (n *note) stated() signals.Stated {
	return signals.Stated{Status: n.Status, Reason: n.Reason, At: moment(n.StatedAt)}
}

// stopped reports whether the transmitter has stated that it sends nothing.
func (n *note) stopped() bool {
	s := n.stated()
	return s.Stopped()
}

// state notes a status. changed is false if it was known.
func (n *note) state(s signals.Stated) (changed bool) {
	changed = n.Status != s.Status || n.Reason != s.Reason
	n.Status, n.Reason, n.StatedAt = s.Status, s.Reason, s.At.UnixMilli()
	return changed
}

// change changes the note in the store, after what this replica has received is in it. change may be called several times
// and returns whether the note must be written. It may be nil.
func (a *Attendant) change(ctx context.Context, change func(*note) bool) (note, error) {
	ctx, cancel := context.WithTimeout(ctx, access.StoreTimeout)
	defer cancel()
	var err error
	for range writeTries {
		var n, before note
		var e session.Entry
		e, err = a.Actor.Store.Get(ctx, a.noteKey())
		fresh := errors.Is(err, session.ErrNotFound)
		if err != nil && !fresh {
			return note{}, err
		}
		if !fresh && json.Unmarshal(e.Value, &n) != nil {
			n = note{} // of another version of the program; it is written again
		}
		before = n
		write := a.merge(&n)
		if change != nil && change(&n) {
			write = true
		}
		if write {
			if err = a.write(ctx, e, &n, fresh); errors.Is(err, session.ErrConflict) || errors.Is(err, session.ErrNotFound) {
				continue
			}
			if err != nil {
				return note{}, err
			}
			a.tell(&before, &n)
		}
		a.mu.Lock()
		a.shared = n
		a.mu.Unlock()
		return n, nil
	}
	return note{}, err
}

func (a *Attendant) write(ctx context.Context, e session.Entry, n *note, fresh bool) error {
	value, err := json.Marshal(n)
	if err != nil {
		return err
	}
	e.Key, e.Value, e.Expires = a.noteKey(), value, a.Actor.Now().Add(noteLife)
	if fresh {
		return a.Actor.Store.Create(ctx, e)
	}
	_, err = a.Actor.Store.Replace(ctx, e)
	return err
}

// merge puts what this replica has received into the note.
func (a *Attendant) merge(n *note) (changed bool) {
	s := a.Receiver.State()
	if n.State != "" && s.Verified == n.State {
		n.State, n.Alive, changed = "", max(n.Alive, s.VerifiedAt.UnixMilli()), true
	}
	if at := s.Alive.UnixMilli(); !s.Alive.IsZero() && at > n.Alive && (n.Silent != 0 || at-n.Alive >= aliveEvery.Milliseconds()) {
		n.Alive, changed = at, true
	}
	if s.Stated.Status != "" && s.Stated.At.UnixMilli() > n.StatedAt {
		n.state(s.Stated)
		changed = true
	}
	return changed
}

// tell logs what has changed. The replica that has written a change is the only one that logs it.
func (a *Attendant) tell(before, after *note) {
	if before.Status != after.Status || before.Reason != after.Reason {
		fields := []zap.Field{zap.String("status", after.Status), zap.String("reason", after.Reason)}
		if after.stopped() {
			a.logger.Warn("the transmitter has stopped the stream: no events arrive", fields...)
		} else if before.stopped() {
			a.logger.Info("the transmitter has enabled the stream", fields...)
		}
	}
	switch {
	case before.Silent == 0 && after.Silent != 0:
		a.logger.Warn("the stream is silent: no event and no verification has arrived", zap.Time("since", moment(after.Silent)))
	case before.Silent != 0 && after.Silent == 0:
		a.logger.Info("events of the stream arrive again", zap.Time("silent_since", moment(before.Silent)))
	}
}

// share keeps the note of this replica and that of the others the same.
func (a *Attendant) share(ctx context.Context) {
	for {
		_, _ = a.change(ctx, nil) // else again in a moment
		if !retry.Sleep(ctx, time.Second) {
			return
		}
		t := time.NewTimer(jitter(shareEvery))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-a.told:
		case <-t.C:
		}
		t.Stop()
	}
}
