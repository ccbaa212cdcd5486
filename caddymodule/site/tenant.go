package site

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Tenant is what all sites of one configuration share. It does not change after the sites are built.
type Tenant struct {
	// Config is the configuration for all sites.
	Config    *config.App
	Providers []*oidc.Provider
	Prompt    access.PromptConfig
	Limits    session.Limits
	// Networks and Policies are those for all sites. Set is compiled from them, without the policies of single sites;
	// the sets of the sites share what it consists of. Matchers are the Caddy matchers of Policies.
	Networks []policy.Network
	Policies []policy.Policy
	Set      *policy.Set
	Matchers *Matchers
	needed   neededSignals
	// readings are those of sites without matchers of their own, by the matchers for all sites that apply there. It is
	// used only while sites are built, one after the other.
	readings map[string]*readings
	// names are the headers that sites set, compiled, by their list. They are used in the same way.
	names map[string]scrubbed
	// guesses are the addresses that send wrong tokens, for all sites that accept tokens. They are used in the same way; nil: there
	// is no such site yet.
	guesses *bearer.Guesses
	// Service returns the sign-in service of this configuration. The first call creates it. An error means that the
	// configuration has stopped, or that its store or keys cannot be opened.
	Service func() (*signin.Service, error)
	// Current returns the service of the running configuration, which changes with a reload. It is nil before the first
	// configuration has started.
	Current func() *signin.Service
	// Events receives the events of sites. nil: there is no consumer.
	Events Events
}

// scrubbed are the names of headers that a request is scrubbed of, and those behind a trusted proxy.
type scrubbed struct{ form, behind *scrub.Names }

// Events is the part of Caddy's events app that sites use.
type Events interface {
	ShouldEmit(event string) bool
	Emit(event string, data map[string]any)
}

// Compile compiles the policies for all sites, once. Each site adds its own.
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
	t.needed = t.needed.and(t.Policies)
	base, err := policy.CompileBase(t.Networks, t.Policies)
	if err != nil {
		return err
	}
	t.Set, err = base.Compile()
	return err
}

// provider returns a provider by name; nil if the current configuration does not define it.
func (t *Tenant) provider(name string) *oidc.Provider {
	i := slices.IndexFunc(t.Providers, func(p *oidc.Provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return t.Providers[i]
}

// trustsNames reports whether the current configuration trusts a provider's user names that look like mail addresses,
// although the provider has not verified them.
func (t *Tenant) trustsNames(provider string) bool {
	p := t.provider(provider)
	return p != nil && p.Claims.TrustUserNames
}

// mfa reports whether a session shows a second factor, by the current configuration of its provider.
func (t *Tenant) mfa(who *session.Record) bool {
	p := t.provider(who.Provider)
	return p != nil && p.Claims.MFA(who)
}
