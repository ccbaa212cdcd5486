package scrub

import "net/http"

// Refusal says why a request is answered with 400. It is a constant text, fit for a log field and for the person
// concerned: it never repeats what the client sent.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Request scrubs r in place. It is the first thing that happens to a request, on every path of a site: open ones,
// our own endpoints, OPTIONS and errors included (A35).
//
// Connection comes before the identity headers, so that no option survives which would remove what is set later. The
// cookies come last: lines holds the Cookie header as it came if one of our own cookies was in it (nil otherwise), for
// the endpoints and the guard; r itself no longer carries them.
//
// A non-nil error is always a Refusal. A request that is refused is scrubbed like any other, for whoever answers it.
func Request(r *http.Request, n *Names) (lines []string, err error) {
	if err = Path(r.URL); err == nil {
		err = target(r)
	}
	Connection(r.Header)
	Headers(r.Header, n)
	trailers(r, n)
	return Cookies(r.Header), err
}

// target refuses a request line in absolute form for another host than the one the request is routed by, and a host
// that has no canonical form (A57).
func target(r *http.Request) error {
	host, ok := Host(r.Host)
	if !ok {
		return BadHost
	}
	u := r.URL
	if u.Host == "" && u.Scheme == "" {
		return nil
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return BadTarget
	}
	if other, ok := Host(u.Host); !ok || other != host {
		return BadHost
	}
	return nil
}
