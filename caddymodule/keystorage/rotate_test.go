package keystorage

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

// A new key has been read by every replica before one seals with it, also by one whose reading has just failed.
func TestDelays(t *testing.T) {
	t.Parallel()
	if SealDelay < 2*LookEvery || SealDelay-LookEvery < SealDelay/2+keysTimeout {
		t.Errorf("a key seals after %s; it is read every %s, which takes up to %s", SealDelay, LookEvery, keysTimeout)
	}
}

// A new key opens everywhere and seals nowhere until its time has come. What it seals then opens without a reading.
func TestRotateInTwoSteps(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first, deaf := c.keeper(false, zap.NewNop()), c.keeper(false, zap.NewNop())
	oldest := first.Ring.Keys()[0].ID
	made, err := first.RotateIn(t.Context(), SealDelay)
	if err != nil || made.Seals || !made.From.Equal(c.clock().Add(SealDelay)) {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, sealing := keeps(first, oldest); !sealing || first.pause() != LookEvery {
		t.Errorf("before its time: %+v, the next look in %s", first.Ring.Keys(), first.pause())
	}
	c.later(LookEvery)
	if err := deaf.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if has, sealing := keeps(deaf, made.ID); !has || sealing {
		t.Errorf("a replica that has read: %+v", deaf.Ring.Keys())
	}
	c.later(SealDelay - LookEvery - time.Second)
	if first.pause() != time.Second {
		t.Errorf("the next look in %s", first.pause())
	}
	c.later(time.Second)
	if err := first.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.storage.reads.Store(0)
	if _, sealing := keeps(first, made.ID); !sealing || opens(deaf, seals(first)) != nil || opens(first, seals(deaf)) != nil || c.storage.reads.Load() != 0 {
		t.Errorf("when its time has come: %+v and %+v, %d readings", first.Ring.Keys(), deaf.Ring.Keys(), c.storage.reads.Load())
	}
	// A replica that cannot read then seals all the same with the new key, which it knows.
	away := errors.New("away")
	c.storage.fail.Store(&away)
	if err := deaf.read(t.Context()); !errors.Is(err, away) {
		t.Fatal(err)
	}
	if _, sealing := keeps(deaf, made.ID); !sealing {
		t.Errorf("while the storage is away: %+v", deaf.Ring.Keys())
	}
}

// The regular work makes a key seal at its time.
func TestKeeperSealsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		k := c.keeper(false, zap.NewNop())
		k.Config.Now = time.Now
		k.Rotate = 0
		k.Start()
		defer k.Close()
		made, err := k.RotateIn(t.Context(), SealDelay)
		if err != nil {
			t.Fatal(err)
		}
		retry.Sleep(t.Context(), time.Until(made.From)-1)
		synctest.Wait()
		if _, sealing := keeps(k, made.ID); sealing {
			t.Error("it seals too early")
		}
		retry.Sleep(t.Context(), 2)
		synctest.Wait()
		if _, sealing := keeps(k, made.ID); !sealing {
			t.Error("it does not seal")
		}
	})
}

// A replica whose clock is wrong signs no user out: ahead, it seals with a key that others have not read, and they read it
// then. Behind, it seals with the older key. If the time of no key has come for it, it seals with the oldest.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	right, ahead, behind := c.keeper(false, zap.NewNop()), c.keeper(false, zap.NewNop()), c.keeper(false, zap.NewNop())
	ahead.Now = func() time.Time { return c.clock().Add(time.Hour) }
	behind.Now = func() time.Time { return c.clock().Add(-30 * 24 * time.Hour) }
	made, err := ahead.RotateIn(t.Context(), 0) // seals an hour from now, by the others' clocks
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(right, seals(ahead)); err != nil {
		t.Errorf("sealed by the replica that is ahead: %v", err)
	}
	if err := behind.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, sealing := keeps(right, made.ID); sealing {
		t.Error("the key seals by a clock that is right")
	}
	for name, k := range map[string]*Keeper{"right": right, "behind": behind} {
		if list := k.Ring.Keys(); len(list) != 2 || !list[1].Seals || opens(ahead, seals(k)) != nil || opens(k, seals(k)) != nil {
			t.Errorf("%s: %+v", name, list)
		}
	}
	// A key that a clock years ahead has made keeps no replica from rotating.
	ahead.Now = func() time.Time { return c.clock().Add(5 * 365 * 24 * time.Hour) }
	far, err := ahead.RotateIn(t.Context(), SealDelay)
	if err != nil {
		t.Fatal(err)
	}
	c.later(config.DefaultKeysRotate + 2*time.Hour)
	for range 2 {
		if err := right.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := right.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list := right.Ring.Keys()
	if len(list) != 4 || list[1].ID != far.ID || !list[2].Seals {
		t.Fatalf("the ring: %+v", list)
	}
	c.later(SealDelay)
	if err := right.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := right.Ring.Keys(); !list[0].Seals {
		t.Errorf("after the rotation: %+v", list)
	}
}

// The key that seals is not retired, nor is the newest, which is to seal next. One that is neither is.
func TestRetire(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k := c.keeper(false, zap.NewNop())
	oldest := k.Ring.Keys()[0].ID
	waits, err := k.RotateIn(t.Context(), SealDelay)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]keyring.ID{"that seals": oldest, "that waits": waits.ID} {
		if err := k.Retire(t.Context(), id); !errors.Is(err, ErrSeals) {
			t.Errorf("the key %s: %v", name, err)
		}
	}
	now := c.rotate(k)
	for _, id := range []keyring.ID{oldest, waits.ID} {
		if err := k.Retire(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if list := k.Ring.Keys(); len(list) != 1 || list[0].ID != now || !list[0].Seals {
		t.Errorf("left are %+v", list)
	}
	if err := k.Retire(t.Context(), oldest); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("a key that is gone: %v", err)
	}
}

// A ring that an earlier version has stored opens, its newest key seals, and it stays as it is until a rotation.
func TestStoredBefore(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	const before = `{"keys":[{"secret":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","created":"2026-03-01T00:00:00Z"},` +
		`{"secret":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=","created":"2026-01-01T00:00:00Z"}]}`
	if err := c.storage.Store(t.Context(), keysStorageKey, []byte(before)); err != nil {
		t.Fatal(err)
	}
	k := c.keeper(false, zap.NewNop())
	for i, b := range []byte{1, 2} {
		old, err := keyring.New(bytes.Repeat([]byte{b}, keyring.MinSecret))
		if err != nil {
			t.Fatal(err)
		}
		if info := k.Ring.Keys()[i]; info.ID != old.Keys()[0].ID || info.Seals != (i == 0) || !info.From.Equal(info.Created) ||
			opens(k, old.Seal(keyring.PurposeFlow, []byte("x"), place)) != nil {
			t.Errorf("key %d: %+v", i, info)
		}
	}
	if err := k.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := c.storage.Load(t.Context(), keysStorageKey); err != nil || string(now) != before {
		t.Errorf("without a change the ring is stored as %s, %v", now, err)
	}
	made, err := k.RotateIn(t.Context(), SealDelay)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Load(t.Context(), c.storage)
	if err != nil || len(keys) != 3 || !keys[0].Seals.Equal(made.From) || !keys[1].Seals.Equal(keys[1].Created) {
		t.Errorf("after a rotation: %v, %v", keys, err)
	}
}

// A rotation without delay seals at once everywhere, older keys open on, and a replica that was not told finds out when it
// meets the key.
func TestRotate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first, second, deaf := c.keeper(true, zap.NewNop()), c.keeper(true, zap.NewNop()), c.keeper(false, zap.NewNop())
	if !first.Ring.Equal(second.Ring) {
		t.Fatal("two replicas made two rings")
	}
	if key := first.Ring.Keys()[0]; !key.From.Equal(c.clock()) || !key.Seals {
		t.Errorf("the first key of an installation: %+v", key)
	}
	before := seals(first)
	made := c.rotate(first)
	for name, k := range map[string]*Keeper{"here": first, "told": second} {
		if got := k.Ring.Keys(); len(got) != 2 || got[0].ID != made || opens(k, before) != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if deaf.Ring.Keys()[0].ID == made {
		t.Fatal("a replica that was not told knows")
	}
	if err := opens(deaf, seals(second)); err != nil || deaf.Ring.Keys()[0].ID != made {
		t.Errorf("a replica that meets the key: %v", err)
	}
	// Two replicas rotate at once: neither loses the other's key.
	var both sync.WaitGroup
	for _, k := range []*Keeper{first, second} {
		both.Go(func() { _, _ = k.RotateIn(t.Context(), 0) })
	}
	both.Wait()
	if n := len(first.Ring.Keys()); n != 4 || len(second.Ring.Keys()) != 4 {
		t.Errorf("%d keys", n)
	}
}

// Keys are superseded by age and retire when nothing can need them, by whichever replica looks first, and once.
func TestKeysAge(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first, second := c.keeper(true, zap.NewNop()), c.keeper(true, zap.NewNop())
	oldest := first.Ring.Keys()[0].ID
	tend := func(keys int) {
		t.Helper()
		for _, k := range []*Keeper{first, second} {
			if err := k.tend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(first.Ring.Keys()); n != keys || len(second.Ring.Keys()) != keys {
			t.Fatalf("%d keys at %s, want %d", n, c.clock(), keys)
		}
	}
	c.later(config.DefaultKeysRotate - time.Second)
	tend(1)
	c.later(time.Second)
	tend(2)
	if key := first.Ring.Keys()[0]; !key.From.Equal(c.clock().Add(SealDelay)) || key.Seals {
		t.Errorf("a rotation by age: %+v", key)
	}
	c.later(config.DefaultKeysRotate)
	tend(3)
	// 90 days after it was superseded the first key is needed; 181 days after, it is not.
	if !first.has(oldest) {
		t.Error("a key that sessions may need has retired")
	}
	c.later(config.DefaultKeysRotate)
	tend(4)
	c.later(Margin)
	tend(4) // until the last one that it sealed is over
	c.later(SealDelay)
	tend(3)
	if first.has(oldest) || second.has(oldest) {
		t.Error("a key that nothing can need is still there")
	}
	first.Rotate, second.Rotate = 0, 0
	c.later(300 * 24 * time.Hour)
	tend(1)
}

func TestTooManyKeys(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k := c.keeper(false, zap.NewNop())
	var stored storedKeys
	for len(stored.Keys) < maxRingKeys {
		key, err := newKey(nil, c.clock(), 0)
		if err != nil {
			t.Fatal(err)
		}
		stored.Keys = append(stored.Keys, storedKey(key))
	}
	data, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.storage.Store(t.Context(), keysStorageKey, data); err != nil {
		t.Fatal(err)
	}
	if _, err := k.RotateIn(t.Context(), 0); !errors.Is(err, ErrTooMany) {
		t.Errorf("one key more: %v", err)
	}
}
