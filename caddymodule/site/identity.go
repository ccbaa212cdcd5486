package site

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// identify sets the headers and placeholders that tell the application and the rest of the route who the user is. The
// client's own values are already deleted. An absent claim is an absent header (A51).
func (h *Site) identify(p *request, r *http.Request) {
	// The strings are shared between requests but the slices are not, because the next handler may write to them.
	places := p.places[:]
	if len(h.headers) > len(places) {
		places = make([]string, len(h.headers))
	}
	p.view.headers(func(i int, value string) {
		if value != "" {
			places[i] = value
			r.Header[h.headers[i].name] = places[i : i+1 : i+1]
		}
	})
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(p.placeholder)
	}
}

// placeholder returns the values of {http.auth.user.*}, which Caddy's own authentication also sets, and of
// {http.latchkey.*}.
func (p *request) placeholder(key string) (any, bool) {
	if rest, ok := strings.CutPrefix(key, userPlaceholders); ok {
		return p.placeholderOfUser(rest)
	}
	rest, ok := strings.CutPrefix(key, ownPlaceholders)
	if !ok {
		return nil, false
	}
	if p.token != nil {
		if value, ok := p.placeholderOfToken(rest); ok {
			return value, ok
		}
	}
	switch rest {
	case "session.id":
		return p.live.ID.Short(), true
	case "session.kind":
		return p.live.Kind.String(), true
	case "session.bound":
		return p.live.Bound, true
	case "session.created":
		return p.live.Created(), true
	case "groups.as_of":
		return p.live.GroupsAsOf(), true
	case "provider":
		return p.live.Provider(), true
	case "issuer":
		return p.live.Issuer(), true
	case "subject":
		who, err := p.view.person(p.live)
		return who.subject, err == nil
	}
	return nil, false
}

func (p *request) placeholderOfUser(what string) (any, bool) {
	if what == "id" {
		return p.view.user(), true
	}
	who, err := p.view.person(p.live)
	if err != nil {
		return nil, false // a moment before it was readable
	}
	switch what {
	case "name":
		return who.name, true
	case "email":
		return who.email, true
	case "groups":
		return who.groups, true
	}
	return nil, false
}

const (
	userPlaceholders = "http.auth.user."
	ownPlaceholders  = "http.latchkey."
)

// placeholderOfToken returns the values of {http.latchkey.*} that differ for a program.
func (p *request) placeholderOfToken(what string) (any, bool) {
	switch what {
	case "session.kind":
		return "token", true
	case "client":
		return p.token.Client, true
	}
	return nil, false
}
