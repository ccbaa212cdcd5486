package caddymodule

import (
	"cmp"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// identityHeader is a header that tells the application something about the person: a text, or a list where there is one.
type identityHeader struct {
	name  string // canonical
	value func(*session.Record) (text string, list []string)
	only  *identity.Only
}

// presetValues are what the headers of a preset carry, in the order in which headerPresets names them. Blanks around a
// name are taken off rather than the header left out: a name is for people to read, and does not tell users apart.
var presetValues = []func(*session.Record) (string, []string){
	nil, // the user name, which depends on the provider
	func(s *session.Record) (string, []string) { return s.Email, nil },
	func(s *session.Record) (string, []string) { return strings.Trim(s.Name, " "), nil },
	func(s *session.Record) (string, []string) { return "", s.Groups },
}

// write returns what stands in the header; nothing if it is to be absent.
func (i *identityHeader) write(w *identity.Writer, user string, who *session.Record) string {
	text, list := i.value(who)
	switch {
	case text != "" && i.only != nil: // some providers state a list of one as a text
		list = []string{text}
	case text != "":
		return w.Text(i.name, user, text)
	}
	return w.List(i.name, user, i.only.Keep(list))
}

// provisionHeaders compiles which headers carry what, and which must therefore never come from a client.
func (h *Handler) provisionHeaders() error {
	encoding, _ := identity.ParseEncoding(cmp.Or(h.HeaderEncoding, h.rt.app.HeaderEncoding))
	h.rt.writer = &identity.Writer{App: h.App, Encoding: encoding, Logger: h.rt.logger, Now: time.Now}
	for i, name := range h.presetHeaders() {
		header := identityHeader{name: name, value: presetValues[i]}
		switch i {
		case 0:
			header.value = func(s *session.Record) (string, []string) { return s.AppUser(h.rt.app.trustsNames(s.Provider)), nil }
		case presetGroups:
			header.only = identity.NewOnly(h.HeaderGroupsOnly)
		}
		h.rt.headers = append(h.rt.headers, header)
	}
	names := make([]string, 0, len(h.Header))
	for _, c := range h.Header {
		names = append(names, c.Name)
		h.rt.headers = append(h.rt.headers, identityHeader{
			name:  textproto.CanonicalMIMEHeaderKey(c.Name),
			value: func(s *session.Record) (string, []string) { return oidc.ClaimValue(s, c.Claim) },
			only:  identity.NewOnly(c.Only),
		})
	}
	if h.Assertion != nil {
		h.rt.assertionOnly = identity.NewOnly(h.Assertion.GroupsOnly)
	}
	var err error
	h.rt.form = scrub.Rules{Upgrades: h.Upgrade, TrailingDots: h.TrailingDots == trailingDotsKept}
	if h.rt.form.Names, err = scrub.NewNames(names...); err != nil {
		return err
	}
	h.rt.behind = h.rt.form
	h.rt.behind.Names = h.rt.form.Names.Behind()
	return nil
}

// headerClaims are the claims that headers of any site carry. Sites of one configuration share their sessions.
func (a *App) headerClaims() (claims []string) {
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	for _, h := range a.rt.sites {
		for _, c := range h.Header {
			claims = append(claims, c.Claim)
		}
	}
	slices.Sort(claims)
	return slices.Compact(claims)
}

// formFrom is what is taken out of a request, by who sent it.
func (h *Handler) formFrom(p *passage) *scrub.Rules {
	if trusted, _ := p.vars[caddyhttp.TrustedProxyVarKey].(bool); trusted {
		return &h.rt.behind
	}
	return &h.rt.form
}

// identify tells the application and the rest of the route who is there. What a client said in these headers is gone
// already; an absent claim is an absent header (A51).
func (h *Handler) identify(p *passage, r *http.Request) {
	// The text is shared, its place is not: whoever comes next on the way may write to the slice.
	places := p.places[:]
	if len(h.rt.headers) > len(places) {
		places = make([]string, len(h.rt.headers))
	}
	p.made.headers(func(i int, value string) {
		if value != "" {
			places[i] = value
			r.Header[h.rt.headers[i].name] = places[i : i+1 : i+1]
		}
	})
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(p.placeholder)
	}
}

// groups is a list that prints as text and is a list to CEL: `"admins" in {http.auth.user.groups}`. The text is that of a
// header in the default encoding.
type groups []string

func (g groups) String() string { return identity.UTF8.List(g) }

// person is what placeholders tell of a user and what is not at hand of a session.
type person struct {
	name, email, subject string
	groups               groups
}

// personOf copies what it tells into one piece of memory, and so keeps nothing else of the record.
func personOf(who *session.Record) *person {
	size := len(who.Name) + len(who.Email) + len(who.Identity.Subject)
	for _, g := range who.Groups {
		size += len(g)
	}
	var text strings.Builder
	text.Grow(size)
	keep := func(s string) string {
		start := text.Len()
		text.WriteString(s)
		return text.String()[start:]
	}
	p := &person{keep(who.Name), keep(who.Email), keep(who.Identity.Subject), make(groups, len(who.Groups))}
	for i, g := range who.Groups {
		p.groups[i] = keep(g)
	}
	return p
}

const (
	userPlaceholders = "http.auth.user."
	ownPlaceholders  = "http.latchkey."
)

// placeholder answers {http.auth.user.*}, as Caddy's own authentication sets them, and {http.latchkey.*}.
func (p *passage) placeholder(key string) (any, bool) {
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
		who, err := p.made.person(p.live)
		return who.subject, err == nil
	}
	return nil, false
}

func (p *passage) placeholderOfUser(what string) (any, bool) {
	if what == "id" {
		return p.made.user(), true
	}
	who, err := p.made.person(p.live)
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
