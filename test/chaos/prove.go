package chaos

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

const retryPath = "/.latchkey/bound/retry"

// missing reports whether an answer says that the short cookie of a bound session is missing.
func missing(r rig.Reply) bool {
	if u := r.Location(); u != nil && r.StatusCode == http.StatusOK {
		return u.Path == retryPath
	}
	return r.StatusCode == http.StatusUnauthorized && strings.Contains(r.Text, `"binding_missing"`)
}

// prove does what the browser of a bound session does before a request: it refreshes when the short cookie ends soon. Now
// and then the request is one before which no browser does that. Then, too, what was copied before the session was bound is
// tried.
func (p *person) prove(g *guest, b *browser, first int) (outcome, string) {
	switch {
	case !b.bound():
		return served, ""
	case p.rng.IntN(12) == 0:
		b.drop()
		p.w.report.count(&p.w.report.Naked)
		p.tryOld(g, b, p.w.nodes[first])
		return served, ""
	case b.left() > shortLife/2:
		return served, ""
	}
	out, said := b.refresh(first)
	p.step("%s", said)
	return out, said
}

// proveAndVisit is what follows an answer that demands the short cookie. The browser refreshes, whether a page of the
// gateway leads on or a script asks again. If that fails, the next request is naked as well.
func (p *person) proveAndVisit(g *guest, b *browser, n *node, path string, navigate bool) (outcome, string) {
	out, said := b.refresh(n.index)
	p.step("%s", said)
	if out == signedOut {
		return out, said
	}
	if navigate {
		r, err := b.ask(rig.Call{
			URL: n.url(retryPath + "?" + url.Values{"to": {path}}.Encode()), Navigate: true, Header: http.Header{badge: {g.id}},
		}, n)
		switch {
		case err != nil:
			return unreached, err.Error()
		case r.StatusCode == http.StatusServiceUnavailable:
			return refused, "503 at " + retryPath
		case r.Location() == nil || r.Location().Path != path:
			return signedOut, "from " + retryPath + " to " + r.Header.Get("Location")
		}
	}
	return p.visit(g, b, n, path, navigate)
}

// tryOld tries the session cookie of before the session was bound, which works for a moment only. The app notes if it is
// served.
func (p *person) tryOld(g *guest, b *browser, n *node) {
	if at := g.boundAt(); at.IsZero() || time.Since(at) < access.OldHandleGrace+Bound {
		return
	}
	header := rig.Navigation()
	header[badge], header[nakedBadge], header["Cookie"] = []string{g.id}, []string{"1"}, []string{handle + "=" + b.old}
	if _, err := b.Try(rig.Call{URL: n.url("/p"), Header: header, Bare: true}); err == nil {
		p.w.report.count(&p.w.report.Old)
	}
}
