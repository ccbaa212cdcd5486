package site

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/looks"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// readings are the matchers that decide about requests of a site: the matcher of its directive, and those of the
// enabled policies that apply to it. It is nil if a site has none.
type readings struct {
	sets []caddyhttp.MatcherSets
	looks.Set
	// parameters: the application treats a semicolon in a path as part of a name.
	parameters bool
}

// ruleMatcher is the matcher of one rule.
type ruleMatcher struct {
	sets caddyhttp.MatcherSets
	looks.Set
}

func newRuleMatcher(loaded any) (m ruleMatcher, err error) {
	if err = m.sets.FromInterface(loaded); err == nil {
		err = m.Add(m.sets)
	}
	return m, err
}

// match evaluates the matcher for the path that the application will see. A client address that cannot be parsed is an
// error, because Caddy's matchers would answer "no" to it.
func (m *ruleMatcher) match(r *http.Request) (bool, error) {
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	if err := m.CheckAddress(r.RemoteAddr, client); err != nil {
		return false, err
	}
	return m.sets.AnyMatchWithError(asHeld(r))
}

// check refuses a request that a rule could read differently from the application. The error is always a scrub.Refusal.
func (rd *readings) check(r *http.Request, original *url.URL) error {
	if rd == nil {
		return nil
	}
	r = asHeld(r)
	if err := rd.Check(r, original); err != nil {
		return err
	}
	if !rd.parameters && rd.Path() && (strings.Contains(r.URL.Path, ";") || original != nil && strings.Contains(original.Path, ";")) {
		return rd.parametersSeen(r, original)
	}
	return nil
}

// parametersSeen refuses a path with parameters (/admin;x/users) if a rule decides differently for the path without
// them. Servlet containers and others cut parameters off; all other servers treat them as part of the name. The request
// is changed during the check, because placeholders read it, and restored afterwards.
func (rd *readings) parametersSeen(r *http.Request, original *url.URL) error {
	whole, err := rd.answers(r)
	if err != nil {
		return nil //nolint:nilerr // the rule fails again when it is evaluated, and that is a refusal
	}
	targets := []*url.URL{r.URL}
	if original != nil && original != r.URL {
		targets = append(targets, original)
	}
	for _, u := range targets {
		path, raw := u.Path, u.RawPath
		u.Path, u.RawPath = withoutParameters(path), ""
		defer func() { u.Path, u.RawPath = path, raw }()
	}
	cut, err := rd.answers(r)
	if err == nil && !slices.Equal(whole, cut) {
		return scrub.PathParameters
	}
	return nil
}

func (rd *readings) answers(r *http.Request) ([]bool, error) {
	out := make([]bool, len(rd.sets))
	for i, sets := range rd.sets {
		var err error
		if out[i], err = sets.AnyMatchWithError(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func withoutParameters(path string) string {
	var out strings.Builder
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			out.WriteByte('/')
		}
		name, _, _ := strings.Cut(segment, ";")
		out.WriteString(name)
	}
	return out.String()
}
