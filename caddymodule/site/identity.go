package site

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
)

// identified is who a request is of, for all that comes after the decision.
type identified struct {
	// live is the session of the request, once it is known; view is what the site knows of it. For a program it is what its
	// token says, and token is the token.
	live  *session.Session
	token *bearer.Token
	view  *siteView
	// places is the memory for identity headers. A site with more headers allocates more.
	places [4]string
}

// identify sets the headers and placeholders that tell the application and the rest of the route who the user is. The
// client's own values are already deleted. An absent claim is an absent header (A51).
func (h *Site) identify(p *identified, r *http.Request) {
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
func (p *identified) placeholder(key string) (any, bool) {
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

func (p *identified) placeholderOfUser(what string) (any, bool) {
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
func (p *identified) placeholderOfToken(what string) (any, bool) {
	switch what {
	case "session.kind":
		return "token", true
	case "client":
		return p.token.Client, true
	}
	return nil, false
}

// identityHeader is a header with information about the user: a string or a list.
type identityHeader struct {
	name  string // canonical
	value func(*session.Record) (text string, list []string)
	only  *identity.Only
}

// write returns the value of the header. An empty value means that the header is absent.
func (i *identityHeader) write(w *identity.Writer, user string, who *session.Record) string {
	text, list := i.value(who)
	switch {
	case text != "" && i.only != nil: // some providers send a list with one element as a string
		list = []string{text}
	case text != "":
		return w.Text(i.name, user, text)
	}
	return w.List(i.name, user, i.only.Keep(list))
}

// presetValues returns the values of the headers of a preset, in the order of headerPresets. Spaces around a display
// name are trimmed instead of dropping the header: the name is only shown and does not identify the user.
var presetValues = []func(*session.Record) (string, []string){
	nil, // the user name; it depends on the provider
	func(s *session.Record) (string, []string) { return s.Email, nil },
	func(s *session.Record) (string, []string) { return strings.Trim(s.Name, " "), nil },
	func(s *session.Record) (string, []string) { return "", s.Groups },
}
