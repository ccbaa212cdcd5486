package attend

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/lease"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

const (
	// takeEvery is how often a replica tries to become the one that attends to a stream.
	takeEvery = 3 * time.Second
	// seldom is how often a failure that lasts is logged.
	seldom = 10 * time.Minute
)

// Config is what an Attendant attends to.
type Config struct {
	// Receiver receives the events of the stream, Actor carries them out.
	Receiver *signals.Receiver
	Actor    *signals.Actor
	// Poll is where the transmitter has events; nil if they are only pushed. Every is how often it is asked, unless it
	// holds requests open until it has an event.
	Poll  *transmitter.Poll
	Every time.Duration
	// Manager asks for verifications and reads the status of the stream; nil if there are no credentials for that.
	Manager *transmitter.Manager
	// OnPoll is called after each poll: "ok", "failed", or "repeated" if it brought nothing new although it brought
	// something. It must not block. It may be nil.
	OnPoll func(stream, result string)
}

// Attendant attends to one stream. It is safe for concurrent use.
type Attendant struct {
	Config
	logger *zap.Logger
	leases *lease.Keeper
	cancel context.CancelFunc
	work   sync.WaitGroup
	// told is signalled when the stream has said something of itself.
	told chan struct{}

	mu     sync.Mutex
	shared note // as this replica last read or wrote it
	polled polled
}

// State is what is known of a stream.
type State struct {
	// Alive is when an event, or a verification that was asked for, last arrived at any replica. It may be up to a minute
	// late.
	Alive time.Time
	// Silent is since when nothing has arrived although something should have; zero if nothing is wrong or nothing is known.
	Silent time.Time
	// Stated is what the transmitter last stated about the stream, to any replica.
	Stated signals.Stated
	// Polling: this replica polls. Polled is when it last did so with success, PollError what failed since then.
	Polling   bool
	Polled    time.Time
	PollError string
}

// Start begins to attend to a stream. It must be called before the first event. The caller must call Stop.
func Start(c Config) *Attendant {
	a := &Attendant{Config: c, told: make(chan struct{}, 1), leases: lease.New(c.Actor.Store, c.Actor.Now)}
	a.logger = c.Actor.Logger.With(zap.String("signals", c.Receiver.Name))
	c.Receiver.OnState = a.wake
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.work.Go(func() { a.share(ctx) })
	if c.Poll != nil || c.Manager != nil {
		a.work.Go(func() { a.lead(ctx) })
	}
	return a
}

// Stop ends it. A poll that waits for an answer ends at once; what was received and not acknowledged comes again, and
// is then known.
func (a *Attendant) Stop() {
	a.cancel()
	a.work.Wait()
	a.leases.Close()
}

// State returns what is known.
func (a *Attendant) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return State{
		Alive: moment(a.shared.Alive), Silent: moment(a.shared.Silent), Stated: a.shared.stated(),
		Polling: a.polled.polling, Polled: a.polled.at, PollError: a.polled.err,
	}
}

// wake never blocks.
func (a *Attendant) wake() {
	select {
	case a.told <- struct{}{}:
	default:
	}
}

// leaseKey is where the replica that attends to the stream is named, noteKey where the note of the stream is.
func (a *Attendant) leaseKey() session.Key {
	return session.HashKey("sl", a.Receiver.Transmitter.Issuer, a.Receiver.Name)
}

func (a *Attendant) noteKey() session.Key {
	return session.HashKey("sn", a.Receiver.Transmitter.Issuer, a.Receiver.Name)
}

// lead tries to become the replica that attends to the stream, and attends to it while it is.
func (a *Attendant) lead(ctx context.Context) {
	for {
		if held, err := a.leases.Take(ctx, a.leaseKey()); err == nil {
			a.attend(ctx, held)
		}
		if !retry.Sleep(ctx, jitter(takeEvery)) {
			return
		}
	}
}

func (a *Attendant) attend(ctx context.Context, held *lease.Lease) {
	until, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	if a.Poll != nil {
		work.Go(func() { newPoller(a).run(until) })
	}
	if a.Manager != nil {
		work.Go(func() { (&verifier{Attendant: a}).run(until) })
	}
	<-held.Lost() // at the latest when ctx ends
	cancel()
	work.Wait()
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), access.StoreTimeout)
	defer cancel()
	held.Release(ctx)
}

// jitter shortens a wait by up to a quarter, so that replicas and gateways do not ask at the same time.
func jitter(d time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	part := time.Duration(binary.LittleEndian.Uint64(b[:]) >> 1)
	return d - part%(d/4+1)
}
