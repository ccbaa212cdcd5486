package signals

import (
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
)

// Status is the state of a stream. Counts are of this server, since the configuration was loaded.
type Status struct {
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`
	Provider string `json:"provider"`
	// State is one of: ok, also if nothing is known; silent, if nothing arrives although a verification should have; paused
	// or disabled, if the transmitter says so.
	State string `json:"state"`
	// Received counts all events, Acted those that changed something, Refused those that were refused.
	Received uint64 `json:"received"`
	Acted    uint64 `json:"acted"`
	Refused  uint64 `json:"refused"`
	// LastReceived is when the last genuine event arrived, at any server but up to a minute late for others, LastEvent what
	// the last one was that arrived here.
	LastReceived *time.Time `json:"lastReceived,omitempty"`
	LastEvent    string     `json:"lastEvent,omitempty"`
	// Stated is the status that the transmitter last stated: enabled, paused or disabled. StatedReason is its text.
	Stated       string     `json:"stated,omitempty"`
	StatedReason string     `json:"statedReason,omitempty"`
	StatedAt     *time.Time `json:"statedAt,omitempty"`
	// SilentSince is since when nothing has arrived, although a verification should have.
	SilentSince *time.Time `json:"silentSince,omitempty"`
	// Polling: this server asks the transmitter for events. LastPoll is when it last did with success, PollError what has
	// failed since.
	Polling   bool       `json:"polling,omitempty"`
	LastPoll  *time.Time `json:"lastPoll,omitempty"`
	PollError string     `json:"pollError,omitempty"`
}

// The states of a stream.
const (
	stateOK     = "ok"
	stateSilent = "silent"
)

// States returns the values of Status.State.
func States() []string {
	return []string{stateOK, stateSilent, transmitter.Paused, transmitter.Disabled}
}

// Status returns the state of all streams, sorted by name.
func (s *Streams) Status() (all []Status) {
	if s == nil {
		return nil
	}
	for name, one := range s.byName {
		state := one.State()
		status := Status{
			State: stateOK, Name: name, Issuer: one.config.Issuer, Provider: one.Provider.Name, Received: state.Received, Acted: state.Acted,
			Refused: state.Refused, LastEvent: state.LastEvent,
		}
		if one.attendant != nil {
			known := one.attendant.State()
			if known.Alive.After(state.Last) {
				state.Last = known.Alive
			}
			status.Stated, status.StatedReason, status.StatedAt = known.Stated.Status, known.Stated.Reason, timeOrNone(known.Stated.At)
			switch {
			case known.Stated.Stopped():
				status.State = known.Stated.Status
			case !known.Silent.IsZero():
				status.State = stateSilent
			}
			status.SilentSince = timeOrNone(known.Silent)
			status.Polling, status.LastPoll, status.PollError = known.Polling, timeOrNone(known.Polled), known.PollError
		}
		status.LastReceived = timeOrNone(state.Last)
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
