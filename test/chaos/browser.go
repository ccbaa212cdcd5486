package chaos

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

const (
	cookieHost = "127.0.0.1"
	handle     = "__Host-latchkey"
	short      = "__Host-latchkey-bound"
	// shortLife is the lifetime of the short cookie at the gateways. Browsers have it for nine tenths of that.
	shortLife = 10 * time.Second
	// maxLegs is how many refusals of one refresh Chromium 156 takes for the end of its session.
	maxLegs = 4
)

// browser is what one guest uses. If it can bind, it does with the short cookie what Chromium does.
type browser struct {
	*rig.HTTP
	w *world
	g *guest
	// device is nil for a browser that cannot bind.
	device                *boundtest.Device
	identifier, challenge string
	until                 time.Time // when the short cookie ends
	// old is the session cookie of before the session was bound.
	old string
	// kept are the cookies that are sent from now on, whatever the answers say; empty if they are those of the jar.
	kept string
	// over is when the short cookie among them has ended at the gateways as well, whatever the clocks.
	over time.Time

	mu      sync.Mutex
	cookies map[string]string // a copy, for others than the person
}

func newBrowser(w *world, g *guest, binds bool) *browser {
	b := &browser{HTTP: rig.NewHTTP(w.t), w: w, g: g}
	if binds {
		b.device = boundtest.New(w.t)
	}
	return b
}

// ask makes a request. If its answer offers a binding the browser makes use of it first, as Chromium does.
func (b *browser) ask(call rig.Call, n *node) (rig.Reply, error) {
	r, err := b.send(call)
	if err != nil {
		return r, err
	}
	if o, ok := boundtest.ReadOffer(b.w.t, r.Header); ok && b.device != nil {
		b.register(o, n)
	}
	b.note()
	return r, nil
}

func (b *browser) send(call rig.Call) (rig.Reply, error) {
	if b.kept != "" {
		call.Header["Cookie"], call.Bare = []string{b.kept}, true
	}
	return b.Try(call)
}

// keep makes it a client that gives up no cookie.
func (b *browser) keep() {
	b.kept, b.over = b.header(), b.until.Add(shortLife/10+2*time.Second)
}

// note lets others have the cookies as they are now.
func (b *browser) note() {
	jar := map[string]string{}
	for _, name := range b.Names(cookieHost, "") {
		jar[name] = b.Cookie(cookieHost, name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cookies = jar
}

// thief returns a client with the cookies of the browser.
func (b *browser) thief() *rig.HTTP {
	c := rig.NewHTTP(b.w.t)
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, value := range b.cookies {
		c.SetCookie(cookieHost, name, value)
	}
	return c
}

// header is the Cookie header that the browser sends with a request for a stream.
func (b *browser) header() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := handle + "=" + b.cookies[handle]
	if value := b.cookies[short]; value != "" {
		out += "; " + short + "=" + value
	}
	return out
}

// register sends the key to the gateway that has offered the binding. That is not tried twice: without an answer the session
// stays as it is.
func (b *browser) register(o boundtest.Offer, n *node) {
	old := b.Cookie(cookieHost, handle)
	r, err := b.Try(rig.Call{Method: http.MethodPost, URL: n.url(o.Path), Header: http.Header{
		badge: {b.g.id}, "Secure-Session-Response": {b.device.Registration(o)},
	}})
	if err != nil || r.StatusCode != http.StatusOK {
		b.w.report.count(&b.w.report.Unregistered)
		return
	}
	b.take(r)
	b.old = old
	b.w.report.count(&b.w.report.Bound)
}

// take keeps what an answer says of the binding.
func (b *browser) take(r rig.Reply) {
	if text, id := boundtest.ReadChallenge(b.w.t, r.Header); text != "" {
		b.challenge, b.identifier = text, id
	}
	for _, c := range r.Cookies() {
		if c.Name == short && c.MaxAge > 0 {
			b.until = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
	}
}

// bound reports whether the browser has registered its key.
func (b *browser) bound() bool { return b.identifier != "" }

// without reports whether the next request comes without a short cookie that may be valid. The gateways take it for a
// little longer than a browser has it, which counts for who keeps it.
func (b *browser) without() bool {
	if b.kept != "" {
		return b.bound() && (!strings.Contains(b.kept, short+"=") || time.Now().After(b.over))
	}
	return b.bound() && b.left() <= 0
}

// left is how long the browser still has the short cookie.
func (b *browser) left() time.Duration {
	left := time.Until(b.until)
	if left <= 0 {
		b.drop()
	}
	return left
}

// drop loses the short cookie, as a request does that no page of the same origin causes.
func (b *browser) drop() {
	b.until = time.Time{}
	b.SetCookie(cookieHost, short, "")
	b.note()
}

// refresh gets a new short cookie, from the other replica if one does not give it, as by a load balancer.
func (b *browser) refresh(first int) (outcome, string) {
	out, said := unreached, ""
	for try := range 2 {
		out, said = b.refreshAt(b.w.nodes[(first+try)%2])
		if out == served || out == signedOut {
			break
		}
	}
	if out == served {
		b.w.report.count(&b.w.report.Refreshes)
	} else {
		b.w.report.count(&b.w.report.Unrefreshed)
	}
	b.note()
	return out, said
}

// sendsAgain, without a value, is not sent: it makes net/http's client send a POST again if a server has closed the kept
// connection without an answer, as servers do that are reloaded. Chromium does that with every request.
const sendsAgain = "Idempotency-Key"

// refreshAt asks one replica. After a failure the same challenge is signed again, after a refusal a new one. Whatever else a
// browser is told ends the binding.
func (b *browser) refreshAt(n *node) (outcome, string) {
	for leg := 1; ; leg++ {
		header := http.Header{badge: {b.g.id}, "Sec-Secure-Session-Id": {b.identifier}, sendsAgain: nil}
		if b.challenge != "" {
			header["Secure-Session-Response"] = []string{b.device.Proof(b.challenge)}
		}
		r, err := b.send(rig.Call{Method: http.MethodPost, URL: n.url("/.latchkey/bound/refresh"), Header: header})
		if err != nil {
			return unreached, err.Error()
		}
		b.take(r)
		said := fmt.Sprintf("refresh on replica %d: %d %s", n.index, r.StatusCode, strings.TrimSpace(r.Text[:min(len(r.Text), 300)]))
		switch {
		case r.StatusCode >= http.StatusInternalServerError:
			return refused, said
		case r.StatusCode == http.StatusForbidden && leg < maxLegs:
		case r.StatusCode != http.StatusOK || strings.Contains(r.Text, `"continue":false`):
			return signedOut, said
		case b.left() <= 0:
			return other, said + ": no short cookie"
		default:
			return served, said
		}
	}
}
