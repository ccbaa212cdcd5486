package chaos

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// signIn goes the way of a browser, and reports whether it led to the app. Anything may fail on the way.
func (p *person) signIn(g *guest, b *browser, n *node) bool {
	b.Patience(15 * time.Second)
	call := rig.Call{URL: n.url("/p"), Navigate: true}
	for range 30 {
		header := http.Header{badge: {g.id}}
		for k, v := range call.Header {
			header[k] = v
		}
		call.Header = header
		began := time.Now()
		where, _, _ := strings.Cut(call.URL, "?")
		r, err := b.ask(call, n)
		if err != nil {
			p.step("%s %s: %v", g.id, where, err)
		} else {
			p.step("%s %s: %d to %s", g.id, where, r.StatusCode, r.Header.Get("Location"))
		}
		p.w.slow(began, "signing %s in: %s", g.id, where)
		if err != nil || p.w.over() {
			return false
		}
		switch next := r.Location(); {
		case next != nil:
			call = rig.Call{URL: next.String(), Navigate: true}
		case r.StatusCode != http.StatusOK:
			return false
		case r.HasButton(p.w.t, p.name):
			call = send(r.Form(p.w.t, p.name))
		case r.HasButton(p.w.t, "No"):
			// A user who has not answered is not signed in: the app would say so.
			if p.rng.IntN(4) == 0 {
				_, _ = b.ask(rig.Call{URL: n.url("/p"), Header: http.Header{badge: {g.id}}}, n)
			}
			g.enter()
			call = send(r.Form(p.w.t, []string{"Yes", "No"}[p.rng.IntN(2)]))
		default:
			return strings.Contains(r.Text, "app "+p.name+"\n")
		}
	}
	return false
}

// send is a form as a browser sends it.
func send(f *rig.Form) rig.Call {
	u, err := url.Parse(f.Action)
	if err != nil {
		return rig.Call{URL: f.Action}
	}
	return rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: http.Header{
		"Origin": {u.Scheme + "://" + u.Host}, "Sec-Fetch-Site": {"same-origin"},
	}}
}
