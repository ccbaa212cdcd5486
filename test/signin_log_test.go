package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// signInPage asks a gateway's admin API for its stored sign-ins.
func signInPage(t *testing.T, s *site, query string) (status int, entries []rig.LogEntry, text string) {
	t.Helper()
	status, text = s.gw.AskAdmin(http.MethodGet, "/latchkey/sign-ins"+query, "")
	var page struct{ Entries []rig.LogEntry }
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return status, page.Entries, text
}

// awaitStored waits until a query has n entries.
func awaitStored(t *testing.T, s *site, query string, n int) []rig.LogEntry {
	t.Helper()
	var entries []rig.LogEntry
	rig.Until(t, rig.Patience, fmt.Sprintf("%s has %d entries", query, n), func() bool {
		_, entries, _ = signInPage(t, s, query)
		return len(entries) >= n
	})
	if len(entries) != n {
		t.Errorf("%s: %d entries, want %d", query, len(entries), n)
	}
	return entries
}

// What is logged is stored as well, the same to the field, and still there after a restart: from the admin API and
// from the command, in both stores.
func TestSignInsAreStored(t *testing.T) {
	for name, c := range map[string]config{"file": {embedded: true}, "redis": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.app = "stay_signed_in {\nabandon_after 4s\n}\npolicy no-guests {\ninclude guests\nblock\n}"
			s := newSite(t, c)
			s.entered(rig.NewHTTP(t), "/", "adam", "Yes")
			s.enter(rig.NewHTTP(t), "/", "gina", "")
			s.enter(rig.NewHTTP(t), "/", "alice", "") // and no answer
			s.gw.AwaitSignIns(50140, 1, rig.Patience)
			stored := awaitStored(t, s, "", 3)
			logged := s.gw.SignInLog()
			for _, e := range stored {
				i := slices.IndexFunc(logged, func(l rig.LogEntry) bool { return l.Text("id") == e.Text("id") })
				if i < 0 {
					t.Fatalf("an entry is not in the log: %v", e)
				}
				for field, value := range e {
					if fmt.Sprint(logged[i][field]) != fmt.Sprint(value) {
						t.Errorf("%s is %v in the store and %v in the log", field, value, logged[i][field])
					}
				}
			}
			s.gw.Restart()
			awaitStored(t, s, "", 3)
			for query, want := range map[string]string{
				"?user=ADAM": "adam", "?code=53003": "gina", "?status=interrupted": "alice", "?user=adam&code=0&since=1h": "adam",
			} {
				if e := awaitStored(t, s, query, 1); e[0].Text("userPrincipalName") != want {
					t.Errorf("%s: %v", query, e)
				}
			}
			out, err := s.gw.Command("sign-ins", "--code", "53003", "--json")
			if err != nil || !strings.Contains(out, `"displayName":"no-guests","result":"failure","enforcedGrantControls":["block"]`) {
				t.Errorf("the command: %v\n%s", err, out)
			}
			if out, err = s.gw.Command("sign-ins"); err != nil || strings.Count(out, "\n") < 4 || !strings.Contains(out, "50140") {
				t.Errorf("the table: %v\n%s", err, out)
			}
			if c.embedded {
				return
			}
			keys := rig.RedisLines(t, s.redis, "KEYS *+sign-ins:*")
			if len(keys) == 0 || len(keys) > 2 {
				t.Errorf("keys %q", keys)
			}
			for _, key := range keys {
				if dump := strings.Join(rig.RedisLines(t, s.redis, "XRANGE "+key+" - +"), "\n"); strings.Contains(dump, "alice") || strings.Contains(dump, "userPrincipalName") {
					t.Error("the store can be read")
				}
			}
		})
	}
}

// The limits hold from the reload on that brings them, and a log that is off says so; sign-ins go on.
func TestSignInLogReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{embedded: true})
	for range 3 {
		s.entered(rig.NewHTTP(t), "/", "adam", "No")
	}
	awaitStored(t, s, "", 3)
	if err := s.reload(func(c *config) { c.app = "sign_in_log {\nmax_entries 4\n}" }); err != nil {
		t.Fatal(err)
	}
	// Half of them is for sign-ins that succeeded.
	rig.Until(t, rig.Patience, "the oldest is gone", func() bool { _, e, _ := signInPage(t, s, ""); return len(e) == 2 })
	if err := s.reload(func(c *config) { c.app = "sign_in_log {\nmax_entries 0\n}" }); err != nil {
		t.Fatal(err)
	}
	if status, _, text := signInPage(t, s, ""); status != http.StatusNotFound || !strings.Contains(text, "max_entries 0") {
		t.Errorf("off: %d %s", status, text)
	}
	if out, err := s.gw.Command("sign-ins"); err == nil || !strings.Contains(out, "not stored here") {
		t.Errorf("the command: %v\n%s", err, out)
	}
	s.entered(rig.NewHTTP(t), "/", "adam", "No")
	// A reload that is refused leaves the admin API with the configuration that runs.
	if err := s.reload(func(c *config) { c.app = "" }); err != nil {
		t.Fatal(err)
	}
	if err := s.reload(func(c *config) { c.app = "sign_in_log {\nkeep soon\n}" }); err == nil {
		t.Error("a bad configuration is taken")
	}
	awaitStored(t, s, "", 2)
}

// Gateways on one Redis have one log, and a Redis that is away is a 503.
func TestSignInLogOfReplicas(t *testing.T) {
	a, b := replicas(t, config{})
	a.entered(rig.NewHTTP(t), "/", "adam", "No")
	a.entered(rig.NewHTTP(t), "/", "alice", "No")
	for _, s := range []*site{a, b} {
		awaitStored(t, s, "", 2)
	}
	rig.RedisLines(t, a.redis, "CONFIG SET requirepass shut\r\nCLIENT KILL TYPE normal SKIPME yes")
	if status, _, text := signInPage(t, a, ""); status != http.StatusServiceUnavailable || strings.Contains(text, "entries") {
		t.Errorf("while Redis is away: %d %s", status, text)
	}
	rig.RedisLines(t, a.redis, "AUTH shut\r\nCONFIG SET requirepass \"\"")
	awaitStored(t, b, "", 2)
}
