package site

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Tenant is what all sites of one configuration share. It does not change once the sites are built.
type Tenant struct {
	// Config is what the configuration says for all sites.
	Config    *config.App
	Providers []*oidc.Provider
	Prompt    signin.PromptConfig
	Limits    session.Limits
	// Networks and Policies are those for all sites, Set is them compiled without those of sites, and Matchers are the
	// Caddy matchers of Policies.
	Networks []policy.Network
	Policies []policy.Policy
	Set      *policy.Set
	Matchers *Matchers
	// Service returns the sign-in service of this configuration, and makes it on the first call. An error says that the
	// configuration has stopped, or that its store or keys cannot be opened.
	Service func() (*signin.Service, error)
	// Current returns the service of the configuration that runs: after a reload it is another one. It is nil before the
	// first one has started.
	Current func() *signin.Service
	// Events takes what sites emit; nil: no consumer.
	Events Events
}

// Events are Caddy's events.
type Events interface {
	ShouldEmit(event string) bool
	Emit(event string, data map[string]any)
}

// Compile compiles the policies for all sites. Each site compiles them together with its own.
func (t *Tenant) Compile(ctx caddy.Context) (err error) {
	for _, n := range t.Config.Networks {
		rule, err := n.Rule()
		if err != nil {
			return fmt.Errorf("network %q: %w", n.Name, err)
		}
		t.Networks = append(t.Networks, rule)
	}
	t.Matchers = &Matchers{}
	if t.Policies, err = t.Matchers.rules(ctx, t.Config.Policies); err != nil {
		return err
	}
	t.Set, err = policy.Compile(policy.Config{Networks: t.Networks, Policies: t.Policies})
	return err
}

// provider returns a provider by its name; nil if the configuration has none of this name now.
func (t *Tenant) provider(name string) *oidc.Provider {
	i := slices.IndexFunc(t.Providers, func(p *oidc.Provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return t.Providers[i]
}

// trustsNames reports whether user names of a provider are the user's own even where they look like a mail address that
// the provider has not verified, as it is configured now.
func (t *Tenant) trustsNames(provider string) bool {
	p := t.provider(provider)
	return p != nil && p.Claims.TrustUserNames
}

// mfa reports whether a session shows a second factor, as its provider is configured now.
func (t *Tenant) mfa(who *session.Record) bool {
	p := t.provider(who.Provider)
	return p != nil && p.Claims.MFA(who)
}
