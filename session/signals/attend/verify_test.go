package attend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signals/transmitter"
)

const (
	silent  = "the stream is silent: no event and no verification has arrived"
	speaks  = "events of the stream arrive again"
	stopped = "the transmitter has stopped the stream: no events arrive"
	enabled = "the transmitter has enabled the stream"
	unasked = "the state of the stream cannot be asked for at the transmitter, will retry"
)

// pushTo makes verifications arrive by push at a replica.
func (w *world) pushTo(r *replica) {
	w.set(func() {
		w.push = func(token string) {
			if err := r.Receive(context.Background(), r.Actor, token); err != nil {
				w.t.Error(err)
			}
		}
	})
}

// gaps are the times between requests.
func gaps(at []time.Time) (shortest, longest time.Duration) {
	for i := range at[1:] {
		gap := at[i+1].Sub(at[i])
		if shortest == 0 || gap < shortest {
			shortest = gap
		}
		longest = max(longest, gap)
	}
	return shortest, longest
}

// Verifications are asked for as often as the transmitter permits and its inactivity_timeout demands, by one replica, and a
// management endpoint is asked before that timeout is over, whatever the interval of verifications.
func TestVerificationInterval(t *testing.T) {
	for name, c := range map[string]struct {
		min, inactivity   int64
		shortest, longest time.Duration
		touched           time.Duration
	}{
		"no wishes":                     {0, 0, 15 * time.Minute, 16 * time.Minute, 16 * time.Minute},
		"seldom":                        {7200, 0, 2 * time.Hour, 2*time.Hour + time.Minute, time.Hour + time.Minute},
		"often allowed":                 {60, 0, 15 * time.Minute, 16 * time.Minute, 16 * time.Minute},
		"short inactivity":              {60, 600, 5 * time.Minute, 6 * time.Minute, 6 * time.Minute},
		"seldom, but short inactivity":  {7200, 600, 2 * time.Hour, 2*time.Hour + time.Minute, 6 * time.Minute},
		"very short inactivity":         {0, 1, time.Minute, 2 * time.Minute, time.Minute},
		"numbers that are not possible": {-5, -7, 15 * time.Minute, 16 * time.Minute, 16 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.stream.MinVerification, w.stream.Inactivity = c.min, c.inactivity
				a, b := w.start(choices{manage: true}), w.start(choices{manage: true})
				w.pushTo(b)
				pass(4*c.longest + time.Hour)
				least, most := gaps(w.times(&w.verified))
				if least < c.shortest || most > c.longest || len(w.times(&w.verified)) < 4 {
					t.Errorf("%d verifications, every %s to %s", len(w.times(&w.verified)), least, most)
				}
				if _, most := gaps(w.times(&w.managed)); most > c.touched || c.inactivity > 60 && most >= time.Duration(c.inactivity)*time.Second {
					t.Errorf("%s without a request about the stream", most)
				}
				for _, r := range []*replica{a, b} {
					if s := r.Attendant.State(); !s.Silent.IsZero() || r.logged(silent)+r.logged(unasked) != 0 || time.Since(s.Alive) > 2*time.Hour+time.Minute {
						t.Errorf("%+v, %v", s, r.logs.All())
					}
				}
			})
		})
	}
}

// A stream whose verifications do not arrive, or arrive with another state, is silent: one warning on all replicas, and one
// line once it speaks again. An event that comes again does not count.
func TestSilence(t *testing.T) {
	for name, c := range map[string]struct {
		poll   bool
		change func(w *world, is bool)
	}{
		"no verification arrives, push":       {false, func(w *world, is bool) { w.mute = is }},
		"no verification arrives, poll":       {true, func(w *world, is bool) { w.mute = is }},
		"verifications with another state":    {true, func(w *world, is bool) { w.twisted = is }},
		"it is not reached any more, push":    {false, func(w *world, is bool) { w.down = is }},
		"polls bring nothing, and it is down": {true, func(w *world, is bool) { w.down = is }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				a, b := w.start(choices{c.poll, true}), w.start(choices{c.poll, true})
				if !c.poll {
					w.pushTo(b)
				}
				old := w.token("old", disabled, dict{})
				if err := b.Receive(context.Background(), b.Actor, old); err != nil {
					t.Fatal(err)
				}
				pass(2 * time.Hour)
				from := time.Now()
				w.set(func() { c.change(w, true) })
				lines := func(text string) int { return a.logged(text) + b.logged(text) }
				pass(14 * time.Minute)
				if lines(silent) != 0 {
					t.Error("a warning too early")
				}
				for range 60 {
					pass(time.Minute)
					if err := b.Receive(context.Background(), b.Actor, old); err != nil {
						t.Fatal(err)
					}
				}
				if n := lines(silent); n != 1 {
					t.Fatalf("%d warnings", n)
				}
				for _, r := range []*replica{a, b} {
					if s := r.Attendant.State().Silent; s.Sub(from) > 30*time.Second || from.Sub(s) > 16*time.Minute {
						t.Errorf("silent since %s, want about %s", s, from)
					}
				}
				if n := lines(speaks); n != 0 {
					t.Errorf("%d lines that it speaks", n)
				}
				w.set(func() { c.change(w, false) })
				pass(20 * time.Minute)
				if lines(silent) != 1 || lines(speaks) != 1 || !a.Attendant.State().Silent.IsZero() || !b.Attendant.State().Silent.IsZero() {
					t.Errorf("%d warnings, %d lines that it speaks", lines(silent), lines(speaks))
				}
			})
		})
	}
}

// An event ends the silence as a verification does.
func TestEventEndsSilence(t *testing.T) {
	inBubble(t, func(w *world) {
		w.mute = true
		r := w.start(choices{manage: true})
		pass(time.Hour)
		if r.logged(silent) != 1 {
			t.Fatal("it is not silent")
		}
		if err := r.Receive(context.Background(), r.Actor, w.token("a", disabled, dict{})); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if r.logged(speaks) != 1 || !r.Attendant.State().Silent.IsZero() {
			t.Errorf("%+v", r.Attendant.State())
		}
	})
}

// A transmitter that offers no verification, or no stream of ours, is not called silent. That the stream cannot be read is
// logged seldom.
func TestNoSilenceWithoutVerification(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"no verification": func(w *world) { delete(w.metadata, "verification_endpoint") },
		"no status":       func(w *world) { delete(w.metadata, "status_endpoint") },
		"no management":   func(w *world) { delete(w.metadata, "configuration_endpoint") },
		"no stream":       func(w *world) { w.stream.Audience, w.stream.ID = nil, "" },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				change(w)
				r := w.start(choices{manage: true})
				w.pushTo(r)
				pass(5 * time.Hour)
				if r.logged(silent) != 0 || !r.Attendant.State().Silent.IsZero() {
					t.Errorf("%+v", r.Attendant.State())
				}
				if n, managed := r.logged(unasked), len(w.times(&w.managed)); n > 31 || managed > 60 || name == "no management" && n == 0 {
					t.Errorf("%d lines, %d requests", n, managed)
				}
				if name == "no status" && len(w.times(&w.verified)) < 15 {
					t.Errorf("%d verifications", len(w.times(&w.verified)))
				}
			})
		})
	}
}

// All gateways were off for a night: that is not the silence of the stream.
func TestNoSilenceAfterARest(t *testing.T) {
	inBubble(t, func(w *world) {
		a := w.start(choices{manage: true})
		w.pushTo(a)
		pass(time.Hour)
		a.Stop()
		w.set(func() { w.mute = true })
		pass(8 * time.Hour)
		b := w.start(choices{manage: true})
		pass(19 * time.Minute)
		if b.logged(silent) != 0 {
			t.Error("a warning too early")
		}
		pass(5 * time.Minute)
		if b.logged(silent) != 1 {
			t.Error("no warning")
		}
	})
}

// A stream that its transmitter pauses or disables is warned of once, with the reason, whether an event says so or the
// status; it is not called silent, and every replica shows it.
func TestStoppedStream(t *testing.T) {
	for name, stop := range map[string]func(w *world, r *replica, status, reason string){
		"by an event": func(w *world, r *replica, status, reason string) {
			w.set(func() { w.status, w.reason = status, reason })
			token := w.token(session.NewRandom(6), ssf+"stream-updated", dict{"status": status, "reason": reason})
			if err := r.Receive(context.Background(), r.Actor, token); err != nil {
				w.t.Error(err)
			}
		},
		"by its status": func(w *world, _ *replica, status, reason string) {
			w.set(func() { w.status, w.reason = status, reason })
			pass(16 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				a, b := w.start(choices{manage: true}), w.start(choices{manage: true})
				w.pushTo(b)
				pass(time.Hour)
				stop(w, b, "disabled", "License\nexpired "+strings.Repeat("!", 1000))
				pass(time.Minute)
				before, managed := len(w.times(&w.verified)), len(w.times(&w.managed))
				pass(3 * time.Hour)
				if n := len(w.times(&w.managed)) - managed; n > 16 {
					t.Errorf("%d requests about the stream in three hours", n)
				}
				lines := slices.Concat(a.logs.FilterMessage(stopped).All(), b.logs.FilterMessage(stopped).All())
				if len(lines) != 1 || !strings.HasPrefix(fmt.Sprint(lines[0].ContextMap()["reason"]), `License\nexpired !!`) {
					t.Fatalf("lines %v", lines)
				}
				for _, r := range []*replica{a, b} {
					if s := r.Attendant.State(); s.Stated.Status != "disabled" || !s.Silent.IsZero() || len(s.Stated.Reason) > 400 || r.logged(silent) != 0 {
						t.Errorf("%+v", s)
					}
				}
				if n := len(w.times(&w.verified)); n != before {
					t.Errorf("%d verifications of a stream that is disabled", n-before)
				}
				stop(w, a, "enabled", "")
				pass(16 * time.Minute)
				if a.logged(enabled)+b.logged(enabled) != 1 || a.logged(silent)+b.logged(silent) != 0 || a.Attendant.State().Stated.Status != "enabled" {
					t.Errorf("after it was enabled: %+v", a.Attendant.State())
				}
			})
		})
	}
}

// Without credentials for the management of the stream nothing is asked; what the transmitter says of itself is known anyhow.
func TestWithoutManagement(t *testing.T) {
	inBubble(t, func(w *world) {
		a, b := w.start(choices{}), w.start(choices{poll: true})
		if err := a.Receive(context.Background(), a.Actor, w.token("u", ssf+"stream-updated", dict{"status": "paused", "reason": "Maintenance"})); err != nil {
			t.Fatal(err)
		}
		w.send("a")
		pass(5 * time.Hour)
		if len(w.times(&w.managed)) != 0 || a.logged(silent)+b.logged(silent) != 0 || a.logged(stopped) != 1 {
			t.Errorf("%d requests, lines %v", len(w.times(&w.managed)), a.logs.All())
		}
		for _, r := range []*replica{a, b} {
			if s := r.Attendant.State(); s.Stated.Status != "paused" || s.Stated.Reason != "Maintenance" || time.Since(s.Alive).Round(time.Minute) != 5*time.Hour {
				t.Errorf("%+v", s)
			}
		}
	})
}

// The note in the store may be lost, or of a later version, and is written again; while the store is out nothing is asked.
func TestNoteIsLost(t *testing.T) {
	inBubble(t, func(w *world) {
		r := w.start(choices{manage: true})
		w.pushTo(r)
		pass(time.Hour)
		key := r.noteKey()
		e, err := w.store.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		e.Value = []byte("no JSON")
		if _, err := w.store.Replace(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		if _, err := w.store.Remove(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		if n := len(w.times(&w.verified)); n < 11 || n > 15 || r.logged(silent) != 0 {
			t.Errorf("%d verifications in three hours", n)
		}
		before := len(w.times(&w.managed))
		r.store.Interrupt(func(context.Context, string, session.Key) error { return session.ErrUnavailable })
		pass(2 * time.Hour)
		if n := len(w.times(&w.managed)) - before; n > 3 {
			t.Errorf("%d requests while the store is out", n)
		}
	})
}

// Two replicas that write the note at the same time lose nothing of each other.
func TestNoteOfManyReplicas(t *testing.T) {
	inBubble(t, func(w *world) {
		var all []*replica
		for range 6 {
			all = append(all, w.start(choices{manage: true}))
		}
		for i, r := range all {
			token := w.token(fmt.Sprint(i), ssf+"stream-updated", dict{"status": transmitter.Enabled, "reason": fmt.Sprint(i)})
			go func() { _ = r.Receive(context.Background(), r.Actor, token) }()
		}
		pass(2 * time.Minute)
		want := all[0].Attendant.State().Stated
		for _, r := range all {
			if s := r.Attendant.State().Stated; s != want || s == (signals.Stated{}) {
				t.Errorf("%+v, want %+v", s, want)
			}
		}
	})
}
