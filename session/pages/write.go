package pages

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
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
	room := bodies.Get().(*[]byte)
	defer giveBack(room)
	body, err := p.render((*room)[:0], text, status, page)
	*room = body

	w.Header().Add("Vary", "Accept-Language")
	h := newHeaders(w)
	h.secure(page)
	if err != nil {
		body = []byte("Internal error\n")
		status = http.StatusInternalServerError
		h.set("Content-Type", "text/plain; charset=utf-8")
	} else {
		h.set("Content-Type", "text/html; charset=utf-8")
		h.set("Content-Language", text.lang)
		switch page := page.(type) {
		case Problem:
			page.retryAfter(w.Header())
		case Framed:
			if problem, ok := page.Instead.(Problem); ok {
				problem.retryAfter(w.Header())
			}
		case interface{ next() string }:
			if next := page.next(); next != "" {
				h.set("Refresh", next)
			}
		}
	}
	h.set("Content-Length", strconv.Itoa(len(body)))
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

// place is what a page depends on besides its own fields.
type place struct {
	text   *bundle
	status int
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

// render appends the HTML of a page to a buffer. A Continue page is the same for all users with the same target, and
// every sign-in has one, so the last ones are cached. A target with a query is not cached, because it may contain a
// ticket. Of an outlined page only the texts of its user are new.
func (p *Pages) render(to []byte, text *bundle, status int, page Page) ([]byte, error) {
	next, same := page.(Continue)
	same = same && len(next.URL) <= maxContinuedURL && !strings.Contains(next.URL, "?")
	key := continued{text, next}
	if same {
		if body, ok := p.continued.get(key); ok {
			return append(to, body...), nil
		}
	}
	if page, ok := page.(outlined); ok {
		body, ok := p.outlines.fill(to, place{text, status}, page, func(to *bytes.Buffer, page any) error {
			return p.execute(to, text, status, page.(Page))
		})
		if ok {
			return body, nil
		}
	}
	body := bytes.NewBuffer(to)
	if err := p.execute(body, text, status, page); err != nil {
		return to, err
	}
	if same {
		p.continued.put(key, bytes.Clone(body.Bytes()))
	}
	return body.Bytes(), nil
}

// execute renders a page by its template.
func (p *Pages) execute(to *bytes.Buffer, text *bundle, status int, page Page) error {
	t, err := p.templates[page.template()]()
	if err != nil {
		return err
	}
	v := view{Page: page, Brand: p.brand, Base: p.base, Assets: p.assets, Status: status, text: text}
	return t.ExecuteTemplate(to, "layout.html", v)
}

// bodies are buffers for pages. A response is written by the time that Write of its writer returns.
var bodies = sync.Pool{New: func() any {
	room := make([]byte, 0, 8<<10)
	return &room
}}

// maxRoom is the largest buffer that is used again.
const maxRoom = 64 << 10

func giveBack(room *[]byte) {
	if cap(*room) <= maxRoom {
		bodies.Put(room)
	}
}

// headers sets the headers of a page. Their values share one piece of memory.
type headers struct {
	h      http.Header
	values []string
}

// maxHeaders is the largest number of headers that a page sets in this way. More of them work, with a piece each.
const maxHeaders = 16

func newHeaders(w http.ResponseWriter) headers {
	return headers{w.Header(), make([]string, 0, maxHeaders)}
}

// set is Set of http.Header for a name in canonical form.
func (h *headers) set(name, value string) {
	h.values = append(h.values, value)
	n := len(h.values)
	h.h[name] = h.values[n-1 : n : n]
}

// secure sets the headers that every page has. A page loads the stylesheet and the icon and posts to Latchkey, nothing
// else: no script except that of a scripted page, no frame except Framed and an Again, nothing from other origins, no caching (A15).
func (h *headers) secure(page Page) {
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
		h.h.Del("X-Frame-Options")
		// An isolated page frames only pages that declare themselves isolated and loadable.
		h.set("Cross-Origin-Embedder-Policy", "require-corp")
		h.set("Cross-Origin-Resource-Policy", "cross-origin")
	} else if again, ok := page.(Again); ok && again.InFrame {
		// Without a sandbox: with it the browser would count what follows as caused by another site.
		h.h.Del("X-Frame-Options")
		h.set("Cross-Origin-Embedder-Policy", "require-corp")
		h.set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		policy += "; frame-ancestors 'none'"
		h.set("X-Frame-Options", "DENY") // browsers that do not know frame-ancestors
		h.set("Cross-Origin-Opener-Policy", "same-origin")
		h.set("Cross-Origin-Resource-Policy", "same-origin")
	}
	h.set("Content-Security-Policy", policy)
	h.set("Cache-Control", "no-store")
	h.set("Referrer-Policy", referrer)
	h.set("X-Content-Type-Options", "nosniff")
	h.set("X-Robots-Tag", "noindex")
}
