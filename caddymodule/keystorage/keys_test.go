package keystorage

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// cluster is a storage that several keepers share.
type cluster struct {
	t       *testing.T
	dir     string
	storage *countedStorage
	now     atomic.Int64
	members []*Keeper
}

// countedStorage counts the readings, and fails them when it is told to.
type countedStorage struct {
	certmagic.Storage
	reads atomic.Int64
	fail  atomic.Pointer[error]
}

func (s *countedStorage) Load(ctx context.Context, key string) ([]byte, error) {
	s.reads.Add(1)
	if err := s.fail.Load(); err != nil {
		return nil, *err
	}
	return s.Storage.Load(ctx, key)
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	c.storage = &countedStorage{Storage: &certmagic.FileStorage{Path: c.dir}}
	c.now.Store(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixNano())
	return c
}

func (c *cluster) clock() time.Time { return time.Unix(0, c.now.Load()).UTC() }

func (c *cluster) later(d time.Duration) { c.now.Add(int64(d)) }

// keeper is a replica that does nothing by itself; told says whether it hears of the others.
func (c *cluster) keeper(told bool, logger *zap.Logger) *Keeper {
	c.t.Helper()
	keys, _, err := LoadOrMake(c.t.Context(), c.storage, c.clock())
	if err != nil {
		c.t.Fatal(err)
	}
	k := New(Config{
		Ring: new(keyring.Ring), Storage: c.storage, Logger: logger, Now: c.clock, Life: 180*24*time.Hour + Margin,
		Rotate: config.DefaultKeysRotate, Tell: func(ctx context.Context) {
			for _, m := range c.members {
				_ = m.read(ctx)
			}
		},
	})
	if err := k.Ring.Replace(keys); err != nil {
		c.t.Fatal(err)
	}
	k.Ring.OnUnknown(k.unknown)
	if told {
		c.members = append(c.members, k)
	}
	return k
}

func (c *cluster) rotate(k *Keeper) keyring.ID {
	c.t.Helper()
	made, err := k.RotateNow(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return made.ID
}

const place = "place"

func seals(k *Keeper) []byte { return k.Ring.Seal(keyring.PurposeFlow, []byte("x"), place) }

func opens(k *Keeper, sealed []byte) error {
	_, err := k.Ring.Open(keyring.PurposeFlow, sealed, place)
	return err
}

// A new key seals at once everywhere, older ones open on, and a replica that was not told finds out when it meets the key.
func TestRotate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first, second, deaf := c.keeper(true, zap.NewNop()), c.keeper(true, zap.NewNop()), c.keeper(false, zap.NewNop())
	if !first.Ring.Equal(second.Ring) {
		t.Fatal("two replicas made two rings")
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
		both.Go(func() { _, _ = k.RotateNow(t.Context()) })
	}
	both.Wait()
	if n := len(first.Ring.Keys()); n != 4 || len(second.Ring.Keys()) != 4 {
		t.Errorf("%d keys", n)
	}
}

// If the keys cannot be read again, the result is "not known", never "not sealed here": no cookie is cleared and no
// user has to sign in.
func TestUnknownKeyWhileTheStorageIsAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	here, there := c.keeper(false, zap.NewNop()), c.keeper(false, zap.NewNop())
	c.rotate(there)
	sealed := seals(there)
	away := errors.New("away")
	c.storage.fail.Store(&away)
	if err := opens(here, sealed); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, keyring.ErrUnsealable) {
		t.Errorf("while it is away: %v", err)
	}
	if err := opens(here, seals(here)); err != nil {
		t.Errorf("a key that is known: %v", err)
	}
	c.storage.fail.Store(nil)
	c.later(keysPause)
	if err := opens(here, sealed); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// Garbage in cookies makes the storage be read once in a while, however much comes, and is told of once.
func TestForeignKeysAreBounded(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	c := newCluster(t)
	k := c.keeper(false, zap.New(core))
	foreign, err := keyring.New([]byte("a foreign ring, thirty-two bytes"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := foreign.Seal(keyring.PurposeFlow, []byte("x"), place)
	c.storage.reads.Store(0)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if err := opens(k, sealed); !errors.Is(err, keyring.ErrUnknownKey) {
				t.Errorf("a foreign key: %v", err)
			}
		})
	}
	all.Wait()
	for range 1000 {
		if err := opens(k, sealed); !errors.Is(err, keyring.ErrUnknownKey) {
			t.Fatalf("a foreign key: %v", err)
		}
	}
	if n := c.storage.reads.Load(); n > 3 {
		t.Errorf("the storage was read %d times", n)
	}
	if n := logs.Len(); n != 1 || !strings.Contains(logs.All()[0].Message, "signs in again") {
		t.Errorf("%d lines in the log: %v", n, logs.All())
	}
}

// A ring that is lost while it is in use stays in use; one that is replaced is taken, and said to be another.
func TestLostRing(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.ErrorLevel)
	c := newCluster(t)
	k := c.keeper(false, zap.New(core))
	sealed := seals(k)
	file := filepath.Join(c.dir, keysStorageKey)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := k.read(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a ring that is gone: %v", err)
		}
	}
	if err := os.WriteFile(file, []byte(`{"keys":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.read(t.Context()); err == nil {
		t.Error("an empty ring was taken")
	}
	if _, err := k.RotateNow(t.Context()); err == nil {
		t.Error("a ring that cannot be read was replaced")
	}
	if err := opens(k, sealed); err != nil {
		t.Errorf("what was sealed before: %v", err)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("%d lines about one failure", n)
	}
	another := `{"keys":[{"secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","created":"2026-01-01T00:00:00Z"}]}`
	if err := os.WriteFile(file, []byte(another), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := opens(k, sealed); !errors.Is(err, keyring.ErrUnsealable) {
		t.Errorf("under another ring: %v", err)
	}
	if said := logs.FilterMessageSnippet("is another one").Len(); said != 1 {
		t.Errorf("%d lines say that the ring is another", said)
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
	c.later(config.DefaultKeysRotate)
	tend(3)
	// 90 days after it was superseded the first key is needed; 181 days after, it is not.
	if !first.has(oldest) {
		t.Error("a key that sessions may need has retired")
	}
	c.later(config.DefaultKeysRotate)
	tend(4)
	c.later(Margin)
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
		key, err := newKey(nil, c.clock())
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
	if _, err := k.RotateNow(t.Context()); !errors.Is(err, ErrTooMany) {
		t.Errorf("one key more: %v", err)
	}
}
