package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// adminText asks Caddy's admin endpoint.
func (s *site) adminText(path string) string {
	s.t.Helper()
	_, text := s.gw.AskAdmin(http.MethodGet, path, "")
	return text
}

// storeState is what the status and the metrics say of the store; they agree but for a moment.
func (s *site) storeState() string {
	s.t.Helper()
	var status struct {
		Store string `json:"store"`
	}
	if err := json.Unmarshal([]byte(s.adminText("/latchkey/status")), &status); err != nil {
		s.t.Fatal(err)
	}
	return status.Store
}

// An outage of the store from beginning to end, cut off or hanging: who is known goes on for outage_grace, who is not gets
// a 503, a sign-in waits with a page that says so, no cookie is cleared, the operator sees it in the status, in the metrics
// and in one line of the log, and all of it ends by itself when the store is back.
func TestOutageGrace(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(*rig.Line){"cut off": (*rig.Line).Cut, "hanging": (*rig.Line).Hush} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := rig.NewLine(t, rig.Redis(t))
			s := newSite(t, config{
				redis: line.Addr, global: "metrics", app: "session {\ncache_recheck 1s\noutage_grace 10s\n}",
			})
			known, unknown, late := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
			s.entered(known, "/", "alice", "Yes")
			s.entered(unknown, "/", "adam", "No")
			s.gw.Restart()
			if !s.alive(known) || s.storeState() != "ok" {
				t.Fatalf("before the outage: %s", s.storeState())
			}
			callback := s.toCallback(late, "/late", "adam").String()
			began := time.Now()
			outage(line)
			rig.Until(t, rig.Patience, "the status tells", func() bool { return s.storeState() == "cache_only" })
			if m := s.adminText("/metrics"); !strings.Contains(m, `caddy_latchkey_store_state{state="cache_only"} 1`) {
				t.Errorf("the metrics do not tell: %s", m)
			}
			for range 3 {
				for what, r := range map[string]rig.Reply{"a page": known.Get(s.url("/")), "a script": s.api(known, "/x")} {
					if r.StatusCode != 200 && time.Since(began) < 9*time.Second {
						t.Errorf("%s of who is known: %d after %v", what, r.StatusCode, time.Since(began))
					}
				}
			}
			for what, r := range map[string]rig.Reply{
				"a page": unknown.Get(s.url("/")), "a script": s.api(unknown, "/x"), "a sign-in": late.Get(callback),
			} {
				if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || len(r.Header.Values("Set-Cookie")) != 0 {
					t.Errorf("%s of who is not: %d, Retry-After %q, cookies %v", what, r.StatusCode, r.Header.Get("Retry-After"), r.Header.Values("Set-Cookie"))
				}
			}
			rig.Until(t, rig.Patience, "the grace is over", func() bool { return known.Get(s.url("/")).StatusCode == 503 })
			if took := time.Since(began); took < 9*time.Second {
				t.Errorf("the grace was over after %v", took)
			}
			rig.Until(t, rig.Patience, "the status tells of it", func() bool { return s.storeState() == "unavailable" })
			line.Mend()
			rig.Until(t, rig.Patience, "the sessions work again", func() bool { return s.alive(known) && s.alive(unknown) })
			rig.Until(t, rig.Patience, "the status tells of the end", func() bool { return s.storeState() == "ok" })
			if n := strings.Count(s.gw.Output(), "session store unreachable"); n != 1 {
				t.Errorf("%d lines tell of the outage", n)
			}
			rig.Until(t, rig.Patience, "one line tells of its end", func() bool {
				return strings.Count(s.gw.Output(), "session store reachable again") == 1
			})
		})
	}
}
