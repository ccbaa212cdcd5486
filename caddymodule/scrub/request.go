package scrub

import "net/http"

// Rules is what a site says about the form of its requests. Names is required; without anything else every doubtful form
// is refused or taken out.
type Rules struct {
	Names *Names
	// Upgrades are protocols to which a connection may be switched besides websocket, in lower case.
	Upgrades []string
	// TrailingDots lets segments of a path end in a dot or a blank.
	TrailingDots bool
}

// Request scrubs r in place. It is the first thing that happens to a request, on every path of a site: open ones,
// our own endpoints, OPTIONS and errors included (A35).
//
// Connection comes before the identity headers, so that no option survives which would remove what is set later. The
// cookies come last: lines holds the Cookie header as it came if one of our own cookies was in it (nil otherwise), for
// the endpoints and the guard; r itself no longer carries them.
//
// A non-nil error is always a Refusal. A request that is refused is scrubbed like any other, for whoever answers it.
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
