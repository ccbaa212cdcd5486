package pending

import (
	"context"
	"errors"
	"fmt"
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

func personPending(who session.Identity) session.Key {
	return session.HashKey("o", who.Issuer, who.Subject)
}

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

// countPending counts up to the limit.
func (k *Keeper) countPending(ctx context.Context) (n int, err error) {
	for shard := range pendingShards {
		keys, err := k.vault.Store.Members(ctx, pendingShard(shard), time.Time{}, k.maxPending-n)
		if err != nil {
			return 0, fmt.Errorf("counting pending sign-ins: %w", err)
		}
		if n += len(keys); n >= k.maxPending {
			break
		}
	}
	return n, nil
}

// endSurplus ends and returns the oldest pending sign-ins of a user who has more than maxPendingEach. keys are those
// that are listed, the oldest first. The result is valid even if there is an error.
func (k *Keeper) endSurplus(ctx context.Context, who session.Identity, keys []session.Key) ([]SignIn, error) {
	var surplus []SignIn
	var errs []error
	for len(keys) > maxPendingEach {
		key := keys[0]
		keys = keys[1:]
		p, err := k.collect(ctx, key)
		switch {
		case err == nil:
			surplus = append(surplus, p)
		case errors.Is(err, session.ErrNotFound):
			errs = append(errs, k.vault.Store.Delist(ctx, personPending(who), key)) // answered meanwhile
		default:
			errs = append(errs, err)
		}
	}
	return surplus, errors.Join(errs...)
}
