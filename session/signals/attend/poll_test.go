package attend

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/lease"
	"github.com/latchkey-gateway/latchkey/session/signals"
)

// RFC 8936: what is carried out is acknowledged in the next request, at once; what is refused is told with err and
// description. A transmitter that answers at once although it has nothing is asked as often as is configured.
func TestShortPoll(t *testing.T) {
	inBubble(t, func(w *world) {
		w.send("one")
		w.set(func() {
			w.add("unknown", w.token("unknown", "https://e.example/coffee", dict{}))
			w.add("wrong", w.tokenOf(dict{"iss": issuer, "aud": "https://other.example", "iat": 1, "jti": "wrong", "events": dict{disabled: dict{}}}))
			w.add("no token", "hello")
		})
		r := w.start(choices{poll: true})
		pass(time.Second)
		if !w.hasAcked("one", "unknown") || len(w.queue) != 0 || r.carried.of(signals.NothingToDo) != 1 || r.carried.of(signals.UnknownEvent) != 1 {
			t.Errorf("acknowledged %v, left %v, results %v", w.acked, w.queue, r.carried.by)
		}
		if w.refused["wrong"].Err != "invalid_audience" || w.refused["no token"].Err != "invalid_request" || w.refused["wrong"].Description == "" || len(w.refused) != 2 {
			t.Errorf("refused %v", w.refused)
		}
		if first := w.polls[0]; first.Most != mostEvents || first.Immediately || first.Ack != nil || first.PollRequest.Refused != nil {
			t.Errorf("the first request: %+v", first)
		}
		before := w.count()
		pass(10 * time.Minute)
		if n := w.count() - before; n < 20 || n > 27 {
			t.Errorf("asked %d times in ten minutes, every 30 seconds", n)
		}
		if s := r.Attendant.State(); !s.Polling || time.Since(s.Polled) > time.Minute || s.PollError != "" || r.results.of("failed") != 0 {
			t.Errorf("%+v %v", s, r.results.by)
		}
	})
}

// A transmitter that holds a request open until it has an event is asked again at once, so that an event takes no time; so
// is one behind a proxy that gives up waiting, and one that waits for longer than we do.
func TestLongPoll(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"as RFC 8936 says": func(w *world) { w.hold = 20 * time.Second },
		"for very long":    func(w *world) { w.hold = time.Hour },
		"behind a proxy": func(w *world) {
			w.instead = func(_ int, r *http.Request) *http.Response {
				w.mu.Lock()
				news := w.news
				w.mu.Unlock()
				select {
				case <-news:
				case <-time.After(20 * time.Second):
					return answer(504, "<html>")
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				return answer(200, dict{"sets": w.queue})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				change(w)
				r := w.start(choices{poll: true})
				for i := range 10 {
					pass(37 * time.Second)
					w.send(fmt.Sprint("event", i))
					pass(2 * shortest)
					if n := r.carried.of(signals.NothingToDo); n != i+1 {
						t.Fatalf("%d of %d events are carried out", n, i+1)
					}
				}
				if n := w.count(); n > 60 {
					t.Errorf("asked %d times", n)
				}
				if r.results.of("failed") != 0 || r.logged("asking the transmitter for events failed, will retry") != 0 {
					t.Errorf("results %v", r.results.by)
				}
			})
		})
	}
}

// A transmitter can do nothing that makes the gateway ask it in a tight loop, or remember without bound; and once it behaves
// again events are carried out. most is how often it may be asked in an hour.
func TestPollMisbehaves(t *testing.T) {
	const slow = 90 // the longest wait is a minute, shortened by up to a quarter
	var serial atomic.Int64
	for name, c := range map[string]struct {
		instead func(w *world, r *http.Request) *http.Response
		result  string
		most    int
	}{
		"more and more, but nothing": {func(*world, *http.Request) *http.Response {
			return answer(200, dict{"sets": dict{}, "moreAvailable": true})
		}, "repeated", slow},
		"the same event for ever": {func(w *world, _ *http.Request) *http.Response {
			return answer(200, dict{"sets": dict{"a": w.token("a", disabled, dict{})}, "moreAvailable": true})
		}, "repeated", slow},
		"the same refused event for ever": {func(*world, *http.Request) *http.Response { return answer(200, dict{"sets": dict{"a": "x"}}) }, "repeated", slow},
		"ever new refused events": {func(*world, *http.Request) *http.Response {
			return answer(200, dict{"sets": dict{fmt.Sprint(serial.Add(1)): "x"}, "moreAvailable": true})
		}, "repeated", slow},
		"events without a usable name": {func(*world, *http.Request) *http.Response {
			return answer(200, dict{"sets": dict{"": "x", strings.Repeat("n", 2000): "y"}})
		}, "repeated", slow},
		"values that are no text":  {func(*world, *http.Request) *http.Response { return answer(200, dict{"sets": dict{"a": dict{}}}) }, "repeated", slow},
		"401":                      {func(*world, *http.Request) *http.Response { return answer(401, "") }, "failed", slow},
		"403":                      {func(*world, *http.Request) *http.Response { return answer(403, dict{"err": "access_denied"}) }, "failed", slow},
		"404":                      {func(*world, *http.Request) *http.Response { return answer(404, "<html>") }, "failed", slow},
		"429":                      {func(*world, *http.Request) *http.Response { return answer(429, "", "Retry-After", "600") }, "failed", 8},
		"429 for a day":            {func(*world, *http.Request) *http.Response { return answer(429, "", "Retry-After", "86400") }, "failed", 5},
		"500":                      {func(*world, *http.Request) *http.Response { return answer(500, "") }, "failed", slow},
		"504 at once":              {func(*world, *http.Request) *http.Response { return answer(504, "") }, "failed", slow},
		"a redirect":               {func(*world, *http.Request) *http.Response { return answer(302, "", "Location", "/elsewhere") }, "failed", slow},
		"another content type":     {func(*world, *http.Request) *http.Response { return answer(200, dict{}, "Content-Type", "text/html") }, "failed", slow},
		"no content type":          {func(*world, *http.Request) *http.Response { return answer(200, dict{}, "Content-Type", "") }, "failed", slow},
		"no JSON":                  {func(*world, *http.Request) *http.Response { return answer(200, "<html>") }, "failed", slow},
		"an array":                 {func(*world, *http.Request) *http.Response { return answer(200, "[]") }, "failed", slow},
		"sets of another kind":     {func(*world, *http.Request) *http.Response { return answer(200, dict{"sets": []string{"a"}}) }, "failed", slow},
		"an endless answer":        {func(*world, *http.Request) *http.Response { return answer(200, strings.Repeat(" ", 4<<20)) }, "failed", slow + 10},
		"an empty answer, at once": {func(*world, *http.Request) *http.Response { return answer(200, "{}") }, "ok", 170},
		"no content":               {func(*world, *http.Request) *http.Response { return answer(204, "") }, "ok", 170},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.instead = func(_ int, r *http.Request) *http.Response { return c.instead(w, r) }
				r := w.start(choices{poll: true})
				pass(time.Hour)
				if n := w.count(); n > c.most || n < 4 {
					t.Errorf("asked %d times in an hour", n)
				}
				for _, result := range []string{"ok", "failed", "repeated"} {
					if n := r.results.of(result); result != c.result && n > 1 || result == c.result && n == 0 {
						t.Errorf("results %v", r.results.by)
					}
				}
				lines := r.logs.Len()
				if s := r.Attendant.State(); (s.PollError == "") != (c.result == "ok") || lines > 12+60 || len(s.PollError) > 400 {
					t.Errorf("%+v, %d lines in the log", s, lines)
				}
				w.set(func() { w.instead = nil })
				w.send("after all")
				pass(maxPause + time.Minute)
				if !w.hasAcked("after all") || r.Attendant.State().PollError != "" {
					t.Error("it does not recover")
				}
			})
		})
	}
}

// Ever new events that are genuine are all taken, and still at a bounded pace.
func TestPollFlood(t *testing.T) {
	inBubble(t, func(w *world) {
		var n int
		w.instead = func(int, *http.Request) *http.Response {
			sets := dict{}
			for range 2 * mostEvents {
				n++
				jti := fmt.Sprint(n)
				sets[jti] = w.token(jti, "https://e.example/coffee", dict{})
			}
			return answer(200, dict{"sets": sets, "moreAvailable": true})
		}
		r := w.start(choices{poll: true})
		pass(5 * time.Second)
		polls := w.count()
		if carried := r.carried.of(signals.UnknownEvent); polls > 51 || polls < 25 || carried > polls*mostEvents || carried < (polls-1)*mostEvents {
			t.Errorf("asked %d times in 5 seconds, %d events carried out", polls, carried)
		}
		for _, one := range w.polls {
			if len(one.Ack) > mostEvents {
				t.Fatalf("%d events acknowledged in one request", len(one.Ack))
			}
		}
	})
}

// Events that are too long together are asked for one by one, and many again later.
func TestPollTooLong(t *testing.T) {
	inBubble(t, func(w *world) {
		r := w.start(choices{poll: true})
		long := strings.Repeat("x", 40<<10)
		w.set(func() {
			for i := range 30 {
				jti := fmt.Sprint("long", i)
				w.add(jti, w.token(jti, "https://e.example/coffee", dict{"text": long}))
			}
		})
		pass(time.Minute)
		if n := r.carried.of(signals.UnknownEvent); n != 30 || len(w.queue) != 0 || r.results.of("failed") != 0 {
			t.Errorf("%d events carried out, results %v", n, r.results.by)
		}
		w.send("short")
		pass(10 * time.Minute)
		if last := w.polls[len(w.polls)-1]; last.Most < 10 {
			t.Errorf("%d events are asked for", last.Most)
		}
	})
}

// A82: while the store does not answer nothing is acknowledged. What was written before that is acknowledged, and the rest
// once the store answers.
func TestPollStoreDown(t *testing.T) {
	inBubble(t, func(w *world) {
		r := w.start(choices{poll: true})
		pass(time.Second)
		var down atomic.Bool
		events := 0
		r.store.Interrupt(func(_ context.Context, op string, key session.Key) error {
			if op == "create" && strings.HasPrefix(string(key), "el:") {
				if events++; events == 2 {
					down.Store(true)
				}
			}
			if down.Load() {
				return session.ErrUnavailable
			}
			return nil
		})
		for _, jti := range []string{"a", "b", "c"} {
			w.send(jti)
		}
		pass(45 * time.Second)
		if !w.hasAcked("a") || w.hasAcked("b") || w.hasAcked("c") {
			t.Errorf("acknowledged %v", w.acked)
		}
		down.Store(false)
		pass(time.Minute)
		if !w.hasAcked("b", "c") || len(w.queue) != 0 || r.carried.of(signals.NothingToDo) != 3 {
			t.Errorf("acknowledged %v, results %v", w.acked, r.carried.by)
		}
	})
}

// Events that always fail are not acknowledged and hold up no other, however many they are and wherever they stand.
func TestPollEventFails(t *testing.T) {
	inBubble(t, func(w *world) {
		r := w.start(choices{poll: true})
		pass(time.Second)
		bad := map[session.Key]bool{}
		var mu sync.Mutex
		r.store.Interrupt(func(_ context.Context, op string, key session.Key) error {
			mu.Lock()
			defer mu.Unlock()
			if op != "create" || !strings.HasPrefix(string(key), "el:") {
				return nil
			}
			if bad[key] || len(bad) < 4 {
				bad[key] = true
				return session.ErrUnavailable
			}
			return nil
		})
		for _, jti := range []string{"a", "b", "c", "d", "e", "f"} {
			w.send(jti)
		}
		pass(5 * time.Minute)
		if len(w.queue) != 4 || r.carried.of(signals.NothingToDo) != 2 {
			t.Errorf("acknowledged %v, results %v", w.acked, r.carried.by)
		}
		r.store.Interrupt(nil)
		pass(2 * time.Minute)
		if len(w.queue) != 0 {
			t.Errorf("left %v", w.queue)
		}
	})
}

// What is wrong with the acknowledgements does not end the stream: they are left out, and the events come again.
func TestPollAckRefused(t *testing.T) {
	inBubble(t, func(w *world) {
		w.instead = func(int, *http.Request) *http.Response {
			last := w.polls[len(w.polls)-1]
			if len(last.Ack)+len(last.PollRequest.Refused) > 0 {
				return answer(400, dict{"err": "invalid_request"})
			}
			return answer(200, dict{"sets": dict{"a": w.token("a", disabled, dict{}), "b": "x"}})
		}
		r := w.start(choices{poll: true})
		pass(time.Hour)
		if r.carried.of(signals.NothingToDo) != 1 || r.carried.of(signals.Duplicate) < 10 || w.count() > 200 {
			t.Errorf("results %v, asked %d times", r.carried.by, w.count())
		}
	})
}

// One replica polls at a time. When it is stopped, another one does within seconds; when it dies, once its lease is over.
func TestPollByOneReplica(t *testing.T) {
	inBubble(t, func(w *world) {
		w.hold = 20 * time.Second
		a := w.start(choices{poll: true})
		pass(time.Second)
		b, c := w.start(choices{poll: true}), w.start(choices{poll: true})
		pass(5 * time.Minute)
		if !a.Attendant.State().Polling || b.Attendant.State().Polling || c.Attendant.State().Polling || b.results.of("ok")+c.results.of("ok") != 0 {
			t.Fatal("not only the first one polls")
		}
		began := time.Now()
		a.Stop()
		if time.Since(began) != 0 {
			t.Errorf("the end took %s", time.Since(began))
		}
		pass(takeEvery + time.Second)
		polling := slices.DeleteFunc([]*replica{a, b, c}, func(r *replica) bool { return !r.Attendant.State().Polling })
		if len(polling) != 1 || polling[0] == a {
			t.Fatalf("%d poll after the first was stopped", len(polling))
		}
		w.send("a")
		pass(time.Second)
		polling[0].die()
		w.send("b")
		pass(lease.Life + takeEvery + time.Second)
		if !w.hasAcked("a", "b") || b.carried.of(signals.NothingToDo)+c.carried.of(signals.NothingToDo) != 2 {
			t.Errorf("acknowledged %v, %v, %v", w.acked, b.carried.by, c.carried.by)
		}
	})
}

// A restart between the receipt and the acknowledgement: the event comes again, is known, and is acknowledged.
func TestPollStoppedBeforeAck(t *testing.T) {
	inBubble(t, func(w *world) {
		a := w.start(choices{poll: true})
		w.send("a")
		pass(shortest / 2)
		a.Stop()
		if a.carried.of(signals.NothingToDo) != 1 || w.hasAcked("a") {
			t.Fatalf("carried out %v, acknowledged %v", a.carried.by, w.acked)
		}
		b := w.start(choices{poll: true})
		pass(time.Second)
		if b.carried.of(signals.Duplicate) != 1 || !w.hasAcked("a") {
			t.Errorf("carried out %v, acknowledged %v", b.carried.by, w.acked)
		}
	})
}

// An event that makes the program panic does not end it, and is not acknowledged.
func TestPollPanic(t *testing.T) {
	inBubble(t, func(w *world) {
		r := w.start(choices{poll: true})
		r.Receiver.OnReceived = func(string, signals.Kind, signals.Result) { panic("in a test") }
		w.send("a")
		pass(10 * time.Minute)
		if w.hasAcked("a") || r.results.of("failed") == 0 || w.count() > 40 {
			t.Errorf("acknowledged %v, results %v", w.acked, r.results.by)
		}
	})
}

// What is remembered of events is bounded, and the oldest is forgotten first.
func TestHandled(t *testing.T) {
	var h handled
	for i := range 3 * maxHandled {
		if !h.add(fmt.Sprint(i)) || h.add(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	if len(h.known) != maxHandled || h.add(fmt.Sprint(2*maxHandled+1)) || !h.add("0") || len(h.known) != maxHandled {
		t.Errorf("%d are known", len(h.known))
	}
}

func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := jitter(time.Minute)
		if d > time.Minute || d < 45*time.Second {
			t.Fatal(d)
		}
		seen[d] = true
	}
	if len(seen) < 90 || jitter(0) != 0 {
		t.Errorf("%d different waits", len(seen))
	}
}
