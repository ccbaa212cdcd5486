package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// askTimeout is the timeout of one read from the store.
	askTimeout = 3 * time.Second
	// If the store fails to answer for a session that continues anyway, no request waits for another attempt. After
	// retryAfter an attempt is made in parallel to a request; until retryUntil it may only be made in parallel.
	retryAfter = time.Second
	retryUntil = 3 * time.Second

	// outageQuiet is how long no read may fail before an outage counts as over.
	outageQuiet = 5 * time.Second
	// probeEvery is how often the store is probed during an outage, so that its recovery is noticed even without
	// requests.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// State is the state of the store, as this process sees it.
type State string

// The states. The words are used in the admin API and in metrics.
const (
	// StoreOK: the store answers.
	StoreOK State = "ok"
	// StoreDegraded: some reads succeed and others fail, or the store answers again since a short time.
	StoreDegraded State = "degraded"
	// StoreCacheOnly: the store does not answer. Cached sessions continue for ManagerConfig.OutageGrace.
	StoreCacheOnly State = "cache_only"
	// StoreUnavailable: the store does not answer, and no session is accepted any more.
	StoreUnavailable State = "unavailable"
)

// States returns all states.
func States() []State { return []State{StoreOK, StoreDegraded, StoreCacheOnly, StoreUnavailable} }

// Health is the state of the store and the time of its last change: the begin or end of an outage, or the start of the
// manager.
type Health struct {
	State State
	Since time.Time
	// Outages counts how often the store stopped answering.
	Outages uint64
}

// health tracks whether the store answers.
type health struct {
	store interface {
		Ping(ctx context.Context) error
	}
	now   func() time.Time
	grace time.Duration
	tell  func(error) // ManagerConfig.OnOutage

	mu       sync.Mutex  // guards all fields below except out, which is written under it
	out      atomic.Bool // read without the lock by every look-up
	since    time.Time
	failedAt time.Time // when a read last failed, and when one last succeeded during an outage
	answerAt time.Time
	outages  uint64
}

// failed records a failure and reports the first one. A store that this process has closed is not an outage.
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

// answered records a success. If some reads fail and others succeed, as with a partly available cluster, the outage
// lasts until none has failed for a while.
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

// lastFailure returns the time of the last failure, in nanoseconds since 1970, if there is an outage or one has just
// ended; else zero.
func (h *health) lastFailure() int64 {
	if !h.out.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failedAt.UnixNano()
}

// Health returns the state of the store.
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

// NoteFailure records an error from a caller that uses the store directly. Errors that say nothing about the store are
// ignored, including those of a client that disconnected while it waited.
func (h *health) NoteFailure(err error) {
	if errors.Is(err, ErrUnavailable) && !errors.Is(err, context.Canceled) {
		h.failed(err)
	}
}

// probe checks the store during an outage until ctx ends.
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
			_ = h.Ping(ctx) // Ping records the result
		}
	}
}

// Ping checks whether the store answers now; see Store.Ping.
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
