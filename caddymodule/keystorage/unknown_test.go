package keystorage

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

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
	if err := opens(here, sealed); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("before it is read again: %v", err)
	}
	c.later(askPause)
	if err := opens(here, sealed); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// A storage that does not answer holds one request for a while, and no others. The read goes on, and its result counts.
func TestUnknownKeyWhileTheStorageHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		here, there := c.keeper(false, zap.NewNop()), c.keeper(false, zap.NewNop())
		c.rotate(there)
		sealed := seals(there)
		c.storage.reads.Store(0)
		hold := make(chan struct{})
		c.storage.hold.Store(&hold)
		began := time.Now()
		go func() {
			if err := opens(here, sealed); !errors.Is(err, session.ErrUnavailable) || time.Since(began) != askPatience {
				t.Errorf("the one that waits: %v after %s", err, time.Since(began))
			}
		}()
		synctest.Wait()
		for range 1000 {
			if err := opens(here, sealed); !errors.Is(err, session.ErrUnavailable) || !time.Now().Equal(began) {
				t.Fatalf("another: %v after %s", err, time.Since(began))
			}
		}
		retry.Sleep(t.Context(), askPatience)
		c.later(askPatience)
		synctest.Wait()
		if err := opens(here, sealed); !errors.Is(err, session.ErrUnavailable) || c.storage.reads.Load() != 1 {
			t.Errorf("while it hangs: %v, %d readings", err, c.storage.reads.Load())
		}
		close(hold)
		synctest.Wait()
		if err := opens(here, sealed); err != nil || c.storage.reads.Load() != 1 {
			t.Errorf("when it has answered: %v, %d readings", err, c.storage.reads.Load())
		}
		retry.Sleep(t.Context(), time.Minute) // the storage has goroutines of its own
	})
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
			// Until the reading ends, the answer is not known.
			if err := opens(k, sealed); !errors.Is(err, keyring.ErrUnknownKey) && !errors.Is(err, session.ErrUnavailable) {
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
	if n := c.storage.reads.Load(); n != 1 {
		t.Errorf("the storage was read %d times", n)
	}
	// Nor does it help to send another id each time: one reading per pause.
	own := k.Ring.Keys()[0].ID
	for i := range 10_000 {
		if id := keyring.ID(binary.BigEndian.AppendUint16(nil, uint16(i))); id != own {
			copy(sealed[1:], id[:])
			if err := opens(k, sealed); !errors.Is(err, keyring.ErrUnknownKey) {
				t.Fatalf("a foreign key: %v", err)
			}
		}
		if i%1000 == 0 {
			c.later(askPause)
		}
	}
	if n := c.storage.reads.Load(); n > 11 {
		t.Errorf("the storage was read %d times in ten pauses", n)
	}
	if n := logs.Len(); n != 1 || !strings.Contains(logs.All()[0].Message, "signs in again") {
		t.Errorf("%d lines in the log: %v", n, logs.All())
	}
}
