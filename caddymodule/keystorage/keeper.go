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
)

const (
	// LookEvery is how often the ring is read regularly: the delay after which a replica that received no message
	// notices a new key.
	LookEvery = 5 * time.Minute
	// keysPause is the shortest time between two reads for unknown keys. keysPatience is how long requests wait for a
	// read. keysForeign is how long a key that was not found counts as foreign without another read.
	keysPause    = time.Second
	keysPatience = 3 * time.Second
	keysForeign  = 10 * time.Second
	// maxKeyWaiters is how many requests may wait, maxForeign how many IDs are remembered.
	maxKeyWaiters = 256
	maxForeign    = 1024
	// keysQuiet is the shortest interval between two warnings about foreign keys, because any client can send one.
	keysQuiet = 10 * time.Minute
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

// New returns a keeper, which does nothing before Start.
func New(c Config) *Keeper {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Keeper{Config: c, kick: make(chan struct{}, 1)}
}

// Keeper keeps a key ring in step with Caddy's storage. It notices another replica's change by the store's feed, by an
// unknown key, and every LookEvery. It replaces and retires keys by their age.
type Keeper struct {
	Config

	kick chan struct{}
	stop context.CancelFunc
	work sync.WaitGroup

	changing sync.Mutex // from reading the storage until the ring has the result

	mu      sync.Mutex
	next    *keyReading // not begun
	begun   time.Time
	waiting int
	foreign map[keyring.ID]time.Time
	warned  time.Time
	failing bool
}

// keyReading is one read of the storage for which several requests wait.
type keyReading struct {
	done chan struct{}
	err  error
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
	look := time.NewTicker(LookEvery)
	defer look.Stop()
	for {
		if err := k.tend(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Warn("keys not rotated or retired, will retry", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-k.kick:
		}
		_ = k.read(ctx) // it logs its own failures
	}
}

// read reads the stored ring. After a failure the known ring stays, so that no user is signed out by accident.
func (k *Keeper) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	k.changing.Lock()
	keys, err := Load(ctx, k.Storage)
	if err == nil {
		err = k.adopt(keys)
	}
	k.changing.Unlock()
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
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

// adopt puts keys into the ring, if they differ from those that it has.
func (k *Keeper) adopt(keys []keyring.Key) error {
	next := new(keyring.Ring)
	if err := next.Replace(keys); err != nil {
		return err
	}
	if next.Equal(k.Ring) {
		return nil
	}
	had := k.Ring.Keys()
	if err := k.Ring.Replace(keys); err != nil {
		return err
	}
	has := k.Ring.Keys()
	if !slices.ContainsFunc(had, func(a keyring.Info) bool {
		return slices.ContainsFunc(has, func(b keyring.Info) bool { return a.ID == b.ID })
	}) {
		k.Logger.Error("the key ring in Caddy's storage is another one; all users sign in again", zap.Stringer("key", has[0].ID))
		return nil
	}
	k.Logger.Info("the key ring has changed", zap.Stringer("key", has[0].ID), zap.Int("keys", len(has)))
	return nil
}

// unknown implements keyring.Ring.OnUnknown. An anonymous client can cause at most one read per keysPause.
func (k *Keeper) unknown(id keyring.ID) error {
	k.mu.Lock()
	if at, ok := k.foreign[id]; ok && k.Now().Sub(at) < keysForeign {
		k.mu.Unlock()
		return nil
	}
	if k.waiting >= maxKeyWaiters {
		k.mu.Unlock()
		return fmt.Errorf("%w: the key ring is being read", session.ErrUnavailable)
	}
	k.waiting++
	reading := k.next
	if reading == nil {
		reading = &keyReading{done: make(chan struct{})}
		k.next = reading
		go k.readSoon(reading, k.begun.Add(keysPause).Sub(k.Now()))
	}
	k.mu.Unlock()

	timer := time.NewTimer(keysPatience)
	defer timer.Stop()
	err := fmt.Errorf("%w: the key ring was not read in time", session.ErrUnavailable)
	select {
	case <-reading.done:
		if err = reading.err; err != nil {
			err = fmt.Errorf("%w: %w", session.ErrUnavailable, err)
		}
	case <-timer.C:
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting--
	if err == nil && !k.has(id) {
		k.noteForeign(id)
	}
	return err
}

// readSoon reads after a pause, for all requests that arrive before it begins.
func (k *Keeper) readSoon(reading *keyReading, pause time.Duration) {
	defer close(reading.done)
	timer := time.NewTimer(max(0, pause))
	<-timer.C
	k.mu.Lock()
	k.next, k.begun = nil, k.Now()
	k.mu.Unlock()
	reading.err = k.read(context.Background())
}

func (k *Keeper) has(id keyring.ID) bool {
	return slices.ContainsFunc(k.Ring.Keys(), func(i keyring.Info) bool { return i.ID == id })
}

// noteForeign records that a key does not belong to this installation, and logs it from time to time. The lock is held.
func (k *Keeper) noteForeign(id keyring.ID) {
	now := k.Now()
	for other, at := range k.foreign {
		if now.Sub(at) >= keysForeign {
			delete(k.foreign, other)
		}
	}
	if k.foreign == nil {
		k.foreign = map[keyring.ID]time.Time{}
	}
	if len(k.foreign) < maxForeign {
		k.foreign[id] = now
	}
	if id != (keyring.ID{}) && now.Sub(k.warned) >= keysQuiet {
		k.warned = now
		warnForeign(k.Logger, id)
	}
}

func warnForeign(logger *zap.Logger, id keyring.ID) {
	logger.Warn("a cookie or a record is sealed under a key that the key ring does not have: lost, retired or foreign; the user who holds it signs in again",
		zap.Stringer("key", id))
}

// WarnOfUnknown is OnUnknown for keys that the configuration lists, which change only with the configuration.
func WarnOfUnknown(logger *zap.Logger) func(keyring.ID) error {
	var mu sync.Mutex
	var warned time.Time
	return func(id keyring.ID) error {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); id != (keyring.ID{}) && now.Sub(warned) >= keysQuiet {
			warned = now
			warnForeign(logger, id)
		}
		return nil
	}
}
