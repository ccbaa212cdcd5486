package chaos

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// ways is in how many ways a session is ended.
const ways = 4

// revoke ends a session every second or two, regardless of faults, each time of another user and in another way.
func (w *world) revoke(stop <-chan struct{}, rng *rand.Rand) {
	for turn := rng.IntN(ways); ; {
		timer := time.NewTimer(time.Duration(700+rng.IntN(900)) * time.Millisecond)
		select {
		case <-stop:
			timer.Stop()
			return
		case <-timer.C:
		}
		people := w.everybody()
		p := people[rng.IntN(len(people))]
		n := w.nodes[rng.IntN(2)]
		if n.away.Load() {
			n = w.nodes[1-n.index]
		}
		p.mu.Lock()
		g, b, ended := p.now, p.browser, p.ended
		p.mu.Unlock()
		if g == nil || n.away.Load() || g.over() {
			continue
		}
		g.doubt()
		var done bool
		began, way := time.Now(), turn%ways
		turn++
		switch way {
		case 0:
			done = w.signOut(g, b.thief(), n)
		case 1:
			done = w.admin(n, http.MethodDelete, w.issuerPath(p.name), nil)
		case 2:
			done = w.admin(n, http.MethodPost, "/latchkey/revoke-before", map[string]string{
				"before": "0s", "issuer": w.idp.Issuer, "subject": p.name,
			})
		case 3:
			done = w.send(w.disabled(p.name), n)
		}
		w.slow(began, "ending %s (way %d) on replica %d", g.id, way, n.index)
		if done {
			g.revoke(time.Now())
			w.report.count(&w.report.Revoked)
		} else {
			w.report.count(&w.report.Unrevoked)
		}
		close(ended)
	}
}

// signOut presses the button, as the person would. It is done if the answer is no error.
func (w *world) signOut(g *guest, c *rig.HTTP, n *node) bool {
	c.Patience(20 * time.Second)
	header := http.Header{badge: {g.id}}
	r, err := c.Try(rig.Call{URL: n.url("/.latchkey/sign-out"), Navigate: true, Header: header})
	if err != nil || r.StatusCode != http.StatusOK || !r.HasButton(w.t, "Sign out") {
		return false
	}
	r, err = c.Try(send(r.Form(w.t, "Sign out")))
	return err == nil && r.StatusCode < 400
}

func (w *world) admin(n *node, method, path string, body any) bool {
	text, err := json.Marshal(body)
	if err != nil {
		return false
	}
	req, err := http.NewRequest(method, n.Admin+path, strings.NewReader(string(text)))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}
