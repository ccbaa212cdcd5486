package refresh

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/lease"
)

// Coordinator ensures that only one replica at a time sends a refresh token, and records the result of the last
// attempt. The caller must close it.
type Coordinator struct {
	store  session.Store
	leases *lease.Keeper
}

// New returns a coordinator over a store. Now may be nil: time.Now.
func New(store session.Store, now func() time.Time) *Coordinator {
	return &Coordinator{store: store, leases: lease.New(store, now)}
}

// Close ends the attempts to release leases.
func (r *Coordinator) Close() { r.leases.Close() }

// Lease makes the caller the only one that renews a session, until done is called or ctx ends. It returns ErrConflict
// if another caller has the lease. If a caller is suspended for longer than its lease, the version of the record still
// prevents a wrong write.
func (r *Coordinator) Lease(ctx context.Context, id session.ID) (done func(context.Context), err error) {
	l, err := r.leases.Take(ctx, session.HashKey("l", string(id[:])))
	if err != nil {
		return nil, fmt.Errorf("leasing renewal: %w", err)
	}
	return l.Release, nil
}
