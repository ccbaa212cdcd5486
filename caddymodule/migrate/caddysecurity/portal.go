package caddysecurity

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// portal is an authentication portal: who signs users in, and which roles they get.
type portal struct {
	from *node
	name string
	// enabled are the names of its providers and stores.
	enabled []string
	// standIn says that a provider stands in for its stores.
	standIn bool
	// token is how long a token is valid, cookie how long its cookie lives. 0: as caddy-security, until the browser is closed.
	token, cookie time.Duration
	transforms    []transform
	// closed says why no user of it may enter a site.
	closed string
}

// portal reads a portal.
func (r *reader) portal(n *node) *portal {
	p := &portal{from: n, name: n.words[2]}
	where := strings.Join(n.words, " ")
	n.Key = where
	for _, one := range n.inner {
		line := strings.Join(one.words[:min(3, len(one.words))], " ")
		switch {
		case one.name() == "import" && !one.block:
			p.closed = closedByImport
		case line == "enable identity provider" || line == "enable identity store":
			p.enabled = append(p.enabled, one.words[3:]...)
		case strings.HasPrefix(strings.Join(one.words, " "), "crypto default token lifetime "):
			p.token = r.seconds(one, one.arg(3))
		case len(one.words) > 2 && one.name() == "cookie" && one.arg(len(one.words)-3) == "lifetime":
			if d := r.seconds(one, one.arg(len(one.words)-2)); p.cookie == 0 || d < p.cookie {
				p.cookie = d
			}
		case line == "transform user" || line == "transform users":
			p.transforms = append(p.transforms, r.transform(where, one))
		case one.name() == "ui":
			for _, word := range one.inner {
				inner := *word
				inner.words = append([]string{"ui"}, word.words...)
				r.note(where, &inner, inPortal)
			}
		default:
			r.note(where, one, inPortal)
		}
	}
	if len(p.transforms) > maxTransforms {
		r.faults = append(r.faults, n.Errorf("a portal has more than %d transformations", maxTransforms))
		p.transforms = nil
	}
	return p
}

// maxTransforms is how many blocks `transform user` a portal may have.
const maxTransforms = 300

// seconds returns a number of seconds.
func (r *reader) seconds(n *node, text string) time.Duration {
	count, err := strconv.Atoi(text)
	if err != nil || count < 1 || count > 1_000_000_000 {
		r.faults = append(r.faults, n.Errorf("want a number of seconds"))
		return 0
	}
	return time.Duration(count) * time.Second
}

// enabled returns the providers and stores of a portal that are turned on.
func (y *security) enabled(p *portal) (all []*realm) {
	for _, l := range y.realms {
		if slices.Contains(p.enabled, l.name) && !l.disabled {
			all = append(all, l)
		}
	}
	return all
}

// usual is how long a token of caddy-security is valid if the file does not say it.
const usual = 15 * time.Minute

// lifetimes writes how long users stay signed in: the shortest lifetime of the portals.
func (r *reader) lifetimes() {
	if len(r.portals) == 0 {
		return
	}
	token, cookie, stays := time.Duration(0), time.Duration(0), true
	for i, p := range r.portals {
		t := p.token
		if t == 0 {
			t = usual
			r.plan.Note(draft.Differs, p.from.Origin, "a token of this portal is valid for 15 minutes, and so is a session here. It may be longer: a session can be ended at any time, and the provider is asked again for groups (`recheck`)")
		}
		if i == 0 || t < token {
			token = t
		}
		if p.cookie == 0 {
			stays = false
		} else if cookie == 0 || p.cookie < cookie {
			cookie = p.cookie
		}
	}
	if len(r.portals) > 1 {
		r.plan.Note(draft.Differs, draft.Origin{}, "lifetimes are the same for all sites: they are the shortest of the portals. `max_idle` in a policy of a site shortens them")
	}
	l := draft.Lifetimes{Comment: "How long users stay signed in: unused, and at all.", Browser: draft.Limits{Idle: token, Most: token}}
	l.Persistent = l.Browser
	if cookie > 0 && cookie < token {
		l.Persistent = draft.Limits{Idle: cookie, Most: cookie}
	}
	r.plan.Session = append(r.plan.Session, l.Line())
	o := draft.At("cookie lifetime", 0)
	if stays {
		r.plan.Note(draft.Differs, o, "users are asked \"Stay signed in?\": a Yes outlives the browser, a No does not")
		return
	}
	prompt := draft.Words("stay_signed_in off")
	prompt.Comment = "Sessions end with the browser, and users are not asked."
	r.plan.Prompt = append(r.plan.Prompt, prompt)
	r.plan.Note(draft.Differs, o, "a session ends with the browser, as before. Without `stay_signed_in off` users are asked \"Stay signed in?\"")
}
