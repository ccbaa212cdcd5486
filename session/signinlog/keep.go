package signinlog

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	// keepEvery is how often the keeper looks whether there are too many records.
	keepEvery = time.Minute
	// keepTimeout bounds one look.
	keepTimeout = 30 * time.Second
)

// keeper holds the log to its limits until Close. What is too old goes by itself, for every stream has an end; the
// keeper removes what is too much, and once at the beginning what an earlier configuration wanted to keep longer. Every
// replica has one, and they may meet: each only ever removes what is over a limit.
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

// keep removes the oldest records of each part until its half of MaxEntries is left; with all, also those of days that
// are no longer kept.
func (l *Log) keep(ctx context.Context, all bool) error {
	for p := range parts {
		if err := l.keepPart(ctx, p, all); err != nil {
			return err
		}
	}
	return nil
}

// most is how many records of a part are kept.
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
				n = left // somebody else removed them
			}
			if err := l.stopping(); err != nil {
				return err
			}
		}
		left -= n
	}
	return nil
}

// stopping is an error once Close has begun: removing goes on at the next start.
func (l *Log) stopping() error {
	select {
	case <-l.stop:
		return context.Canceled
	default:
		return nil
	}
}

// newest is the day to begin with: tomorrow, for the clocks of several gateways differ.
func (l *Log) newest() day { return dayOf(l.Now()) + 1 }

// oldest is the last day that may hold records that are still kept.
func (l *Log) oldest() day { return dayOf(l.Now().Add(-l.Keep)) }
