package chaos

import (
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/test/transmitter"
)

const pushSecret = "a-secret-for-push-xxxxxxxxxxxxxxxxxxxxxxxxx"

// patience is how long a transmitter sends an event again.
const patience = 20 * time.Second

// pusher sends events.
var pusher = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: unchecked}}

// disabled is an event that the account of a user is disabled.
func (w *world) disabled(person string) string {
	return w.events.Token(transmitter.RISC+"account-disabled", transmitter.User(w.idp.Issuer, person), nil, transmitter.Map{
		"events": transmitter.Map{transmitter.RISC + "account-disabled": transmitter.Map{"event_timestamp": time.Now().UnixMilli()}},
	})
}

// send pushes an event as a transmitter does: again until a replica acknowledges it, and then once more, as if the
// acknowledgement was lost. It reports whether the event was acknowledged.
func (w *world) send(event string, n *node) bool {
	acknowledged := false
	for until := time.Now().Add(patience); !w.over() && time.Now().Before(until); w.pause(200 * time.Millisecond) {
		a, err := w.push(event, n)
		switch {
		case err != nil, a.Status == http.StatusServiceUnavailable:
			n = w.nodes[1-n.index] // as a load balancer does
		case a.Status == http.StatusAccepted && acknowledged:
			w.report.count(&w.report.Events)
			return true
		case a.Status == http.StatusAccepted:
			acknowledged = true
			n = w.nodes[1-n.index]
		default:
			w.report.note(&w.report.Wrong, "an event was answered %d %s by replica %d, during %q", a.Status, a.Err, n.index, w.current())
			return false
		}
	}
	return acknowledged
}

func (w *world) push(event string, n *node) (transmitter.Answer, error) {
	return transmitter.TryPush(pusher, n.url("/.latchkey/events/hub"), event, "Authorization", "Bearer "+pushSecret)
}

// forge sends many events of a stranger, about all users.
func (w *world) forge() {
	stranger := transmitter.New(w.t)
	before := w.events.KeyFetches()
	for n, began := 0, time.Now(); time.Since(began) < 3*time.Second && !w.over(); n++ {
		people := w.everybody()
		event := stranger.Token(transmitter.RISC+"account-disabled", transmitter.User(w.idp.Issuer, people[n%len(people)].name), nil,
			transmitter.Map{"iss": w.events.Issuer})
		if a, err := w.push(event, w.nodes[n%2]); err == nil && a.Status == http.StatusAccepted {
			w.report.note(&w.report.Wrong, "a forged event was acknowledged by replica %d", n%2)
		}
		w.report.count(&w.report.Forged)
	}
	if n := w.events.KeyFetches() - before; n > 4 {
		w.report.note(&w.report.Wrong, "forged events of three seconds caused %d fetches of keys on two replicas", n)
	}
}
