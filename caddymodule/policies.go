package caddymodule

import (
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/policy"
)

// matchers are the Caddy matchers of policies; a policy.MatcherID is a position in it, counted from 1.
type matchers struct {
	sets []ruleMatcher
	of   []*Policy // whose each of them is
}

func (m *matchers) add(ctx caddy.Context, p *Policy) (policy.MatcherID, error) {
	if len(p.MatchRaw) == 0 {
		return 0, nil
	}
	p.matched = p.MatchRaw
	loaded, err := ctx.LoadModule(p, "MatchRaw")
	if err != nil {
		return 0, fmt.Errorf("policy %q: match: %w", p.Name, err)
	}
	sets, err := newRuleMatcher(loaded)
	if err != nil {
		return 0, fmt.Errorf("policy %q: match: %w", p.Name, err)
	}
	m.sets, m.of = append(m.sets, sets), append(m.of, p)
	return policy.MatcherID(len(m.sets)), nil
}

// rules compiles policies and loads their matchers.
func (m *matchers) rules(ctx caddy.Context, list []*Policy) ([]policy.Policy, error) {
	out := make([]policy.Policy, 0, len(list))
	for _, p := range list {
		id, err := m.add(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, p.rule(id))
	}
	return out, nil
}

// wanted says what is worth finding out about a request, because a policy depends on it.
type wanted struct{ platform, client, reportOnly bool }

func wantedBy(lists ...[]policy.Policy) (w wanted) {
	for _, list := range lists {
		for i := range list {
			p := &list[i]
			if p.Mode == policy.Off {
				continue
			}
			w.platform = w.platform || len(p.Conditions.Platforms) > 0
			w.client = w.client || len(p.Conditions.Clients) > 0
			w.reportOnly = w.reportOnly || p.Mode == policy.ReportOnly
		}
	}
	return w
}

// requestMatcher holds a request against the matchers: on the path that the upstream will see.
type requestMatcher struct {
	*matchers
	r *http.Request
}

// MatchPolicy implements policy.Matcher.
func (m *requestMatcher) MatchPolicy(id policy.MatcherID) (bool, error) {
	return m.sets[id-1].match(m.r)
}

// provisionPolicies compiles what holds for every site; each site compiles it together with its own.
func (a *App) provisionPolicies(ctx caddy.Context) error {
	for _, n := range a.Networks {
		rule, err := n.rule()
		if err != nil {
			return fmt.Errorf("network %q: %w", n.Name, err)
		}
		a.rt.networks = append(a.rt.networks, rule)
	}
	a.rt.matchers = &matchers{}
	var err error
	if a.rt.policies, err = a.rt.matchers.rules(ctx, a.Policies); err != nil {
		return err
	}
	a.noteMaxIdle(a.rt.policies)
	a.rt.tenant, err = policy.Compile(policy.Config{Networks: a.rt.networks, Policies: a.rt.policies})
	return err
}

// noteMaxIdle takes note of the shortest idle limit that policies set, so that last uses are written often enough.
func (a *App) noteMaxIdle(list []policy.Policy) {
	for i := range list {
		if d := list[i].MaxIdle; d > 0 && list[i].Mode == policy.On {
			a.noteIdle(d)
		}
	}
}

func (a *App) noteIdle(d time.Duration) {
	if a.rt.finestIdle == 0 || d < a.rt.finestIdle {
		a.rt.finestIdle = d
	}
}
