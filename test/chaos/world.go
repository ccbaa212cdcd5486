package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

const secret = "a-client-secret-of-sixty-four-characters-xxxxxxxxxxxxxxxxxxxxxxxx"

// maxPeople is for how many the provider has accounts.
const maxPeople = 64

// world is everything that can fail, and who uses it.
type world struct {
	t      testing.TB
	report *Report
	rng    *rand.Rand // of the goroutine that injects faults
	redis  *redistest.SentinelSet
	idp    *rig.IDP
	events *transmitter.Transmitter
	app    *app
	nodes  [2]*node
	done   chan struct{}

	mu     sync.Mutex
	people []*person
	fault  string // under way, or the last
}

// node is one replica of the gateway.
type node struct {
	*rig.Gateway
	index, port int
	turn        int          // of the configuration
	breaks      atomic.Int64 // how often its process ended or was about to
	away        atomic.Bool  // killed, stopping or stopped: its admin API is not used
}

func (n *node) url(path string) string {
	return fmt.Sprintf("https://%s:%d%s", cookieHost, n.port, path)
}

func newWorld(t testing.TB, c Config, r *Report, rng *rand.Rand) *world {
	t.Helper()
	w := &world{t: t, report: r, rng: rng, done: make(chan struct{}), fault: "the start"}
	redisstore.LogTo(func(string) {}) // that servers cannot be reached is what this is about
	// Persistent, as docs/operations.md demands of servers that restart by themselves.
	w.redis = redistest.StartSentinels(t, redistest.SentinelConfig{Replicas: 2, Sentinels: 3, DownAfter: c.DownAfter, Persistent: true})
	w.app = newApp(t, r)
	w.events = transmitter.New(t)
	users := map[string]rig.Claims{}
	for i := range maxPeople {
		name := fmt.Sprintf("person%d", i)
		users[name] = rig.Claims{"preferred_username": name, "name": name, "groups": []string{"staff"}}
	}
	client := rig.Client{ID: "gw", Secret: secret}
	for i := range w.nodes {
		n := &node{index: i, port: rig.FreePort(t)}
		w.nodes[i] = n
		client.RedirectURIs = append(client.RedirectURIs, n.url("/.latchkey/callback"))
		client.SignedOut = append(client.SignedOut, n.url("/.latchkey/signed-out"))
	}
	w.idp = rig.NewIDP(t, rig.IDPConfig{Users: users, Clients: []rig.Client{client}})
	data := t.TempDir()
	for _, n := range w.nodes {
		n.Gateway = rig.NewGateway(t, rig.GatewayConfig{
			Caddyfile: w.caddyfile(n), Data: data, Probe: n.url("/.latchkey/keys"),
		})
	}
	return w
}

// caddyfile is the configuration of a node. Each turn differs from the last, so that it is loaded.
func (w *world) caddyfile(n *node) string {
	var sentinels strings.Builder
	for _, s := range w.redis.Sentinels {
		sentinels.WriteString(" " + s.Addr)
	}
	return fmt.Sprintf("{\n"+rig.Globals+`	latchkey {
		provider {
			issuer %s
			client_id gw
			client_secret %s
		}
		store redis {
			sentinel %s%s
		}
		session {
			recheck 8s
			cache_recheck 2s
			binding prefer {
				cookie_lifetime %v
				insecure_short_lifetime
				kinds all
			}
		}
		signals hub {
			issuer %s
			audience %s
			provider default
			push %s
		}
		rate_limit off
		stay_signed_in on {
			abandon_after %ds
		}
	}
}

https://%s:%d {
	tls internal
	@blocked path /blocked*
	@bound path /bound
	latchkey {
		app chaos
		policy bound @bound {
			require bound_session
		}
		policy nobody @blocked {
			block
		}
	}
	reverse_proxy %s {
		header_up %s {http.latchkey.session.bound}
		stream_close_delay 15m
	}
}
`, w.idp.Issuer, secret, w.redis.Master, sentinels.String(), shortLife,
		w.events.Issuer, transmitter.Audience, pushSecret, 600+n.turn,
		cookieHost, n.port, w.app.addr, boundHeader)
}

func (w *world) over() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// pause waits, or until the end.
func (w *world) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.done:
	}
}

func (w *world) current() string { w.mu.Lock(); defer w.mu.Unlock(); return w.fault }

func (w *world) everybody() []*person {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*person(nil), w.people...)
}

// settle waits until all users have been served on both replicas, and returns how long that took.
func (w *world) settle(after string) time.Duration {
	began := time.Now()
	var waiting *person
	served := func() bool {
		people := w.everybody()
		for _, p := range people {
			for i := range p.served {
				if p.served[i].Load() < began.UnixNano() {
					waiting = p
					return false
				}
			}
		}
		return len(people) > 0
	}
	if !rig.Holds(recovery, served) {
		w.report.note(&w.report.Wrong, "%v after %s not everybody is served: %s", recovery, after, waiting.name)
	}
	took := time.Since(began)
	if took > 5*time.Second {
		w.t.Logf("%s was the last to be served after %s, %v later:\n%s", waiting.name, after, took.Round(time.Millisecond), waiting.lately())
	}
	return took
}

// logged is what the gateways have logged in the last seconds, but what they tell at every request of a session that is over.
func (w *world) logged() string {
	var out strings.Builder
	for _, n := range w.nodes {
		lines := strings.Split(n.Output(), "\n")
		for _, line := range lines[max(0, len(lines)-maxLines):] {
			m := loggedAt.FindStringSubmatch(line)
			if m == nil || strings.Contains(line, `"bound session is over"`) {
				continue
			}
			if at, _ := strconv.ParseFloat(m[1], 64); time.Since(time.UnixMilli(int64(at*1000))) < 10*time.Second {
				fmt.Fprintf(&out, "replica %d: %s\n", n.index, line)
			}
		}
	}
	return out.String()
}

var loggedAt = regexp.MustCompile(`"ts":([0-9.]+)`)

// maxLines bounds how many lines of a gateway are looked at.
const maxLines = 400

// slow logs requests that took longer than a user should wait.
func (w *world) slow(began time.Time, format string, args ...any) {
	if took := time.Since(began); took > 5*time.Second {
		w.t.Logf("%s %s took %v, during %q", time.Now().UTC().Format("15:04:05.000"), fmt.Sprintf(format, args...), took.Round(time.Millisecond), w.current())
	}
}

// last looks once more, when nothing fails any more: who was revoked stays so.
func (w *world) last() {
	w.settle("the last fault")
	w.pause(Bound + time.Second)
}

// strangers ask without a session, with a forged one, and with headers that claim one.
func (w *world) strangers() {
	c := rig.NewHTTP(w.t)
	c.Patience(2 * time.Second)
	for n := 0; !w.over(); n++ {
		header := rig.Navigation()
		header[badge] = []string{fmt.Sprintf("stranger%d", n)}
		header["Remote-User"] = []string{"person0"}
		if n%2 == 0 {
			header["Cookie"] = []string{handle + "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
		}
		r, err := c.Try(rig.Call{URL: w.nodes[n/2%2].url("/p"), Header: header, Bare: true})
		if err == nil && r.StatusCode == http.StatusOK {
			w.report.note(&w.report.Unallowed, "a stranger was served")
		}
		w.pause(150 * time.Millisecond)
	}
}

// issuerPath is a person as the admin API names them.
func (w *world) issuerPath(person string) string {
	return "/latchkey/users/" + url.PathEscape(w.idp.Issuer) + "/" + url.PathEscape(person) + "/sessions"
}
