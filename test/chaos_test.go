package e2e

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/chaos"
)

var (
	chaosFor  = flag.Duration("chaos", 0, "how long TestChaos goes on; 0 is the short form")
	chaosSeed = flag.Uint64("seed", 0, "what TestChaos repeats; 0 chooses one")
	chaosOnly = flag.String("faults", "", "the faults that the long form of TestChaos injects, by commas; empty means all")
)

// completeFor is how long a run must be for every fault to have its turn even on a busy machine. One that is as long and
// leaves any out fails.
const completeFor = 8 * time.Minute

// Whatever is killed, stopped, restarted and reloaded: no user is signed out who was not revoked, nothing reaches the app
// that no decision let through, no user who was revoked is let in after the bound, and no bound session is served as one that
// is not. The long form is `make chaos`.
func TestChaos(t *testing.T) {
	t.Parallel()
	// Beside the other tests a server waits half a second for its turn now and then, and a failover that no fault has
	// caused, while another is under way, takes the last copy of a write along.
	c := chaos.Config{Seed: *chaosSeed, People: 8, Rounds: 1, Reloads: 8, DownAfter: 2 * time.Second, Only: []string{"gateway killed", "master killed", "gateways reloaded"}}
	if *chaosFor > 0 {
		c = chaos.Config{Seed: *chaosSeed, People: 24, Rounds: 8, Reloads: 320, Until: time.Now().Add(*chaosFor), Complete: *chaosFor >= completeFor}
		if *chaosOnly != "" {
			c.Only, c.Rounds, c.Reloads = strings.Split(*chaosOnly, ","), 400, 16000 // until the time is up
		}
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64N(1 << 32)
	}
	chaos.Run(t, c)
}
