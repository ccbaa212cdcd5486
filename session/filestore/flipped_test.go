//go:build !race

package filestore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A dying disk gives errors: the process does not go down with it, and nothing counts as absent that was never said
// to be. Where a flipped bit hits a key, that key is honestly not there.
//
// Not with the race detector: of a slice that damage has made gigabytes long it looks up every byte in its own tables,
// in C, and faults where they end. Such a fault takes the process down, whereas Go's own are errors here. `make test`
// runs this without it.
func TestFlippedBits(t *testing.T) {
	good := healthy(t)
	now := storetest.NewClock().Now
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's choices
	opened, failed := 0, 0
	for round := range 60 {
		data := append([]byte(nil), good...)
		flips := 1 + random.IntN(40)
		if round%20 == 0 { // so many that every part of the file is hit
			flips = len(data) / 16
		}
		for range flips {
			data[8192+random.IntN(len(data)-8192)] ^= 1 << random.IntN(8)
		}
		file := filepath.Join(t.TempDir(), "sessions.db")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := filestore.Open(filestore.Config{Path: file, Now: now})
		if err != nil {
			failed++
			continue
		}
		opened++
		for i := range 200 {
			_, err := s.Get(ctx, session.Key(fmt.Sprintf("s:%d", i)))
			if err != nil && !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrUnavailable) {
				t.Fatalf("get: %v", err)
			}
		}
		_, _ = s.Members(ctx, "u:all", time.Time{}, 1000)
		for i := range 20 {
			e := session.Entry{Key: session.Key(fmt.Sprintf("s:new%d", i)), Expires: now().Add(time.Hour)}
			if err := s.Create(ctx, e); err != nil && !errors.Is(err, session.ErrUnavailable) {
				t.Fatalf("create: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	}
	if opened == 0 || failed == 0 {
		t.Fatalf("%d files opened, %d did not: the damage tests nothing", opened, failed)
	}
}
