package site

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// formFrom is what is taken out of a request, by who sent it.
func (h *Site) formFrom(p *request) *scrub.Rules {
	if trusted, _ := p.vars[caddyhttp.TrustedProxyVarKey].(bool); trusted {
		return &h.behind
	}
	return &h.form
}

// identify tells the application and the rest of the route who is there. What a client said in these headers is gone
// already; an absent claim is an absent header (A51).
func (h *Site) identify(p *request, r *http.Request) {
	// The text is shared, its place is not: the next handler on the way may write to the slice.
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

// placeholder answers {http.auth.user.*}, as Caddy's own authentication sets them, and {http.latchkey.*}.
func (p *request) placeholder(key string) (any, bool) {
	if rest, ok := strings.CutPrefix(key, userPlaceholders); ok {
		return p.placeholderOfUser(rest)
	}
	rest, ok := strings.CutPrefix(key, ownPlaceholders)
	if !ok {
		return nil, false
	}
	switch rest {
	case "session.id":
		return p.live.ID.Short(), true
	case "session.kind":
		return p.live.Kind.String(), true
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
		return nil, false // it could be read a moment ago
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
