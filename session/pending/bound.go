package pending

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// ErrFull: the largest number of pending sign-ins is reached.
var ErrFull = errors.New("too many pending sign-ins")

const (
	// maxPendingEach is how many sign-ins of one user may wait for their answer, each in another browser.
	maxPendingEach = 5
	// defaultMaxPending is the largest number over all users. Each takes a few kilobytes of the store.
	defaultMaxPending = 20_000
	// pendingCount is the maximum age of the total count. Between two counts this process includes its own changes and
	// not those of others, so the limit may be exceeded for a moment.
	pendingCount = time.Minute
)

// roomForPending returns ErrFull if no more pending sign-ins are accepted.
func (k *Keeper) roomForPending(ctx context.Context) error {
	now, last := k.now().UnixNano(), k.counted.Load()
	if (last == 0 || now-last >= int64(pendingCount) || now < last) && k.counted.CompareAndSwap(last, now) {
		n, err := k.countPending(ctx)
		if err != nil {
			k.counted.Store(last)
			return err
		}
		k.waiting.Store(int64(n))
	}
	if k.waiting.Load() >= int64(k.maxPending) {
		return ErrFull
	}
	return nil
}

// endSurplus ends and returns the oldest pending sign-ins of a user who has more than maxPendingEach. members are those
// that are listed, the oldest first. The result is valid even if there is an error.
func (k *Keeper) endSurplus(ctx context.Context, list waiting, members []session.Key) ([]SignIn, error) {
	var surplus []SignIn
	var errs []error
	for len(members) > maxPendingEach {
		p, err := k.collect(ctx, keyOf(members[0]), session.Listing{Index: list.index, Member: members[0]}, (*content).surplus)
		switch {
		case err == nil:
			surplus = append(surplus, p)
		case !errors.Is(err, session.ErrNotFound): // answered meanwhile
			errs = append(errs, err)
		}
		members = members[1:]
	}
	return surplus, errors.Join(errs...)
}
