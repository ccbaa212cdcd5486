package session_test

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

// The table of sessions does not grow while requests wait for it, up to the default number of sessions. A small cache has no room
// for more than it keeps.
func TestTableHasRoom(t *testing.T) {
	const one = 20 << 10 // the least that a table grows by
	if n := session.TableGrowth(80_000, 100_000); n >= one {
		t.Errorf("the tables of a cache of 100,000 grow by %d bytes for 80,000 sessions", n)
	}
	if n := session.TableGrowth(80_000, 64); n < 64*one {
		t.Errorf("the tables of a cache of 64 grow by %d bytes for 80,000 sessions", n)
	}
}
