package signinlog

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// keepEvery is how often the keeper checks whether there are too many records.
	keepEvery = time.Minute
	// keepTimeout is the timeout of one check.
	keepTimeout = 30 * time.Second
)

// keeper keeps the log within its limits until Close. Records that are too old disappear by themselves, because every
// stream has a TTL. The keeper removes the surplus, and once at the start what an earlier configuration would have kept
// longer. Every replica has a keeper. They may run at the same time: each one only removes what exceeds a limit.
func (l *Log) keeper() {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	failing, all := false, true
	for {
		if all || l.dirty.Swap(false) {
			ctx, cancel := context.WithTimeout(l.ctx, keepTimeout)
			err := l.keep(ctx, all)
			cancel()
			if err != nil {
				l.dirty.Store(true)
				if !failing && !l.troubled.Load() && l.stopping() == nil {
					l.Logger.Warn("old sign-ins cannot be removed, will retry", zap.Error(err))
				}
			}
			failing, all = err != nil, all && err != nil
		}
		select {
		case <-ticker.C:
		case <-l.stop:
			return
		}
	}
}

// keep removes the oldest records of each part until its half of MaxEntries remains. With all it also removes those of
// days that are no longer kept.
func (l *Log) keep(ctx context.Context, all bool) error {
	for p := range parts {
		if err := l.keepPart(ctx, p, all); err != nil {
			return err
		}
	}
	return nil
}

// most returns how many records of a part are kept.
func (l *Log) most(p part) int {
	half := max(1, l.MaxEntries/2)
	if p == unsuccessful {
		return half
	}
	return max(1, l.MaxEntries-half)
}

func (l *Log) keepPart(ctx context.Context, p part, all bool) error {
	left, oldest := l.most(p), l.oldest()
	last := oldest
	if all {
		last = dayOf(l.Now().Add(-MaxKeep)) - 1
	}
	for d := l.newest(); d >= last; d-- {
		if d < oldest {
			left = 0
		}
		n, err := l.Journal.Len(ctx, d.stream(p))
		if err != nil {
			return err
		}
		for n > left {
			removed, err := l.Journal.Trim(ctx, d.stream(p), left)
			if err != nil {
				return err
			}
			if n -= removed; removed == 0 {
				n = left // another replica removed them
			}
			if err := l.stopping(); err != nil {
				return err
			}
		}
		left -= n
	}
	return nil
}

// stopping returns an error after Close has begun: the removal continues at the next start.
func (l *Log) stopping() error {
	select {
	case <-l.stop:
		return context.Canceled
	default:
		return nil
	}
}

// newest returns the day with which to begin: tomorrow, because clocks of gateways differ.
func (l *Log) newest() day { return dayOf(l.Now()) + 1 }

// oldest returns the last day that may have records that are still kept.
func (l *Log) oldest() day { return dayOf(l.Now().Add(-l.Keep)) }
