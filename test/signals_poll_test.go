package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

// polling are the words for a stream that is polled.
func polling(tr *transmitter.Transmitter, name, every, more string) string {
	return "signals " + name + " {\nissuer " + tr.Issuer + "\naudience " + transmitter.Audience + "\nprovider default\n" + tr.PollWords(every) + "\n" + more + "\n}"
}

// streamStatus is what the status says of a stream.
type streamStatus struct {
	Name, State, Stated, StatedReason, PollError, LastEvent string
	LastReceived, LastPoll, SilentSince                     *time.Time
	Polling                                                 bool
}

func (s *site) streamStatus(name string) (found streamStatus) {
	s.t.Helper()
	var status struct{ Signals []streamStatus }
	if err := json.Unmarshal([]byte(s.adminText("/latchkey/status")), &status); err != nil {
		s.t.Fatal(err)
	}
	for _, one := range status.Signals {
		if one.Name == name {
			return one
		}
	}
	s.t.Fatalf("the status has no stream %s", name)
	return found
}

// disable is an event that disables the account of a user.
func (s *site) disable(tr *transmitter.Transmitter, user string) string {
	return tr.Token(transmitter.RISC+"account-disabled", transmitter.User(s.idp.Issuer, user), nil, nil)
}

// aSecondLater waits until an event now is after the sign-ins before: their times are whole seconds.
func aSecondLater(t *testing.T) {
	t.Helper()
	began := time.Now()
	rig.Until(t, rig.Patience, "the second of the sign-in is over", func() bool { return time.Since(began) > time.Second })
}

// An event that is polled ends the sessions and WebSockets of a user on both replicas within a second. One replica polls; when
// it is killed, the other one does.
func TestSignalPoll(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	tr.Hold(time.Minute)
	a, b := replicas(t, config{app: polling(tr, "hub", "1s", "")})
	alice, adam := rig.NewHTTP(t), rig.NewHTTP(t)
	a.entered(alice, "/", "alice", "Yes")
	a.entered(adam, "/", "adam", "Yes")
	cut := map[string]chan time.Time{"first": a.openSocket(alice), "second": b.openSocket(alice)}
	aSecondLater(t)
	rig.Until(t, rig.Patience, "one of them polls", func() bool {
		n, _, _ := tr.Polls()
		return n > 0
	})
	ended := time.Now()
	jti := tr.Queue(a.disable(tr, "alice"))
	for name, ch := range cut {
		select {
		case at := <-ch:
			if late := at.Sub(ended); late > time.Second {
				t.Errorf("the WebSocket on the %s replica was cut %s after the event", name, late)
			}
		case <-time.After(rig.Patience):
			t.Fatalf("the WebSocket on the %s replica was never cut", name)
		}
	}
	for _, s := range []*site{a, b} {
		s.mustBeDead(alice, "alice")
		if !s.alive(adam) {
			t.Error("another user was signed out")
		}
	}
	rig.Until(t, rig.Patience, "it is acknowledged", func() bool { return tr.Acked(jti) == 1 })

	wrong := tr.Queue(tr.Token(transmitter.RISC+"account-disabled", nil, nil, transmitter.Map{"aud": "https://other.example.com"}))
	rig.Until(t, rig.Patience, "an event for another receiver is refused", func() bool { return tr.Refused(wrong) == "invalid_audience" })

	first, second := a, b
	if !a.streamStatus("hub").Polling {
		first, second = b, a
	}
	if first.streamStatus("hub").PollError != "" || !first.streamStatus("hub").Polling || second.streamStatus("hub").Polling {
		t.Fatalf("%+v, %+v", first.streamStatus("hub"), second.streamStatus("hub"))
	}
	first.gw.Kill()
	jti = tr.Queue(second.disable(tr, "adam"))
	rig.Until(t, rig.Patience, "the other replica takes over", func() bool { return tr.Acked(jti) == 1 })
	second.mustBeDead(adam, "adam")
	if !second.streamStatus("hub").Polling {
		t.Error("the status does not say who polls")
	}
	if _, _, tokens := tr.Polls(); tokens != 2 {
		t.Errorf("%d tokens were fetched by two replicas", tokens)
	}
}

// The gateway is restarted after it has carried out an event, and before the transmitter has heard of that: the event comes
// again, is known, and is acknowledged; the log has it once.
func TestSignalPollRestart(t *testing.T) {
	t.Parallel()
	tr := transmitter.New(t)
	tr.Hold(time.Minute)
	tr.LoseAcks(true)
	s := newSite(t, config{global: "metrics", app: polling(tr, "hub", "1s", "")})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	aSecondLater(t)
	jti := tr.Queue(s.disable(tr, "alice"))
	rig.Until(t, rig.Patience, "the event is carried out", func() bool { return !s.alive(c) })
	entries := len(s.gw.AwaitSignIns(50173, 1, rig.Patience))
	s.gw.Kill()
	s.gw.Start()
	tr.LoseAcks(false)
	rig.Until(t, rig.Patience, "the event is acknowledged", func() bool { return tr.Acked(jti) == 1 })
	rig.Until(t, rig.Patience, "it is counted as known", func() bool {
		return strings.Contains(s.adminText("/metrics"), `caddy_latchkey_signals_received_total{event="account-disabled",result="duplicate",stream="hub"} 1`)
	})
	if n := len(s.gw.SignIns(50173)); n != entries {
		t.Errorf("%d entries after %d", n, entries)
	}
}

// While the store is out nothing is acknowledged; once it is back, what waits is carried out.
func TestSignalPollStoreDown(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(*rig.Line){"cut off": (*rig.Line).Cut, "hanging": (*rig.Line).Hush} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, line := transmitter.New(t), rig.NewLine(t, rig.Redis(t))
			tr.Hold(time.Minute)
			s := newSite(t, config{redis: line.Addr, app: polling(tr, "hub", "1s", "")})
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			aSecondLater(t)
			rig.Until(t, rig.Patience, "it polls", func() bool {
				n, _, _ := tr.Polls()
				return n > 0
			})
			outage(line)
			before, _, _ := tr.Polls()
			jti := tr.Queue(s.disable(tr, "alice"))
			rig.Until(t, rig.Patience, "it has asked again", func() bool {
				n, _, _ := tr.Polls()
				return n > before || s.streamStatus("hub").PollError != ""
			})
			if tr.Acked(jti) != 0 {
				t.Error("acknowledged while the store was out")
			}
			line.Mend()
			rig.Until(t, rig.Patience, "the event is carried out", func() bool { return tr.Acked(jti) == 1 })
			s.mustBeDead(c, "alice")
		})
	}
}

// In every way in which a transmitter may misbehave it is asked only now and then, and once it behaves again the event is
// taken. None of it disturbs another stream.
func TestSignalPollOddTransmitters(t *testing.T) {
	t.Parallel()
	var words strings.Builder
	odd := map[transmitter.Odd]*transmitter.Transmitter{}
	for i, how := range transmitter.Odds {
		tr := transmitter.New(t)
		tr.Behave(how)
		odd[how] = tr
		words.WriteString(polling(tr, "odd"+string(rune('a'+i)), "1s", "") + "\n")
	}
	good := transmitter.New(t)
	s := newSite(t, config{app: words.String() + polling(good, "good", "1s", "")})
	events := map[transmitter.Odd]string{}
	for how, tr := range odd {
		events[how] = tr.Queue(s.disable(tr, "alice"))
	}
	fine := good.Queue(s.disable(good, "alice"))
	rig.Until(t, rig.Patience, "the good one is served", func() bool { return good.Acked(fine) == 1 })
	began := time.Now()
	for how, tr := range odd {
		want := 3
		if how == transmitter.ForgetsTokens {
			want = 1
		}
		rig.Until(t, rig.Patience, "it is tried again: "+string(how), func() bool {
			_, n, _ := tr.Polls()
			return n >= want
		})
	}
	for how, tr := range odd {
		// After three failures the pauses are 1, 2 and 4 seconds, a quarter shorter at most; a long answer is tried with fewer events
		// first, and an answer 401 with a new token.
		if all, _, _ := tr.Polls(); all > 12+2*int(time.Since(began)/time.Second) {
			t.Errorf("%s: asked %d times in %s", how, all, time.Since(began))
		}
		tr.Behave("")
	}
	for how, tr := range odd {
		rig.Until(t, rig.Patience, "it recovers: "+string(how), func() bool { return tr.Acked(events[how]) > 0 })
	}
	if leaked := s.gw.Leaked(map[string]string{"client secret": transmitter.ClientSecret, "token": "token-1"}); len(leaked) > 0 {
		t.Errorf("the log has the %v", leaked)
	}
}

// A verification is asked for at the start, arrives by push or poll, and shows in the status; that the transmitter pauses the
// stream shows there with its reason, and in one line of the log.
func TestSignalVerification(t *testing.T) {
	t.Parallel()
	manage := "manage {\nbearer " + transmitter.ManageSecret + "\n}"
	for name, app := range map[string]func(*transmitter.Transmitter) string{
		"push": func(tr *transmitter.Transmitter) string { return signals(tr, manage) },
		"poll": func(tr *transmitter.Transmitter) string { return polling(tr, "hub", "1s", manage) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, port := transmitter.New(t), rig.FreePort(t)
			where := ""
			if name == "push" {
				where = (&site{port: port}).stream()
			}
			tr.Stream(where)
			s := newSite(t, config{app: app(tr), port: port, global: "metrics"})
			rig.Until(t, rig.Patience, "a verification has arrived", func() bool {
				one := s.streamStatus("hub")
				return one.LastEvent == "verification" && one.State == "ok" && one.LastReceived != nil
			})
			s.gw.Restart()
			tr.SetStatus("paused")
			token := tr.Token(transmitter.SSF+"stream-updated", nil, nil, transmitter.Map{
				"events": transmitter.Map{transmitter.SSF + "stream-updated": transmitter.Map{"status": "paused", "reason": "maintenance"}},
			})
			if name == "push" {
				s.mustTake(tr, token)
			} else {
				tr.Queue(token)
			}
			rig.Until(t, rig.Patience, "the status says that it is paused", func() bool {
				one := s.streamStatus("hub")
				return one.State == "paused" && one.Stated == "paused" && one.StatedReason == "maintenance"
			})
			if m := s.adminText("/metrics"); !strings.Contains(m, `caddy_latchkey_signals_state{state="paused",stream="hub"} 1`) {
				t.Error("the metrics do not tell")
			}
			if n := strings.Count(s.gw.Output(), "the transmitter has stopped the stream"); n != 1 {
				t.Errorf("%d lines in the log", n)
			}
		})
	}
}
