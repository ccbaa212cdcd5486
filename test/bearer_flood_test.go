package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// An address that sends tokens with wrong signatures, a thousand a second, is told to wait. A program behind it gets in with a
// token that was never seen, when it comes again as it is told, and one whose token is known does not wait at all.
func TestBearerFlood(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{}, "")
	known, fresh := s.robotToken(apiResource, "api:read"), s.userTokens("alice", "openid api:read", nil).Access
	s.mustPass(s.program("/", known, nil))
	stop, answers := s.flood(known)
	defer stop()
	rig.Until(t, rig.Patience, "the address must wait", func() bool { return answers[http.StatusTooManyRequests].Load() > 100 })
	// It comes again at once, which counts as one try a second.
	rig.Until(t, rig.Patience, "a good token behind the address is in", func() bool {
		r := s.program("/", fresh, nil)
		if r.StatusCode == http.StatusOK {
			return true
		}
		if wait := r.Header.Get("Retry-After"); wait != "1" {
			t.Errorf("Retry-After is %q", wait)
		}
		s.mustRefuse(r, http.StatusTooManyRequests, "token_attempts")
		return false
	})
	s.mustPass(s.program("/", known, nil))
	stop()
	if n := answers[http.StatusOK].Load(); n != 0 {
		t.Errorf("%d of the flood passed", n)
	}
	told := 0
	for _, entry := range s.gw.AllLogs() {
		if strings.HasPrefix(entry.Text("msg"), "new tokens of an address wait") {
			if told++; entry.Text("address") != "127.0.0.1" {
				t.Errorf("logged %v", entry)
			}
		}
	}
	if told < 1 || told > 2 { // two if a minute began
		t.Errorf("logged %d times", told)
	}
}

// flood sends tokens with wrong signatures, no two alike, until stop is called, and counts the answers by status.
func (s *site) flood(token string) (stop func(), answers map[int]*atomic.Int64) {
	answers = map[int]*atomic.Int64{http.StatusOK: {}, http.StatusUnauthorized: {}, http.StatusTooManyRequests: {}}
	ctx, cancel := context.WithCancel(s.t.Context())
	var wait sync.WaitGroup
	for part := range 4 {
		c := rig.NewHTTP(s.t)
		wait.Go(func() {
			tick := time.NewTicker(4 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				forged := token[:len(token)-16] + fmt.Sprintf("%05d%010d", part, i) + token[len(token)-1:]
				header := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}, "Authorization": {"Bearer " + forged}}
				if r := c.Do(rig.Call{URL: s.url("/"), Header: header}); answers[r.StatusCode] != nil {
					answers[r.StatusCode].Add(1)
				} else {
					s.t.Errorf("the flood is answered %d", r.StatusCode)
				}
			}
		})
	}
	return func() { cancel(); wait.Wait() }, answers
}
