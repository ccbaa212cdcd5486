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
	// renewLease is the duration of a lease. The owner extends it every third of that time while it waits for the
	// provider. A replica that died, or that cannot release its lease because the store is unavailable, delays the
	// users of the session for at most this time.
	renewLease = 15 * time.Second
	// renewLeaseLeft is the remaining time from which the owner no longer touches its lease. After its end it may
	// belong to another replica.
	renewLeaseLeft = renewLease / 4
	// maxGivingBack is how many leases are released in the background at a time.
	maxGivingBack = 256
)

// ownerSize is the number of random bytes by which an owner recognises its lease.
const ownerSize = 12

// Coordinator ensures that only one replica at a time sends a refresh token, and records the result of the last
// attempt. The caller must close it.
type Coordinator struct {
	store      session.Store
	now        func() time.Time
	stop       context.Context // ends with Close
	cancel     context.CancelFunc
	givingBack atomic.Int64 // leases that are released in the background
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

// Close ends the attempts to release leases.
func (r *Coordinator) Close() { r.cancel() }

// Lease makes the caller the only one that renews a session, until done is called or ctx ends. It returns ErrConflict
// if another caller has the lease. If a caller is suspended for longer than its lease, the version of the record still
// prevents a wrong write.
func (r *Coordinator) Lease(ctx context.Context, id session.ID) (done func(context.Context), err error) {
	// The store restarts an entry's version at 1 after a lease has expired, so the version does not identify the owner.
	lease := session.Entry{Key: session.HashKey("l", string(id[:])), Value: []byte(session.NewRandom(ownerSize)), Expires: r.now().Add(renewLease)}
	if err := r.store.Create(ctx, lease); err != nil {
		if errors.Is(err, session.ErrUnavailable) {
			// It may exist anyway: a server that hung executes the command when it continues.
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

// giveBack releases a lease, and returns false if the store could not be reached.
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

// giveBackLater retries until the lease is released, has expired or the coordinator is closed: a failover of the store
// ends before a lease expires, and no caller has to wait. If too many leases are waiting, as in an outage, this one is
// left to expire.
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

// holdLease extends a lease until ctx ends or it is lost, and returns its last state.
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
