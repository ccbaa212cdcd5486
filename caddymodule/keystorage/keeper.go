package keystorage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// LookEvery is how often the ring is read regularly: the delay after which a replica that received no message
	// notices a new key.
	LookEvery = time.Minute
	// SealDelay is how long a new key only opens before it seals. Every replica has read it by then, also if the clocks
	// differ by half of it.
	SealDelay = 3 * time.Minute
	// askPause is the shortest time between two reads for unknown keys. askPatience is how long a request waits for one.
	askPause    = time.Second
	askPatience = 3 * time.Second
	// warnPause is the shortest interval between two warnings about foreign keys.
	warnPause = 10 * time.Minute
	// Margin is added to the longest lifetime before a key retires, for clock differences and replicas that notice a
	// change late.
	Margin = 24 * time.Hour
)

// Config configures a Keeper.
type Config struct {
	Ring    *keyring.Ring
	Storage certmagic.Storage
	Logger  *zap.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Life is the longest time for which something sealed by a key may have to be opened after the key was replaced.
	Life time.Duration
	// Rotate is the age at which a key is replaced automatically; zero: never.
	Rotate time.Duration
	// Tell notifies the other replicas that the ring has changed.
	Tell func(context.Context)
}

// New returns a keeper of a ring that has just been read. It does nothing before Start.
func New(c Config) *Keeper {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Keeper{Config: c, kick: make(chan struct{}, 1), readAt: c.Now()}
}

// Keeper keeps a key ring in step with Caddy's storage. It notices another replica's change by the store's feed, every
// LookEvery, and by an unknown key. It lets a key seal when its time has come, and replaces and retires keys by their age.
type Keeper struct {
	Config

	kick chan struct{}
	stop context.CancelFunc
	work sync.WaitGroup

	changing sync.Mutex // from reading the storage until the ring has the result

	foreign foreignKeys

	mu      sync.Mutex
	asked   *question // the latest
	failing bool
	readAt  time.Time
}

// Start starts the regular work, until Close.
func (k *Keeper) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop = cancel
	k.Ring.OnUnknown(k.unknown)
	k.work.Go(func() { k.follow(ctx) })
}

// Close stops the work that Start began, and waits for its end.
func (k *Keeper) Close() {
	k.stop()
	k.work.Wait()
}

// Heard makes the ring be read soon, because another replica has changed it.
func (k *Keeper) Heard() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *Keeper) follow(ctx context.Context) {
	for {
		if err := k.tend(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Warn("keys not rotated or retired, will retry", zap.Error(err))
		}
		look := time.NewTimer(k.pause())
		select {
		case <-ctx.Done():
			look.Stop()
			return
		case <-look.C:
		case <-k.kick:
			look.Stop()
		}
		_ = k.read(ctx) // it logs its own failures
	}
}

// pause returns the time until the next regular read: LookEvery, or less if a key seals before.
func (k *Keeper) pause() time.Duration {
	pause, now := LookEvery, k.Now()
	for _, key := range k.Ring.Keys() {
		if wait := key.From.Sub(now); wait > 0 {
			pause = min(pause, wait)
		}
	}
	return pause
}

// read reads the stored ring and chooses the key that seals. After a failure the known ring stays, so that no user is
// signed out by accident.
func (k *Keeper) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	k.changing.Lock()
	keys, err := Load(ctx, k.Storage)
	if err == nil {
		err = k.adopt(keys)
	} else {
		k.Ring.SealAt(k.Now())
	}
	k.changing.Unlock()
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.readAt = k.Now()
	}
	if failing := err != nil; failing != k.failing {
		k.failing = failing
		if failing {
			k.Logger.Error("the key ring cannot be read again; the keys that are known stay in use", zap.Error(err))
		} else {
			k.Logger.Info("the key ring can be read again")
		}
	}
	return err
}

// adopt puts keys into the ring.
func (k *Keeper) adopt(keys []keyring.Key) error {
	had := k.Ring.Keys()
	if err := k.Ring.Replace(keys, k.Now()); err != nil {
		return err
	}
	has := k.Ring.Keys()
	seals := has[slices.IndexFunc(has, func(i keyring.Info) bool { return i.Seals })]
	if slices.EqualFunc(had, has, func(a, b keyring.Info) bool { return a.ID == b.ID && a.Seals == b.Seals }) {
		return nil
	}
	if !slices.ContainsFunc(had, func(a keyring.Info) bool {
		return slices.ContainsFunc(has, func(b keyring.Info) bool { return a.ID == b.ID })
	}) {
		k.Logger.Error("the key ring in Caddy's storage is another one; all users sign in again", zap.Stringer("key", seals.ID))
		return nil
	}
	k.Logger.Info("the key ring has changed", zap.Stringer("key", seals.ID), zap.Stringer("newest", has[0].ID), zap.Int("keys", len(has)))
	return nil
}

// question is a read of the storage that an unknown key has caused.
type question struct {
	began time.Time
	done  chan struct{}
	err   error // after done
}

// unknown implements keyring.Ring.OnUnknown. A key under which another replica seals is known here, because it waited for
// SealDelay. The exceptions are a rotation without delay, a wrong clock, and a storage that could not be read meanwhile.
// So a client can cause one read per askPause, and one request waits for it. The others get session.ErrUnavailable until
// it ends; from then on its result is the answer for each unknown key.
func (k *Keeper) unknown(id keyring.ID) error {
	q, mine := k.ask()
	if mine {
		patience := time.NewTimer(askPatience)
		defer patience.Stop()
		select {
		case <-q.done:
		case <-patience.C:
		}
	}
	select {
	case <-q.done:
	default:
		return fmt.Errorf("%w: the key ring is being read", session.ErrUnavailable)
	}
	if q.err != nil {
		return fmt.Errorf("%w: %w", session.ErrUnavailable, q.err)
	}
	if !k.has(id) {
		k.foreign.warn(k.Logger, id, k.Now())
	}
	return nil
}

// ask returns the latest read for an unknown key. If it is over and too old, it begins another, and mine is true.
func (k *Keeper) ask() (q *question, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.Now()
	if q = k.asked; q != nil {
		select {
		case <-q.done:
			if now.Sub(q.began).Abs() < askPause {
				return q, false
			}
		default:
			return q, false
		}
	}
	q = &question{began: now, done: make(chan struct{})}
	k.asked = q
	go func() {
		defer close(q.done)
		q.err = k.read(context.Background())
	}()
	return q, true
}

func (k *Keeper) has(id keyring.ID) bool {
	return slices.ContainsFunc(k.Ring.Keys(), func(i keyring.Info) bool { return i.ID == id })
}

// foreignKeys logs foreign keys from time to time, because any client can send one.
type foreignKeys struct{ warned retry.Seldom }

func (f *foreignKeys) warn(logger *zap.Logger, id keyring.ID, now time.Time) {
	if f.warned.Now(now, warnPause) {
		logger.Warn("a cookie or a record is sealed under a key that the key ring does not have: lost, retired or foreign; the user who holds it signs in again",
			zap.Stringer("key", id))
	}
}

// WarnOfUnknown is OnUnknown for keys that the configuration lists, which change only with the configuration.
func WarnOfUnknown(logger *zap.Logger) func(keyring.ID) error {
	var foreign foreignKeys
	return func(id keyring.ID) error {
		foreign.warn(logger, id, time.Now())
		return nil
	}
}
