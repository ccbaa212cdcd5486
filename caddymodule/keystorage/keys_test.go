package keystorage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
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

// countedStorage counts the readings, and fails or holds them when it is told to.
type countedStorage struct {
	certmagic.Storage
	reads atomic.Int64
	fail  atomic.Pointer[error]
	hold  atomic.Pointer[chan struct{}]
}

func (s *countedStorage) Load(ctx context.Context, key string) ([]byte, error) {
	s.reads.Add(1)
	if hold := s.hold.Load(); hold != nil {
		<-*hold
	}
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
	if err := k.Ring.Replace(keys, c.clock()); err != nil {
		c.t.Fatal(err)
	}
	k.Ring.OnUnknown(k.unknown)
	if told {
		c.members = append(c.members, k)
	}
	return k
}

// rotate makes a key that seals at once.
func (c *cluster) rotate(k *Keeper) keyring.ID {
	c.t.Helper()
	made, err := k.RotateIn(c.t.Context(), 0)
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

// keeps tells whether a ring has a key, and whether that one seals.
func keeps(k *Keeper, id keyring.ID) (has, seals bool) {
	for _, key := range k.Ring.Keys() {
		if key.ID == id {
			return true, key.Seals
		}
	}
	return false, false
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
	if _, err := k.RotateIn(t.Context(), 0); err == nil {
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
