package filestore

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// What is listed for an owner is bounded, and goes with the entries.
func TestOwnersAreBounded(t *testing.T) {
	s := openFile(t, Config{})
	listed := func() int { return keys(t, s, partOwners) }
	for i := range 3 {
		b := journal.Batch{Until: time.Now().Add(time.Hour), Most: 1 << 20}
		for k := range journal.MaxOwned {
			b.Values, b.Owners = append(b.Values, fmt.Appendf(nil, "%d %d", i, k)), append(b.Owners, []string{"p:ada", "p:bob", ""}[i])
		}
		b.Values, b.Owners = append(b.Values, fmt.Appendf(nil, "%d", i)), append(b.Owners, "p:ada")
		if err := s.Append(t.Context(), "day", b); err != nil {
			t.Fatal(err)
		}
	}
	if n := listed(); n != 2*journal.MaxOwned {
		t.Errorf("%d are listed, want %d for each of two", n, journal.MaxOwned)
	}
	for {
		if n, err := s.Trim(t.Context(), "day", 1); err != nil || n == 0 {
			break
		}
	}
	if n := listed(); n != 1 {
		t.Errorf("%d are listed for one entry", n)
	}
}
