package bearer

import (
	"crypto/sha256"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

// A token is known by the hash of all of it: one that differs anywhere is another token, also while others are hashed.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.StringMatching(`[a-z]{0,40}`), 1, 8).Draw(t, "tokens")
		var wait sync.WaitGroup
		for _, token := range tokens {
			token = strings.Repeat(token, rapid.IntRange(1, 60).Draw(t, "times"))
			wait.Go(func() {
				if got, want := digestOf(token), digest(sha256.Sum256([]byte(token))); got != want {
					t.Errorf("%d bytes: %x, want %x", len(token), got, want)
				}
			})
		}
		wait.Wait()
	})
	// At the edges of the parts that it is hashed in, and at the end of the longest token.
	long := strings.Repeat("a", MaxToken)
	for _, at := range []int{0, 511, 512, 513, 1023, 1024, MaxToken - 1} {
		if digestOf(long) == digestOf(long[:at]+"b"+long[at+1:]) {
			t.Errorf("byte %d does not count", at)
		}
	}
}

// No copy of a token is made to hash it.
func TestDigestAllocations(t *testing.T) {
	token := session.NewRandom(700)
	least := math.Inf(1)
	for range 5 {
		least = min(least, testing.AllocsPerRun(100, func() { digestOf(token) }))
	}
	if least >= 1 {
		t.Errorf("%.0f pieces of memory", least)
	}
}
