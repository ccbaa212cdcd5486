package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// askTimeout bounds one question to the store.
	askTimeout = 3 * time.Second
	// After the store has failed to answer for a session that goes on in spite of it, no request waits for another try:
	// retryAfter is when one is made beside a request, retryUntil until when it may be beside and not before.
	retryAfter = time.Second
	retryUntil = 3 * time.Second

	// outageQuiet is how long no question may fail before an outage counts as over.
	outageQuiet = 5 * time.Second
	// probeEvery is how often the store is asked during an outage whether it is back, so that this is known also where
	// nobody comes.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// State is how the store is, as this process finds it.
type State string

// The states. The words stand in the admin API and in metrics.
const (
	// StoreOK: the store answers.
	StoreOK State = "ok"
	// StoreDegraded: some questions are answered and others are not, or it answers again since a moment ago.
	StoreDegraded State = "degraded"
	// StoreCacheOnly: the store does not answer. Sessions that are known go on for ManagerConfig.OutageGrace.
	StoreCacheOnly State = "cache_only"
	// StoreUnavailable: the store does not answer, and nobody can be let in any more.
	StoreUnavailable State = "unavailable"
)

// States are all of them.
func States() []State { return []State{StoreOK, StoreDegraded, StoreCacheOnly, StoreUnavailable} }

// Health is the state of the store and since when it is so: since the outage began, or was over, or the manager began.
type Health struct {
	State State
	Since time.Time
	// Outages counts how often the store stopped answering.
	Outages uint64
}

// health is whether the store answers, as questions to it find.
type health struct {
	store interface {
		Ping(ctx context.Context) error
	}
	now   func() time.Time
	grace time.Duration
	tell  func(error) // ManagerConfig.OnOutage

	mu       sync.Mutex  // guards all below but out, which is written under it
	out      atomic.Bool // read without it, by every look-up
	since    time.Time
	failedAt time.Time // when a question last failed, and when one was last answered during an outage
	answerAt time.Time
	outages  uint64
}

// failed notes a failure and tells of it if it is the first. A store that this process has closed is no outage.
func (h *health) failed(err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	now := h.now()
	h.mu.Lock()
	first := h.out.CompareAndSwap(false, true)
	if first {
		h.since, h.answerAt = now, time.Time{}
		h.outages++
	}
	h.failedAt = now
	h.mu.Unlock()
	if first {
		h.tell(err)
	}
}

// answered notes an answer. Where some questions fail and others do not, as with a cluster that is half there, the
// outage goes on until none has failed for a while.
func (h *health) answered() {
	if !h.out.Load() {
		return
	}
	now := h.now()
	h.mu.Lock()
	over := h.out.Load() && now.Sub(h.failedAt) >= outageQuiet
	switch {
	case over:
		h.since = now
		h.out.Store(false)
	case h.out.Load():
		h.answerAt = now
	}
	h.mu.Unlock()
	if over {
		h.tell(nil)
	}
}

// lastFailure is when a question failed last, in nanoseconds since 1970, if there is an outage or was one a moment ago;
// zero if not.
func (h *health) lastFailure() int64 {
	if !h.out.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failedAt.UnixNano()
}

// Health tells how the store is.
func (h *health) Health() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	state := StoreOK
	switch {
	case !h.out.Load():
	case h.answerAt.After(h.failedAt):
		state = StoreDegraded
	case now.Sub(h.since) < h.grace:
		state = StoreCacheOnly
	default:
		state = StoreUnavailable
	}
	return Health{State: state, Since: h.since, Outages: h.outages}
}

// NoteFailure takes note of an error that somebody met who uses the store beside the manager. One that says nothing
// about the store is passed over, so is that of a client that went away while it waited.
func (h *health) NoteFailure(err error) {
	if errors.Is(err, ErrUnavailable) && !errors.Is(err, context.Canceled) {
		h.failed(err)
	}
}

// probe asks the store during an outage until ctx ends.
func (h *health) probe(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if h.Health().State != StoreOK {
			_ = h.Ping(ctx) // which takes note of the answer
		}
	}
}

// Ping tells whether the store answers now; see Store.Ping.
func (h *health) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := h.store.Ping(ctx)
	switch {
	case err == nil:
		h.answered()
	case ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded):
		h.failed(err)
	}
	return err
}
