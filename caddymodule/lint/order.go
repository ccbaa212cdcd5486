package lint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Finding is something about a directive latchkey.
type Finding struct {
	// App and Position are those of the directive.
	App, Position string
	Problem       string
}

// Order looks at what stands around and before each directive latchkey in routes: a matcher that keeps the endpoints of
// sign-in from it, and handlers that answer or set headers before it. Of routes in one group only one runs, so `handle`
// blocks beside that of the directive say nothing about it. A route that is named and invoked elsewhere is not followed.
func Order(routes caddyhttp.RouteList) []Finding {
	w := new(walker)
	w.walk(routes, place{})
	return w.found
}

// place is what has happened to a request on its way.
type place struct {
	before []string // what has been done by handlers before, by the names of directives
	only   []string // the matchers that the endpoints of sign-in do not get through
	front  bool     // it is for the front page alone
}

type walker struct{ found []Finding }

// walk goes through routes in the order in which a request does, and returns what it has met when it leaves them.
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
		if !r.Terminal { // after one that is, nothing runs
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
		return at.before // which Caddy is about to refuse
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

// wordOf is the directive for a handler that is worth a warning before latchkey. A redirect of the front page alone is not: a
// sign-in host leads people on by one.
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
