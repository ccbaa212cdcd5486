package redisstore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// Steps that come together are sent together, each with its own script and its own answer. Of those that create the same
// entry exactly one succeeds.
func TestWritesShareTrips(t *testing.T) {
	server := redistest.Start(t)
	s := filled(t, server.URL(0), 1)
	const callers, each = 32, 50
	step := func(key session.Key) session.Step {
		until := time.Now().Add(time.Hour)
		return session.Step{
			Create: session.Entry{Key: key, Value: []byte(key), Expires: until}, In: []session.Listing{{Index: "i:all", Member: key, Until: until}}, Read: []session.Key{key},
		}
	}
	if _, err := s.Apply(t.Context(), step("s:first")); err != nil { // the server learns the script
		t.Fatal(err)
	}
	reads, asked := count(server, "stats", "total_reads_processed:"), count(server, "commandstats", "cmdstat_evalsha:calls=")
	var all sync.WaitGroup
	var same atomic.Int32
	for c := range callers {
		all.Go(func() {
			for i := range each {
				own := session.Key(fmt.Sprintf("s:%d-%d", c, i))
				if done, err := s.Apply(t.Context(), step(own)); err != nil || len(done.Entries) != 1 || string(done.Entries[0].Value) != string(own) {
					t.Errorf("%v, %v", done, err)
					return
				}
			}
			switch _, err := s.Apply(t.Context(), step("s:same")); {
			case err == nil:
				same.Add(1)
			case !errors.Is(err, session.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	reads, asked = count(server, "stats", "total_reads_processed:")-reads, count(server, "commandstats", "cmdstat_evalsha:calls=")-asked
	t.Logf("%d steps in %d reads", asked, reads)
	if asked != callers*(each+1) || same.Load() != 1 {
		t.Errorf("%d scripts for %d steps, and %d created the same entry", asked, callers*(each+1), same.Load())
	}
	if reads > callers*each/2 {
		t.Errorf("%d steps in %d reads", asked, reads)
	}
}
