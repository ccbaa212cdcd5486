package pages

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Write answers a request with a page. A status of zero means the one that belongs to the page. The page is rendered
// into memory first, so that a fault in a template never leaves half a page behind: it is a plain 500 instead. The
// answer to HEAD has the same headers and no body. Headers that the caller has set already stay, but for those that
// Write owns: Cache-Control, Content-Language, Content-Length, Content-Type, Refresh, Retry-After
// and the security headers.
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
		case Continue:
			if next := page.next(); next != "" {
				h.Set("Refresh", next)
			}
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has gone; there is nobody left to tell
	}
}

func (p Problem) retryAfter(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
}

// continued is all that a Continue page depends on.
type continued struct {
	text *bundle
	page Continue
}

const (
	// maxContinued bounds how many Continue pages are kept, maxContinuedURL the URL of one.
	maxContinued    = 64
	maxContinuedURL = 256
)

// render returns the HTML of a page. A Continue page is the same for everybody who is taken to one place, and one comes with
// each sign-in, so that the last ones are kept; none that leads to a query, which may hold a ticket.
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

// secure sets the headers that every page carries. A page loads our stylesheet and our icon, posts to us, and that is
// all: no script but for the one of a scripted page, no frame but for Framed, nothing from elsewhere, nothing kept (A15).
func secure(h http.Header, page Page) {
	action, referrer := "'none'", "no-referrer"
	if _, ok := page.(form); ok {
		// Under no-referrer a browser posts "Origin: null", which proves nothing; other origins learn nothing either way.
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
		// The origin of the page is opaque, so that a click in it counts as one on a link of another site, which is all that a
		// page that frames it could bring about by itself.
		policy += "; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation"
		h.Del("X-Frame-Options")
		// A page that is isolated frames only what says that it is isolated itself, and may be loaded.
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
