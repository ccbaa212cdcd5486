package lint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Finding is a finding about one directive latchkey.
type Finding struct {
	// App and Position identify the directive.
	App, Position string
	Problem       string
}

// Order checks what comes before and around each directive latchkey in routes: matchers that exclude the sign-in
// endpoints, and handlers that answer or set headers first. Of the routes in one group only one runs, so sibling
// `handle` blocks do not matter. Named routes that are invoked elsewhere are not followed.
func Order(routes caddyhttp.RouteList) []Finding {
	w := new(walker)
	w.walk(routes, place{})
	return w.found
}

// place is what can have happened to a request before a route.
type place struct {
	before []string // directives of the handlers that ran before
	only   []string // matchers that exclude the sign-in endpoints
	front  bool     // the route is only for the front page
}

type walker struct{ found []Finding }

// walk follows routes in the order in which a request passes them, and returns the handlers that it has passed at the
// end.
func (w *walker) walk(routes caddyhttp.RouteList, at place) (before []string) {
	type step struct {
		group  string
		before []string
	}
	done := []step{{"", at.before}}
	all := func(except string) (sum []string) {
		for _, s := range done {
			if s.group == "" || s.group != except {
				sum = append(sum, s.before...)
			}
		}
		return sum
	}
	for i := range routes {
		r := &routes[i]
		if isAutomatic(r) {
			continue
		}
		here := place{all(r.Group), at.only, at.front || isFrontPage(r)}
		if keeper := keepsOut(r); keeper != "" {
			here.only = append(slices.Clip(here.only), keeper)
		}
		known := len(here.before)
		for _, handler := range r.Handlers {
			if sub, ok := handler.(*caddyhttp.Subroute); ok {
				here.before = w.walk(sub.Routes, here)
				continue
			}
			if module, ok := handler.(caddy.Module); ok {
				if raw, err := json.Marshal(handler); err == nil {
					here.before = append(here.before, here.wordOf(module.CaddyModule().ID.Name(), raw)...)
				}
			}
		}
		for _, raw := range r.HandlersRaw {
			here.before = w.handler(raw, here)
		}
		if !r.Terminal { // after a terminal route nothing runs
			done = append(done, step{r.Group, here.before[min(known, len(here.before)):]})
		}
	}
	return all("")
}

func (w *walker) handler(raw json.RawMessage, at place) (before []string) {
	var h struct {
		Handler  string              `json:"handler"`
		Routes   caddyhttp.RouteList `json:"routes"`
		App      string              `json:"app"`
		Position string              `json:"position"`
	}
	if json.Unmarshal(raw, &h) != nil {
		return at.before // Caddy refuses this
	}
	switch h.Handler {
	case "latchkey":
		for _, problem := range at.problems() {
			w.found = append(w.found, Finding{h.App, h.Position, problem})
		}
		return at.before
	case "subroute":
		return w.walk(h.Routes, at)
	}
	return append(slices.Clip(at.before), at.wordOf(h.Handler, raw)...)
}

// wordOf returns the directive of a handler that deserves a warning if it comes before latchkey. A redirect of only the
// front page does not: a sign-in host sends users on in this way.
func (p place) wordOf(handler string, raw json.RawMessage) []string {
	words := wordOf(handler, raw)
	if p.front && slices.Equal(words, []string{redirWord}) {
		return nil
	}
	return words
}

func (p place) problems() (list []string) {
	if len(p.only) > 0 {
		list = append(list, fmt.Sprintf("it stands where only requests for %s come (handle, handle_path, route or a site's address "+
			"with a path): nothing answers /.latchkey/ there, so that no sign-in can end; put it outside, as in: latchkey %s", p.only[0], p.only[0]))
	}
	words := slices.Clone(p.before)
	slices.Sort(words)
	words = slices.Compact(words)
	answers := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == headerWord })
	if len(answers) > 0 {
		list = append(list, fmt.Sprintf("before it in this site: %s; what is answered there needs no sign-in and meets no policy; to have "+
			"latchkey first, put both into a route block with latchkey on top", strings.Join(answers, ", ")))
	}
	if slices.Contains(words, headerWord) {
		list = append(list, "before it in this site: header; what it sets is sent to people who are not signed in as well, and with the "+
			"pages of sign-in; to have latchkey first, put both into a route block with latchkey on top")
	}
	return list
}
