package signin

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// What happens to a binding is told: each step by what came of it, the binding itself by one event, and the state of the
// session on the user's own page.
func TestBindingIsTold(t *testing.T) {
	g := binding(t)
	var steps []string
	var events []map[string]any
	g.service.OnBinding = func(step, result string) { steps = append(steps, step+" "+result) }
	g.service.Notify = func(event string, data map[string]any) {
		if event == access.EventBound {
			events = append(events, data)
		}
	}
	b := g.bearer()
	offer := b.arrive("yes")
	waiting := b.get(wiki + browser.BoundWaitPath + "?to=%2Fusers")
	if waiting.status != http.StatusForbidden || !strings.Contains(waiting.body, "binding_required") {
		t.Errorf("before the registration: %d %s", waiting.status, waiting.body)
	}
	if r := b.post("/.latchkey/bound/register", "Secure-Session-Response", "x"); r.status != http.StatusForbidden {
		t.Errorf("no registration: %d", r.status)
	}
	b.register(offer)
	if len(events) != 0 {
		t.Errorf("told before the browser has shown that it has the answer: %v", events)
	}
	if r := b.get(wiki + browser.BoundWaitPath + "?to=%2Fusers"); r.status != http.StatusSeeOther || r.location != "/users" {
		t.Errorf("the page that waits: %d to %q", r.status, r.location)
	}
	b.get(wiki + "/")
	if len(events) != 1 || events[0]["algorithm"] != "ES256" || events[0]["kind"] != "persistent" || events[0]["session"] != b.record().ID.Short() {
		t.Errorf("events %v", events)
	}
	mine := b.do(http.MethodGet, wiki+"/.latchkey/me", nil, "Accept", "application/json")
	if !strings.Contains(mine.body, `"bound":true`) {
		t.Errorf("%s", mine.body)
	}
	if page := b.get(wiki + "/.latchkey/me"); !strings.Contains(page.body, "Protected by this device") {
		t.Errorf("%s", page.body)
	}
	g.clock.Advance(boundLife - time.Minute)
	b.refresh()
	b.refreshWith("x")
	g.clock.Advance(boundLimits.Persistent.Idle)
	b.refresh()
	want := []string{"registration refused", "registration done", "refresh done", "refresh refused", "refresh ended"}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// The log says of each entry whether its session was bound, where sessions are bound at all.
func TestLogSaysWhatIsBound(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*settings)
		want   string
	}{
		"binding":    {func(*settings) {}, "none"},
		"no binding": {func(s *settings) { s.binds = access.Binds{} }, ""},
	} {
		g := binding(t, tt.change)
		g.bearer().arrive("yes")
		entries := g.log.all
		if len(entries) == 0 {
			t.Fatalf("%s: nothing is logged", name)
		}
		if got := entries[len(entries)-1].BoundTo; got != tt.want {
			t.Errorf("%s: a new session is bound to %q, want %q", name, got, tt.want)
		}
	}
	g := binding(t)
	b := g.bound("yes")
	g.clock.Advance(boundLimits.Persistent.Idle)
	b.get(wiki + "/")
	entries := g.log.all
	if last := entries[len(entries)-1]; last.Code != 70008 || last.BoundTo != "device" {
		t.Errorf("the end of a bound session: %+v", last)
	}
}

// V4: Two requests that show the cookie of a bound session first, and at once, are one binding: it is told once.
func TestBoundOnceForTwoRequests(t *testing.T) {
	store := &refusing{}
	g := binding(t, func(s *settings) { s.wrap = store })
	var events atomic.Int64
	g.service.Notify = func(event string, _ map[string]any) {
		if event == access.EventBound {
			events.Add(1)
		}
	}
	b := g.bearer()
	b.register(b.arrive("yes"))
	token, err := session.OpenToken(g.service.Keys, b.value(handle), hostOf(wiki), browser.SessionCookie)
	if err != nil {
		t.Fatal(err)
	}
	unbound, err := g.service.Sessions.Reload(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, wiki+"/", http.NoBody)
	confirm := func() {
		if now, err := g.service.Confirmed(r, unbound, token); err != nil || !now.Bound {
			t.Errorf("%+v, %v", now, err)
		}
	}
	reads := 0
	store.before = func(op string) {
		if op != "get" {
			return
		}
		if reads++; reads == 2 { // the first request has seen that the session is not bound, and is about to write
			confirm()
		}
	}
	confirm()
	if n := events.Load(); n != 1 || reads < 3 {
		t.Errorf("told %d times, %d reads", n, reads)
	}
}
