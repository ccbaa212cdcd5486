package caddymodule

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// identityHeader is a header that tells the application something about the person.
type identityHeader struct {
	name  string // canonical
	value func(*session.Session) string
}

// presetValues are what the headers of a preset carry, in the order in which headerPresets names them.
var presetValues = []func(*session.Session) string{
	func(s *session.Session) string { return s.User },
	func(s *session.Session) string { return s.Email },
	func(s *session.Session) string { return s.Name },
	func(s *session.Session) string { return signin.JoinList(s.Groups) },
}

// provisionHeaders compiles which headers carry what, and which must therefore never come from a client.
func (h *Handler) provisionHeaders() error {
	for i, name := range h.presetHeaders() {
		h.rt.headers = append(h.rt.headers, identityHeader{name, presetValues[i]})
	}
	names := make([]string, 0, len(h.Header))
	for _, c := range h.Header {
		names = append(names, c.Name)
		h.rt.headers = append(h.rt.headers, identityHeader{
			textproto.CanonicalMIMEHeaderKey(c.Name), func(s *session.Session) string { return signin.ClaimText(s, c.Claim) },
		})
	}
	var err error
	h.rt.names, err = scrub.NewNames(names...)
	return err
}

// identify tells the application and the rest of the route who is there. What a client said in these headers is gone
// already; an absent claim is an absent header (A51).
func (h *Handler) identify(p *passage, r *http.Request, made *made) {
	// The text is shared, its place is not: whoever comes next on the way may write to the slice.
	places := p.places[:]
	if len(made.headers) > len(places) {
		places = make([]string, len(made.headers))
	}
	for i, value := range made.headers {
		if value != "" {
			places[i] = value
			r.Header[h.rt.headers[i].name] = places[i : i+1 : i+1]
		}
	}
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(made.placeholder)
	}
}

// groups is a list that prints as text and is a list to CEL: `"admins" in {http.auth.user.groups}`.
type groups []string

func (g groups) String() string { return signin.JoinList(g) }

// placeholder answers {http.auth.user.*}, as Caddy's own authentication sets them, and {http.latchkey.*}.
func placeholder(key string, who *session.Session) (any, bool) {
	if rest, ok := strings.CutPrefix(key, "http.auth.user."); ok {
		switch rest {
		case "id":
			return who.User, true
		case "name":
			return who.Name, true
		case "email":
			return who.Email, true
		case "groups":
			return groups(who.Groups), true
		}
		return nil, false
	}
	if rest, ok := strings.CutPrefix(key, "http.latchkey."); ok {
		switch rest {
		case "session.id":
			return who.ID.Short(), true
		case "session.kind":
			return who.Kind.String(), true
		case "session.created":
			return who.Created, true
		case "groups.as_of":
			return who.GroupsAsOf, true
		case "provider":
			return who.Provider, true
		case "subject":
			return who.Identity.Subject, true
		case "issuer":
			return who.Identity.Issuer, true
		}
	}
	return nil, false
}
