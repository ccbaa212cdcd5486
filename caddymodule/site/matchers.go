package site

import (
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Matchers are the Caddy matchers of policies. A policy.MatcherID is an index into it, counted from 1.
type Matchers struct {
	tenant *Matchers // the matchers of the policies for all sites, which come first; nil in these matchers themselves
	sets   []ruleMatcher
	of     []*config.Policy // the policy of each matcher
}

// count returns how many matchers there are.
func (m *Matchers) count() int {
	if m.tenant != nil {
		return len(m.tenant.sets) + len(m.sets)
	}
	return len(m.sets)
}

// at returns a matcher and its policy by an index that counts from 0.
func (m *Matchers) at(i int) (*ruleMatcher, *config.Policy) {
	if m.tenant != nil {
		if i < len(m.tenant.sets) {
			return m.tenant.at(i)
		}
		i -= len(m.tenant.sets)
	}
	return &m.sets[i], m.of[i]
}

func (m *Matchers) add(ctx caddy.Context, p *config.Policy) (policy.MatcherID, error) {
	if len(p.MatchRaw) == 0 {
		return 0, nil
	}
	loaded, err := p.LoadMatch(ctx)
	if err != nil {
		return 0, fmt.Errorf("policy %q: match: %w", p.Name, err)
	}
	sets, err := newRuleMatcher(loaded)
	if err != nil {
		return 0, fmt.Errorf("policy %q: match: %w", p.Name, err)
	}
	m.sets, m.of = append(m.sets, sets), append(m.of, p)
	return policy.MatcherID(m.count()), nil
}

// rules compiles policies and loads their matchers.
func (m *Matchers) rules(ctx caddy.Context, list []*config.Policy) ([]policy.Policy, error) {
	out := make([]policy.Policy, 0, len(list))
	for _, p := range list {
		id, err := m.add(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Rule(id))
	}
	return out, nil
}

// neededSignals says which facts about a request policies depend on; others are not determined.
type neededSignals struct{ platform, client, reportOnly bool }

// and adds the facts that more policies depend on.
func (w neededSignals) and(list []policy.Policy) neededSignals {
	for i := range list {
		p := &list[i]
		if p.Mode == policy.Off {
			continue
		}
		w.platform = w.platform || len(p.Conditions.Platforms) > 0
		w.client = w.client || len(p.Conditions.Clients) > 0
		w.reportOnly = w.reportOnly || p.Mode == policy.ReportOnly
	}
	return w
}

// requestMatcher evaluates the matchers for a request, with the path that the upstream will see.
type requestMatcher struct {
	*Matchers
	r *http.Request
}

// MatchPolicy implements policy.Matcher.
func (m *requestMatcher) MatchPolicy(id policy.MatcherID) (bool, error) {
	matcher, _ := m.at(int(id) - 1)
	return matcher.match(m.r)
}

// FinestIdle returns the shortest idle limit that enabled policies set; zero if none does.
func FinestIdle(list []policy.Policy) (finest time.Duration) {
	for i := range list {
		if list[i].Mode == policy.On {
			finest = Shorter(finest, list[i].MaxIdle)
		}
	}
	return finest
}

// Shorter returns the shorter of two times. Zero means no time.
func Shorter(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// asHeld returns the request in the form in which rules check it. reverse_proxy sends an extended CONNECT (RFC 8441,
// RFC 9220) to the application as a GET with `Upgrade`, so rules for GET must apply to it (field trial 2.2).
func asHeld(r *http.Request) *http.Request {
	if r.Method != http.MethodConnect {
		return r
	}
	held := *r
	held.Method = http.MethodGet
	return &held
}

// connectPlaceholders are the placeholders from which an expression reads the method and the version. For an extended
// CONNECT, quic-go stores the protocol, which the client chooses, as the version.
var connectPlaceholders = []string{"http.request.method", "http.request.orig_method", "http.request.proto", "http.request.proto_name"}

// holdConnect gives the placeholders the values of asHeld until the request is passed on.
func holdConnect(r *http.Request, next caddyhttp.Handler) caddyhttp.Handler {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return next
	}
	version := fmt.Sprintf("HTTP/%d", r.ProtoMajor)
	for i, value := range []string{http.MethodGet, http.MethodGet, version + ".0", version} {
		repl.Set(connectPlaceholders[i], value)
	}
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		for _, name := range connectPlaceholders {
			repl.Delete(name)
		}
		return next.ServeHTTP(w, r)
	})
}
