package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// CheckIdle checks the site's idle sign-out against the one for all sites.
func (h *Site) CheckIdle(a *App) error {
	own, all := h.IdleSignOut, a.IdleSignOut
	if err := own.Check(); err != nil {
		return fmt.Errorf("idle_sign_out: %w", err)
	}
	if own != nil && all != nil && own.SignOut > all.SignOut {
		return fmt.Errorf("idle_sign_out: sign_out %s is longer than the %s for all sites: a site can only make it shorter",
			Days(time.Duration(own.SignOut)), Days(time.Duration(all.SignOut)))
	}
	if (own != nil || all != nil) && h.Activity == "any" {
		return errIdleActivity
	}
	return nil
}

// IdleRules returns the idle sign-outs that apply to the site.
func (h *Site) IdleRules(a *App) (rules []access.IdleSignOut) {
	for _, i := range []*IdleSignOut{a.IdleSignOut, h.IdleSignOut} {
		if i != nil {
			rules = append(rules, i.rule())
		}
	}
	return rules
}

var errIdleActivity = errors.New("activity any would keep people signed in whose page polls: with idle_sign_out, activity is navigation or none")

// Check returns the first error in the site's configuration. It does not check the content of its policies.
func (h *Site) Check(a *App) error {
	known := a.ProviderNames()
	if err := CheckName(h.App); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := known.Check(h.Providers); err != nil {
		return err
	}
	if err := CheckNames(h.Providers); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	if err := h.Allow.checkNotEmpty(known); err != nil {
		return fmt.Errorf("allow: %w", err)
	}
	if err := h.Deny.checkNotEmpty(known); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	for _, p := range h.Policies {
		if err := p.CheckProviders(known); err != nil {
			return fmt.Errorf("policy %q: %w", p.Name, err)
		}
	}
	if err := h.Assertion.Check(); err != nil {
		return err
	}
	if err := h.Bearer.check(h.bearerClients(a)); err != nil {
		return fmt.Errorf("bearer: %w", err)
	}
	if err := h.checkForwarding(a); err != nil {
		return err
	}
	if err := h.CheckIdle(a); err != nil {
		return err
	}
	if err := h.CheckAppData(); err != nil {
		return err
	}
	if err := CheckOrigins("origins", h.Origins); err != nil {
		return err
	}
	if err := CheckOrigins("cors", h.Cors); err != nil {
		return err
	}
	if err := CheckUpgrades(h.Upgrade); err != nil {
		return err
	}
	if h.TrailingDots != "" && h.TrailingDots != TrailingDotsKept {
		return fmt.Errorf("trailing_dots: %q is not %s", h.TrailingDots, TrailingDotsKept)
	}
	if h.PathParameters != "" && h.PathParameters != PathParametersKept {
		return fmt.Errorf("path_parameters: %q is not %s", h.PathParameters, PathParametersKept)
	}
	if h.Activity != "" && !slices.Contains(ActivityWords, h.Activity) {
		return fmt.Errorf("activity: %q is none of %s", h.Activity, strings.Join(ActivityWords, ", "))
	}
	if h.PreservePost < 0 || h.PreservePost > pending.MaxForm {
		return fmt.Errorf("preserve_post: %d bytes, want 0 to %d", h.PreservePost, pending.MaxForm)
	}
	return h.checkHeaders()
}

// CheckPolicies checks the policies of the app, and those of a site if it is not nil, together. For these checks it
// only matters whether a policy has a matcher.
func CheckPolicies(a *App, site *Site) error {
	all, err := CheckShared(a)
	if err != nil || site == nil {
		return err
	}
	return site.CheckPolicies(all)
}

// CheckShared checks the policies of the app.
func CheckShared(a *App) (*policy.Base, error) {
	networks := make([]policy.Network, 0, len(a.Networks))
	for _, n := range a.Networks {
		r, err := n.Rule()
		if err != nil {
			return nil, fmt.Errorf("network %q: %w", n.Name, err)
		}
		networks = append(networks, r)
	}
	return policy.CompileBase(networks, checkedRules(a.Policies))
}

// CheckPolicies checks the policies of the site beside those of the app.
func (h *Site) CheckPolicies(all *policy.Base) error {
	_, err := all.Compile(policy.Site{App: h.App, Allow: h.Allow.Rule(), Deny: h.Deny.Rule(), Policies: checkedRules(h.Policies)})
	return err
}

func checkedRules(policies []*Policy) []policy.Policy {
	rules := make([]policy.Policy, len(policies))
	for i, p := range policies {
		var id policy.MatcherID
		if len(p.MatchRaw) > 0 {
			id = policy.MatcherID(i + 1)
		}
		rules[i] = p.Rule(id)
	}
	return rules
}

var ActivityWords = []string{"navigation", "any", "none"}

// CheckOrigins refuses what is no origin. word is the option that the error names.
func CheckOrigins(word string, origins []string) error {
	for _, o := range origins {
		if err := crossorigin.Check(o); err != nil {
			return fmt.Errorf("%s: %q: %w", word, o, err)
		}
	}
	return nil
}

// CheckUpgrades refuses what is no name of a protocol to upgrade to.
func CheckUpgrades(protocols []string) error {
	for _, p := range protocols {
		if err := scrub.CheckUpgrade(p); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
	}
	return nil
}

// TrailingDotsKept is the value of Site.TrailingDots that keeps dots and spaces at the end of names.
const TrailingDotsKept = "keep"

// PathParametersKept is the value of Site.PathParameters.
const PathParametersKept = "keep"

// OwnIssuer reports whether the tokens are of an issuer that is no provider of the site.
func (h *Site) OwnIssuer(a *App) bool {
	return h.Bearer != nil && h.Bearer.Issuer != "" && len(h.bearerProviders(a)) == 0
}

func (h *Site) bearerClients(a *App) (ids []string) {
	if h.Bearer != nil {
		for _, p := range h.bearerProviders(a) {
			ids = append(ids, p.ClientID)
		}
	}
	return ids
}

// bearerProviders returns the providers of the site whose tokens are accepted.
func (h *Site) bearerProviders(a *App) (out []*Provider) {
	for i, p := range a.Providers {
		ofSite := slices.Contains(h.Providers, p.Called()) || len(h.Providers) == 0 && i == 0
		if ofSite && (h.Bearer.Issuer == "" || h.Bearer.Issuer == p.Issuer) {
			out = append(out, p)
		}
	}
	return out
}
