package pages

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Write answers a request with a page. A status of zero means the status of the page. The page is first rendered into
// memory, so that an error in a template results in a plain 500 and not in half a page. The answer to HEAD has the same
// headers and no body. Headers that the caller has set stay, except those that Write sets: Cache-Control,
// Content-Language, Content-Length, Content-Type, Refresh, Retry-After and the security headers.
func (p *Pages) Write(w http.ResponseWriter, r *http.Request, status int, page Page) {
	if status == 0 {
		status = page.status()
	}
	text := p.languages.of(r)
	v := view{Page: page, Brand: p.brand, Base: p.base, Assets: p.assets, Status: status, text: text}
	body, err := p.render(&v)

	h := w.Header()
	secure(h, page)
	h.Add("Vary", "Accept-Language")
	if err != nil {
		body = []byte("Internal error\n")
		status = http.StatusInternalServerError
		h.Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Language", v.Lang())
		switch page := page.(type) {
		case Problem:
			page.retryAfter(h)
		case Framed:
			if problem, ok := page.Instead.(Problem); ok {
				problem.retryAfter(h)
			}
		case interface{ next() string }:
			if next := page.next(); next != "" {
				h.Set("Refresh", next)
			}
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the client has disconnected
	}
}

func (p Problem) retryAfter(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
}

// continued contains everything on which a Continue page depends.
type continued struct {
	text *bundle
	page Continue
}

const (
	// maxContinued is the largest number of cached Continue pages, maxContinuedURL the longest URL of one.
	maxContinued    = 64
	maxContinuedURL = 256
)

// render returns the HTML of a page. A Continue page is the same for all users with the same target, and every sign-in
// has one, so the last ones are cached. A target with a query is not cached, because it may contain a ticket.
func (p *Pages) render(v *view) ([]byte, error) {
	next, same := v.Page.(Continue)
	same = same && len(next.URL) <= maxContinuedURL && !strings.Contains(next.URL, "?")
	key := continued{v.text, next}
	if same {
		if body, ok := p.continued.get(key); ok {
			return body, nil
		}
	}
	var body bytes.Buffer
	body.Grow(8 << 10)
	if err := p.templates[v.Page.template()].ExecuteTemplate(&body, "layout.html", *v); err != nil {
		return nil, err
	}
	if same {
		p.continued.put(key, body.Bytes())
	}
	return body.Bytes(), nil
}

// secure sets the headers that every page has. A page loads the stylesheet and the icon and posts to Latchkey, nothing
// else: no script except that of a scripted page, no frame except Framed and an Again, nothing from other origins, no caching (A15).
func secure(h http.Header, page Page) {
	action, referrer := "'none'", "no-referrer"
	if _, ok := page.(form); ok {
		// Under no-referrer a browser sends "Origin: null" with a post, which proves nothing; other origins learn
		// nothing in either case.
		action, referrer = "'self'", "same-origin"
		if _, ok := page.(interface{ leads() }); ok {
			action = "'self' https:"
		}
	}
	script := ""
	if _, ok := page.(scripted); ok {
		script = "script-src 'self'; "
	}
	policy := "default-src 'none'; " + script + "style-src 'self'; img-src 'self'; form-action " + action + "; base-uri 'none'"
	if _, ok := page.(Framed); ok {
		// The sandbox makes the origin of the page opaque. A click in it then counts as a click on a link of another
		// site, which the framing page could cause by itself anyway.
		policy += "; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation"
		h.Del("X-Frame-Options")
		// An isolated page frames only pages that declare themselves isolated and loadable.
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else if again, ok := page.(Again); ok && again.InFrame {
		// Without a sandbox: with it the browser would count what follows as caused by another site.
		h.Del("X-Frame-Options")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		policy += "; frame-ancestors 'none'"
		h.Set("X-Frame-Options", "DENY") // browsers that do not know frame-ancestors
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", referrer)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
}
