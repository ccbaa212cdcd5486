package lint

import (
	"bytes"
	"encoding/json"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Routes follows the routes of one server, each of them once: every site of the server asks about the routes so far, and
// a server may have thousands.
type Routes struct {
	next     int // the first route that was not followed
	raw      int // the first route that is not provisioned
	order    way
	rewrites []rewritten
}

// NewRoutes returns Routes that has followed none.
func NewRoutes() *Routes { return &Routes{order: *newWay(place{}), rewrites: []rewritten{{}}} }

// Readable returns the routes of a server that can be read while its sites are provisioned. Caddy provisions routes in
// order and keeps their raw form until then, so the routes after the current one are still raw.
func (s *Routes) Readable(server *caddyhttp.Server) caddyhttp.RouteList {
	if server == nil {
		return nil
	}
	for i := s.raw; i < len(server.Routes); i++ {
		if len(server.Routes[i].HandlersRaw) > 0 {
			s.raw = i
			return server.Routes[:i+1]
		}
	}
	return nil
}

// Follow checks what comes before and around each directive latchkey in the routes that it has not followed yet. routes
// are those of the server so far, in order; policies are those for all sites. Named routes that are invoked elsewhere are
// not followed.
//
// The first findings are matchers that exclude the sign-in endpoints, and handlers that answer or set headers first; of
// the routes in one group only one runs, so sibling `handle` blocks do not matter. The others are policies, and matchers
// of a directive, that do not match the path for which they were written.
func (s *Routes) Follow(routes caddyhttp.RouteList, policies []*config.Policy) (order []Finding, missing []policy.Finding) {
	read := make(handlers)
	w := &walker{read: read}
	y := &rewrites{read, s.rewrites, func(raw json.RawMessage, before rewriting) {
		missing = append(missing, missed(raw, before, policies)...)
	}}
	for ; s.next < len(routes); s.next++ {
		r := &routes[s.next]
		if s.standsFirst(r) {
			continue
		}
		w.route(r, &s.order)
		y.route(r)
	}
	s.rewrites = y.done
	return w.found, missing
}

// standsFirst reports whether nothing at all comes before the only directive latchkey of a terminal route, so that there
// is nothing to find. Most sites are such routes. It looks at the text, because parsing the routes of a thousand sites is
// a tenth of what it takes to load them. Text that it does not expect is parsed.
func (s *Routes) standsFirst(r *caddyhttp.Route) bool {
	if !r.Terminal || len(r.Handlers) > 0 || len(r.HandlersRaw) != 1 || len(s.order.only) > 0 {
		return false
	}
	raw := r.HandlersRaw[0]
	if bytes.IndexByte(raw, '\\') >= 0 || bytes.Contains(raw, []byte(`"match"`)) || bytes.Count(raw, []byte(`"latchkey"`)) != 1 ||
		bytes.Count(raw, []byte(`"handler"`)) != bytes.Count(raw, []byte(`"handler":"`)) {
		return false
	}
	const subroute, directive = `subroute"`, `latchkey"`
	rest := raw
	for found := true; found; {
		_, rest, found = bytes.Cut(rest, []byte(`"handler":"`))
		if !bytes.HasPrefix(rest, []byte(subroute)) {
			break
		}
	}
	if !bytes.HasPrefix(rest, []byte(directive)) || keepsOut(r) != "" || len(s.order.all(r.Group)) > 0 {
		return false
	}
	before := (&rewrites{done: s.rewrites}).all(r.Group)
	return !before.other && len(before.prefixes) == 0
}

// handlers are raw handlers that were read, by the place of their text: two checks follow the same routes.
type handlers map[*byte]*handler

// handler is what this package reads of every handler.
type handler struct {
	Handler  string              `json:"handler"`
	Routes   caddyhttp.RouteList `json:"routes"`
	App      string              `json:"app"`
	Position string              `json:"position"`
}

// handler returns nil if the text cannot be parsed.
func (hs handlers) handler(raw json.RawMessage) *handler {
	if len(raw) == 0 {
		return nil
	}
	h, known := hs[&raw[0]]
	if !known {
		h = new(handler)
		if json.Unmarshal(raw, h) != nil {
			h = nil
		}
		hs[&raw[0]] = h
	}
	return h
}
