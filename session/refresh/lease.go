package refresh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// renewLease is how long a replica may take over a renewal that it does not say it is still at. It says so every
	// third of that while it asks the provider: a replica that died, or that cannot give its lease back because the store
	// is away, holds up whoever uses the session for so long, and no longer.
	renewLease = 15 * time.Second
	// renewLeaseLeft is what must be left of a lease for its owner to do anything about it. One that has passed may be
	// somebody else's by now.
	renewLeaseLeft = renewLease / 4
	// maxGivingBack bounds how many leases are given back later at a time.
	maxGivingBack = 256
)

// ownerSize is bytes of randomness by which a lease is known to be one's own.
const ownerSize = 12

// Coordinator sees to it that a refresh token is sent by one replica at a time, and knows what became of the last time.
// Close it when done.
type Coordinator struct {
	store      session.Store
	now        func() time.Time
	stop       context.Context // ends with Close
	cancel     context.CancelFunc
	givingBack atomic.Int64 // leases, later than at once
}

// New returns a coordinator over a store. Now may be nil: time.Now.
func New(store session.Store, now func() time.Time) *Coordinator {
	if now == nil {
		now = time.Now
	}
	r := &Coordinator{store: store, now: now}
	r.stop, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends the tries to give a lease back.
func (r *Coordinator) Close() { r.cancel() }

// Lease makes the caller the one that renews a session now, until done or ctx ends. ErrConflict if somebody else
// does. Whoever outlives their lease all the same, stopped for a while, is held off by the version of the record.
func (r *Coordinator) Lease(ctx context.Context, id session.ID) (done func(context.Context), err error) {
	// The store counts an entry's version from 1 again when a lease has passed, so it is no sign of whose lease it is.
	lease := session.Entry{Key: session.HashKey("l", string(id[:])), Value: []byte(session.NewRandom(ownerSize)), Expires: r.now().Add(renewLease)}
	if err := r.store.Create(ctx, lease); err != nil {
		if errors.Is(err, session.ErrUnavailable) {
			// It may be there all the same: a server that hung does what it was told when it goes on.
			r.giveBackLater(ctx, lease)
		}
		return nil, fmt.Errorf("leasing renewal: %w", err)
	}
	lease.Version = 1
	ctx, cancel := context.WithCancel(ctx)
	held := make(chan session.Entry, 1)
	go func() { held <- r.holdLease(ctx, lease) }()
	return func(ctx context.Context) {
		cancel()
		if lease := <-held; !r.giveBack(ctx, lease) {
			r.giveBackLater(ctx, lease)
		}
	}, nil
}

// giveBack ends a lease, and reports false if the store could not be asked.
func (r *Coordinator) giveBack(ctx context.Context, lease session.Entry) bool {
	if !r.now().Before(lease.Expires.Add(-renewLeaseLeft)) {
		return true
	}
	e, err := r.store.Get(ctx, lease.Key)
	if err == nil && bytes.Equal(e.Value, lease.Value) {
		_, err = r.store.Remove(ctx, lease.Key)
	}
	return !errors.Is(err, session.ErrUnavailable)
}

// giveBackLater tries on until it is done, the lease has passed or the manager is closed: a failover of the store is over
// before a lease has passed, and nobody need wait for that. In an outage of many people's it is left to time.
func (r *Coordinator) giveBackLater(ctx context.Context, lease session.Entry) {
	if r.givingBack.Add(1) > maxGivingBack {
		r.givingBack.Add(-1)
		return
	}
	go func() {
		defer r.givingBack.Add(-1)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-r.stop.Done():
				return
			case <-tick.C:
			}
			if r.giveBack(context.WithoutCancel(ctx), lease) {
				return
			}
		}
	}()
}

// holdLease prolongs a lease until ctx ends or it is lost, and returns it as it is then.
func (r *Coordinator) holdLease(ctx context.Context, lease session.Entry) session.Entry {
	tick := time.NewTicker(renewLease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return lease
		case <-tick.C:
		}
		now := r.now()
		if !now.Before(lease.Expires.Add(-renewLeaseLeft)) {
			return lease
		}
		longer := lease
		longer.Expires = now.Add(renewLease)
		version, err := r.store.Replace(ctx, longer)
		switch {
		case err == nil:
			lease, lease.Version = longer, version
		case !errors.Is(err, session.ErrUnavailable):
			return lease
		}
	}
}
