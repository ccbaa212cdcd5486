package attend

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// tendEvery is how often it is looked whether something is due.
	tendEvery = 15 * time.Second
	// verifyEvery is how often a verification is asked for, if the transmitter has no wishes. verifySeldom is the shortest
	// interval, whatever inactivity_timeout demands.
	verifyEvery  = 15 * time.Minute
	verifySeldom = time.Minute
	// answerWithin is how long a verification may be under way.
	answerWithin = 5 * time.Minute
	// streamTTL is how long the configuration of the stream is used before it is read again.
	streamTTL = time.Hour
	// gap is after how long without a look at the stream silence counts from the next look.
	gap = 5 * time.Minute
)

// managing is how long to wait after requests about the stream that failed.
var managing = retry.Backoff{First: time.Minute, Longest: 15 * time.Minute}

// verifier asks for verifications while this replica attends to the stream.
type verifier struct {
	*Attendant
	stream *transmitter.Stream
	read   time.Time
	// touched is when a request about the stream was last answered.
	touched time.Time
	// unverified: the transmitter offers no verification.
	unverified bool
	failures   int
	next       time.Time
	said       retry.Seldom
}

func (v *verifier) run(ctx context.Context) {
	for {
		if now := v.Actor.Now(); !now.Before(v.next) {
			v.done(v.tend(ctx, now))
		}
		if ctx.Err() == nil {
			v.watch(ctx)
		}
		if !retry.Sleep(ctx, tendEvery) {
			return
		}
	}
}

// done notes whether the requests of a round were answered.
func (v *verifier) done(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		if err == nil {
			v.failures = 0
		}
		return
	}
	now := v.Actor.Now()
	v.failures++
	v.next = now.Add(jitter(managing.After(v.failures)))
	if v.said.Now(now, seldom) {
		v.logger.Warn("the state of the stream cannot be asked for at the transmitter, will retry", zap.Error(oidc.Truncated(err)))
	}
}

// tend sends the requests that are due: the status is read in time before inactivity_timeout, and a verification is asked
// for.
func (v *verifier) tend(ctx context.Context, now time.Time) error {
	if v.stream == nil || now.Sub(v.read) >= streamTTL {
		all, err := v.Manager.Streams(ctx)
		if err != nil {
			return err
		}
		if v.stream, err = transmitter.Choose(all, "", v.Receiver.Transmitter.Audience); err != nil {
			return err
		}
		v.read, v.touched, v.unverified = now, now, false
	}
	every := v.interval()
	touch := every
	if most := v.stream.InactivityTimeout(); most > 0 {
		touch = max(min(touch, most/2), tendEvery)
	}
	n, err := v.change(ctx, nil)
	if err != nil {
		return nil //nolint:nilerr // the store is out, which is logged elsewhere; without it nothing is asked
	}
	due := now.UnixMilli() >= n.Asked+every.Milliseconds() && !v.unverified && !n.stopped()
	if !due && now.Sub(v.touched) < touch {
		return nil
	}
	if n, err = v.status(ctx); err != nil {
		return err
	}
	v.touched = now
	if !due || n.stopped() {
		return nil
	}
	return v.verify(ctx, now)
}

// interval returns how often a verification is asked for.
func (v *verifier) interval() time.Duration {
	every := verifyEvery
	if most := v.stream.InactivityTimeout(); most > 0 {
		every = min(every, most/2)
	}
	return max(every, v.stream.VerificationInterval(), verifySeldom)
}

// status reads the status of the stream, or its configuration if the transmitter offers no status.
func (v *verifier) status(ctx context.Context) (note, error) {
	s, err := v.Manager.Status(ctx, v.stream.ID)
	if errors.Is(err, transmitter.ErrNotOffered) {
		_, err = v.Manager.Streams(ctx)
		s = new(transmitter.Status)
	}
	if err != nil {
		return note{}, err
	}
	stated := signals.Stated{Reason: grant.Say(s.Reason), At: v.Actor.Now()}
	for _, known := range []string{transmitter.Enabled, transmitter.Paused, transmitter.Disabled} {
		if s.Status == known {
			stated.Status = known
		}
	}
	return v.change(ctx, func(n *note) bool {
		// What was stated while we asked may be newer.
		return stated.Status != "" && n.StatedAt <= stated.At.UnixMilli() && n.state(stated)
	})
}

// verify asks for a verification. What must come back is written first: it may arrive at another replica, and before the
// answer to the request.
func (v *verifier) verify(ctx context.Context, now time.Time) error {
	state := session.NewRandom(16)
	if _, err := v.change(ctx, func(n *note) bool {
		n.Asked, n.State = now.UnixMilli(), state
		return true
	}); err != nil {
		return nil //nolint:nilerr // as in tend
	}
	err := v.Manager.Verify(ctx, v.stream.ID, state)
	if errors.Is(err, transmitter.ErrNotOffered) {
		v.unverified = true
		return nil
	}
	return err
}

// watch notices that the stream is silent, and that it is not any more.
func (v *verifier) watch(ctx context.Context) {
	now := v.Actor.Now().UnixMilli()
	_, _ = v.change(ctx, func(n *note) bool {
		if now-n.Tended > gap.Milliseconds() || n.stopped() || v.unverified {
			n.Began = now
		}
		since := max(n.Alive, n.Began)
		switch {
		case n.Silent != 0 && (n.Alive > n.Silent || n.stopped()):
			n.Silent = 0
		case n.Silent == 0 && v.stream != nil && now-since > (v.interval()+v.Every+answerWithin).Milliseconds():
			n.Silent = since
		}
		n.Tended = now
		return true
	}) // else again in a moment
}
