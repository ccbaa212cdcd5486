package signals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// rememberFor is how long it is remembered that an event was received, from the time of its issue. An older event is
	// not carried out: it might come a second time.
	rememberFor = 14 * 24 * time.Hour
	// leaseLife is how long an event is reserved for the replica that carries it out. If that replica stops meanwhile, the
	// transmitter's next attempt is carried out.
	leaseLife = 30 * time.Second
)

// ErrBusy: another replica is carrying out this very event. The transmitter should send it again, and then learns that it
// is done.
var ErrBusy = errors.New("event is being carried out elsewhere")

// Receiver receives the events of one stream. It is safe for concurrent use.
type Receiver struct {
	// Name is the name of the stream in the configuration.
	Name        string
	Transmitter Transmitter
	Provider    Provider
	Options     Options
	// Critical returns the members of a subject that the transmitter marks as critical (Shared Signals Framework 1.0,
	// section 7.1). Nil: none.
	Critical func(context.Context) ([]string, error)
	// OnReceived is called for each event with what came of it. It must not block. It may be nil.
	OnReceived func(stream string, event Kind, result Result)
	// OnState is called after the stream has said something of itself: a verification, or a new status. It must not block.
	// It may be nil.
	OnState func()

	mu    sync.Mutex
	state State
	// stated is when the transmitter issued state.Stated.
	stated time.Time
}

// State is what a stream has received since the configuration was loaded.
type State struct {
	Received, Acted, Refused uint64
	// Last is when the last genuine event was received, LastEvent what it was.
	Last      time.Time
	LastEvent string
	// Alive is when the last genuine event was received that had not been received before. One that comes a second time,
	// or that is about the stream itself, does not count: anybody may have kept it.
	Alive time.Time
	// Verified is the state that the last verification had, VerifiedAt when it was received.
	Verified   string
	VerifiedAt time.Time
	// Stated is what the transmitter last stated about the stream.
	Stated Stated
}

// Stated is what a transmitter has stated about its stream.
type Stated struct {
	// Status is enabled, paused or disabled; empty if it stated nothing. Reason is text of the transmitter, limited and
	// escaped. At is when it arrived.
	Status, Reason string
	At             time.Time
}

// Stopped reports whether the transmitter has stated that it sends nothing.
func (s *Stated) Stopped() bool { return s.Status == "paused" || s.Status == "disabled" }

// State returns the state.
func (r *Receiver) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Receive verifies an event and carries it out. It returns nil only after what follows from the event, and that it was
// received, are written: an event that was acknowledged is never lost. An event that is genuine but unknown, about an
// unknown user or a repetition is not an error. A *Refused says why the event is refused; after any other error the
// transmitter should send it again.
//
// What follows is written before it is written that the event was received, so an interruption in between makes it
// happen twice and never not at all. The second time changes nothing: it ends only what began before the event.
func (r *Receiver) Receive(ctx context.Context, a *Actor, raw string) error {
	token, err := r.Transmitter.Verify(ctx, raw)
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		r.count("", RefusedResult)
		return err
	case err != nil:
		r.count("", Failed)
		return fmt.Errorf("verifying event: %w", oidc.Truncated(err))
	}
	r.arrived(a, token)
	result, err := r.carry(ctx, a, token)
	r.count(token.Event.Kind, result)
	if err == nil && result != Duplicate && result != TooOld && result != AboutStream {
		r.mu.Lock()
		r.state.Alive = a.Now()
		r.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("carrying out event: %w", err)
	}
	return nil
}

// CountRefused counts a request that was refused before there was an event to verify.
func (r *Receiver) CountRefused() { r.count("", RefusedResult) }

func (r *Receiver) carry(ctx context.Context, a *Actor, token *Token) (Result, error) {
	if token.Event.Kind == Verification || token.Event.Kind == StreamUpdated {
		return AboutStream, nil
	}
	switch critical, err := r.critical(ctx, &token.Subject); {
	case err != nil:
		return Failed, err
	case critical:
		return CriticalField, nil
	}
	now := a.Now()
	if !token.Issued.Add(rememberFor).After(now) {
		return TooOld, nil
	}
	lease := session.Entry{
		Key: session.HashKey("el", r.Transmitter.Issuer, token.ID), Value: []byte{1}, Expires: now.Add(leaseLife),
	}
	switch err := a.Store.Create(ctx, lease); {
	case errors.Is(err, session.ErrConflict):
		return Failed, ErrBusy
	case err != nil:
		return Failed, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), access.StoreTimeout)
		defer cancel()
		_, _ = a.Store.Remove(ctx, lease.Key) // else it expires
	}()
	index, member := session.Remembered("ev", r.Transmitter.Issuer, token.ID)
	// Asked while the lease is held: the replica that had it before wrote this first.
	known, err := a.Store.Members(ctx, index, time.Time{}, maxMembers)
	if err != nil {
		return Failed, err
	}
	for _, one := range known {
		if one == member {
			return Duplicate, nil
		}
	}
	result, err := a.Carry(ctx, &Report{
		Event: token.Event, Subject: token.Subject, At: token.Happened, Provider: r.Provider, Options: r.Options,
		By: access.BySignal, From: r.Name,
	})
	if err != nil {
		return Failed, err
	}
	if err := a.Store.Enlist(ctx, index, member, token.Issued.Add(rememberFor+clockSkew)); err != nil {
		return Failed, err
	}
	return result, nil
}

// critical reports whether a subject has a member that the transmitter marks as critical and that is not understood here.
// Such an event must be discarded. One that is understood and cannot be read names no user, whether critical or not.
func (r *Receiver) critical(ctx context.Context, s *Subject) (bool, error) {
	if r.Critical == nil || len(s.Others) == 0 {
		return false, nil
	}
	names, err := r.Critical(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.Others, func(name string) bool { return slices.Contains(names, name) }), nil
}

// maxMembers is more than any list of remembered events can have.
const maxMembers = 1 << 20

// arrived notes that a genuine event has arrived, and what it says about the stream. A status that was stated before the
// last one changes nothing.
func (r *Receiver) arrived(a *Actor, token *Token) {
	r.mu.Lock()
	r.state.Last, r.state.LastEvent = a.Now(), token.Event.String()
	told := false
	switch token.Event.Kind {
	case Verification:
		told = true
		r.state.Verified, r.state.VerifiedAt = token.Event.State, r.state.Last
	case StreamUpdated:
		if told = !token.Issued.Before(r.stated) && token.Event.Status != ""; told {
			r.stated, r.state.Stated = token.Issued, Stated{token.Event.Status, token.Event.Because, r.state.Last}
		}
	}
	r.mu.Unlock()
	if told && r.OnState != nil {
		r.OnState()
	}
}

func (r *Receiver) count(event Kind, result Result) {
	r.mu.Lock()
	r.state.Received++
	switch result {
	case Acted:
		r.state.Acted++
	case RefusedResult:
		r.state.Refused++
	}
	r.mu.Unlock()
	if r.OnReceived != nil {
		r.OnReceived(r.Name, event, result)
	}
}
