package scrub

import "net/http"

// Rules are a site's rules for the form of requests. Names is required. By default every ambiguous form is refused or
// removed.
type Rules struct {
	Names *Names
	// Upgrades are protocols, besides websocket, to which a client may switch a connection, in lower case.
	Upgrades []string
	// TrailingDots allows path segments to end in a dot or a space.
	TrailingDots bool
}

// Request scrubs r in place. It is the first step for every request of a site, including open paths, Latchkey's
// endpoints, OPTIONS and errors (A35).
//
// Connection comes before the identity headers, so that no remaining option removes a header that is set later. The
// cookies come last: lines is the original Cookie header if it contained one of Latchkey's cookies, for the endpoints
// and the guard, else nil. r itself no longer contains these cookies.
//
// A non-nil error is always a Refusal. A refused request is scrubbed too, for the code that answers it.
func Request(r *http.Request, rules *Rules) (lines []string, err error) {
	if err = Method(r.Method); err == nil {
		err = rules.Path(r.URL)
	}
	if err == nil {
		err = target(r)
	}
	if err == nil {
		err = connect(r, rules.Upgrades)
	}
	Connection(r.Header)
	upgrade(r, rules.Upgrades)
	Headers(r.Header, rules.Names)
	trailers(r, rules.Names)
	return Cookies(r.Header), err
}

// target refuses a request line in absolute form with another host than the request's, and a host without a canonical
// form (A57).
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
