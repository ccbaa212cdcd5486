package lease

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// Life is the duration of a lease. Its owner extends it every third of that time. A replica that died, or that cannot
	// release its lease because the store is unavailable, delays the others for at most this time.
	Life = 15 * time.Second
	// left is the remaining time from which the owner no longer touches its lease. After its end it may belong to another
	// replica.
	left = Life / 4
	// maxGivingBack is how many leases are released in the background at a time.
	maxGivingBack = 256
	// ownerSize is the number of random bytes by which an owner recognises its lease.
	ownerSize = 12
)

// Keeper takes leases in a store. The caller must close it.
type Keeper struct {
	store      session.Entries
	now        func() time.Time
	stop       context.Context // ends with Close
	cancel     context.CancelFunc
	givingBack atomic.Int64 // leases that are released in the background
}

// New returns a keeper over a store. Now may be nil: time.Now.
func New(store session.Entries, now func() time.Time) *Keeper {
	if now == nil {
		now = time.Now
	}
	k := &Keeper{store: store, now: now}
	k.stop, k.cancel = context.WithCancel(context.Background())
	return k
}

// Close ends the attempts to release leases.
func (k *Keeper) Close() { k.cancel() }

// Lease is what the owner has of it.
type Lease struct {
	keeper *Keeper
	cancel context.CancelFunc
	lost   chan struct{}
	last   session.Entry // once lost is closed
}

// Take makes the caller the owner of a lease until Release is called or ctx ends. It returns ErrConflict if another
// caller has it.
func (k *Keeper) Take(ctx context.Context, key session.Key) (*Lease, error) {
	// The store restarts an entry's version at 1 after a lease has expired, so the version does not identify the owner.
	entry := session.Entry{Key: key, Value: []byte(session.NewRandom(ownerSize)), Expires: k.now().Add(Life)}
	if err := k.store.Create(ctx, entry); err != nil {
		if errors.Is(err, session.ErrUnavailable) {
			// It may exist anyway: a server that hung executes the command when it continues.
			k.giveBackLater(ctx, entry)
		}
		return nil, err
	}
	entry.Version = 1
	l := &Lease{keeper: k, lost: make(chan struct{})}
	ctx, l.cancel = context.WithCancel(ctx)
	go func() {
		defer close(l.lost)
		l.last = k.hold(ctx, entry)
	}()
	return l, nil
}

// Lost is closed when the caller is not the owner any more, or may soon not be.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Release ends the lease.
func (l *Lease) Release(ctx context.Context) {
	l.cancel()
	<-l.lost
	if !l.keeper.giveBack(ctx, l.last) {
		l.keeper.giveBackLater(ctx, l.last)
	}
}

// giveBack releases a lease, and returns false if the store could not be reached.
func (k *Keeper) giveBack(ctx context.Context, entry session.Entry) bool {
	if !k.now().Before(entry.Expires.Add(-left)) {
		return true
	}
	e, err := k.store.Get(ctx, entry.Key)
	if err == nil && bytes.Equal(e.Value, entry.Value) {
		_, err = k.store.Remove(ctx, entry.Key)
	}
	return !errors.Is(err, session.ErrUnavailable)
}

// giveBackLater retries until the lease is released, has expired or the keeper is closed: a failover of the store
// ends before a lease expires, and no caller has to wait. If too many leases are waiting, as in an outage, this one is
// left to expire.
func (k *Keeper) giveBackLater(ctx context.Context, entry session.Entry) {
	if k.givingBack.Add(1) > maxGivingBack {
		k.givingBack.Add(-1)
		return
	}
	go func() {
		defer k.givingBack.Add(-1)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-k.stop.Done():
				return
			case <-tick.C:
			}
			if k.giveBack(context.WithoutCancel(ctx), entry) {
				return
			}
		}
	}()
}

// hold extends a lease until ctx ends or it is lost, and returns its last state.
func (k *Keeper) hold(ctx context.Context, entry session.Entry) session.Entry {
	tick := time.NewTicker(Life / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return entry
		case <-tick.C:
		}
		now := k.now()
		if !now.Before(entry.Expires.Add(-left)) {
			return entry
		}
		longer := entry
		longer.Expires = now.Add(Life)
		version, err := k.store.Replace(ctx, longer)
		switch {
		case err == nil:
			entry, entry.Version = longer, version
		case !errors.Is(err, session.ErrUnavailable):
			return entry
		}
	}
}
