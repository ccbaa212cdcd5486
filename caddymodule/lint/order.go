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

// place is what can have happened to a request before a route.
type place struct {
	before []string // directives of the handlers that ran before
	only   []string // matchers that exclude the sign-in endpoints
	front  bool     // the route is only for the front page
}

type walker struct {
	read  handlers
	found []Finding
}

// way is a list of routes on the way of a request: what can have happened before them, and in those that it has passed.
type way struct {
	place
	done []passed
}

// passed is a route that a request has passed: its group and the directives of its handlers.
type passed struct {
	group  string
	before []string
}

func newWay(at place) *way { return &way{at, []passed{{"", at.before}}} }

// all returns the handlers that can have run before a route of the group. Only one route of a group runs.
func (y *way) all(except string) (sum []string) {
	for _, s := range y.done {
		if s.group == "" || s.group != except {
			sum = append(sum, s.before...)
		}
	}
	return sum
}

// walk follows routes in the order in which a request passes them, and returns the handlers that it has passed at the
// end.
func (w *walker) walk(routes caddyhttp.RouteList, at place) (before []string) {
	y := newWay(at)
	for i := range routes {
		w.route(&routes[i], y)
	}
	return y.all("")
}

// route follows the next route on the way. A provisioned route contains no raw directive latchkey, and what a terminal
// route does concerns no later one.
func (w *walker) route(r *caddyhttp.Route, y *way) {
	if r.Terminal && len(r.HandlersRaw) == 0 || isAutomatic(r) {
		return
	}
	here := place{y.all(r.Group), y.only, y.front || isFrontPage(r)}
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
		y.done = append(y.done, passed{r.Group, here.before[min(known, len(here.before)):]})
	}
}

func (w *walker) handler(raw json.RawMessage, at place) (before []string) {
	h := w.read.handler(raw)
	if h == nil {
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
