package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
)

// addSite registers a site for explanations and for the sign-in host.
func (a *App) addSite(h *site.Site) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sites = append(a.sites, h)
	a.finestIdle = site.Shorter(a.finestIdle, h.FinestIdle())
}

// Estate returns the configuration with the currently provisioned sites.
func (a *App) Estate() explain.Estate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return explain.Estate{Tenant: &a.tenant, Sites: slices.Clone(a.sites)}
}

// Impact evaluates another configuration for the live sessions and the sign-in log of this one. It does not load that
// configuration.
func (a *App) Impact(ctx context.Context, q *explain.ImpactQuery, now time.Time) (*explain.Impact, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	next, err := NewCandidate(a.ctx, q.Config)
	if err != nil {
		return nil, fmt.Errorf("the new configuration: %w", err)
	}
	defer next.Close()
	if _, err := a.openService(); err != nil {
		return nil, err
	}
	changed := next.Estate()
	return explain.Replay(ctx, q, now, &explain.Running{Estate: a.Estate(), Sessions: a.sessions, SignIns: a.signIns}, &changed)
}

// headerClaims returns the claims that headers of any site use. All sites of one configuration share their sessions.
func (a *App) headerClaims() (claims []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.sites {
		for _, c := range h.Header {
			claims = append(claims, c.Claim)
		}
	}
	slices.Sort(claims)
	return slices.Compact(claims)
}

// forwards reports whether a site at which users sign in at a provider forwards the access token. Only then do sessions of
// that provider keep it.
func forwards(a *App, provider string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.sites, func(h *site.Site) bool {
		return h.ForwardAccessToken != nil && slices.Contains(h.SignIn.Providers, provider)
	})
}
