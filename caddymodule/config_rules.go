package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

// rule is the network as package policy takes it.
func (n *Network) rule() (policy.Network, error) {
	r := policy.Network{Name: n.Name, Trusted: n.Trusted, Shared: n.Shared}
	if err := checkID(n.Name); err != nil {
		return r, err
	}
	for _, s := range n.Ranges {
		prefixes, err := parseRange(s)
		if err != nil {
			return r, err
		}
		for _, p := range prefixes {
			if slices.Contains(r.Prefixes, p) {
				return r, fmt.Errorf("%s is listed twice", p)
			}
			r.Prefixes = append(r.Prefixes, p)
		}
	}
	if len(r.Prefixes) == 0 {
		return r, errors.New("it has no addresses")
	}
	return r, nil
}

// rule is the policy as package policy takes it. id names its matcher and is 0 if it has none. Requirements that cannot
// be read are refused by checkControls first.
func (p *Policy) rule(id policy.MatcherID) policy.Policy {
	return policy.Policy{
		Conditions:        p.When.rule(),
		Require:           requirements(p.Require),
		RequireAny:        requirements(p.RequireAny),
		SignInFrequency:   p.SignInFrequency.rule(),
		MaxIdle:           time.Duration(p.MaxIdle),
		Name:              p.Name,
		Position:          p.Position,
		Mode:              p.Mode,
		Include:           p.Include.rule(),
		Exclude:           p.Exclude.rule(),
		Matcher:           id,
		Block:             p.Block,
		PersistentBrowser: p.PersistentBrowser,
	}
}

func (w *When) rule() (c policy.Conditions) {
	if w == nil {
		return c
	}
	c = policy.Conditions{Platforms: w.Platforms, Clients: w.Clients, SignInRisk: w.SignInRisk, UserRisk: w.UserRisk}
	for _, d := range w.Devices {
		c.Devices = append(c.Devices, policy.DeviceCondition(d))
	}
	return c
}

func requirements(words []string) (list []policy.Requirement) {
	for _, w := range words {
		if q, err := policy.ParseRequirement(w); err == nil {
			list = append(list, q)
		}
	}
	return list
}

func (f *SignInFrequency) rule() policy.Frequency {
	if f == nil {
		return policy.Frequency{}
	}
	return policy.Frequency{Interval: time.Duration(f.Interval), EveryTime: f.EveryTime}
}

// checkControls refuses requirements, times and dates that cannot be meant.
func (p *Policy) checkControls() error {
	for _, list := range []struct {
		word  string
		words []string
	}{{"require", p.Require}, {"require_any", p.RequireAny}} {
		for i, w := range list.words {
			if err := checkRequirement(w); err != nil {
				return fmt.Errorf("%s: %w", list.word, err)
			}
			if slices.Contains(list.words[:i], w) {
				return fmt.Errorf("%s: %q is listed twice", list.word, w)
			}
		}
	}
	if f := p.SignInFrequency; f != nil && !f.EveryTime {
		if err := checkDuration(time.Duration(f.Interval), maxLifetime); err != nil {
			return fmt.Errorf("sign_in_frequency: %w", err)
		}
	}
	if p.MaxIdle != 0 {
		if err := checkDuration(time.Duration(p.MaxIdle), maxLifetime); err != nil {
			return fmt.Errorf("max_idle: %w", err)
		}
	}
	if p.ReportUntil == "" {
		return nil
	}
	if p.Mode != policy.ReportOnly {
		return errors.New("report_until goes with report_only")
	}
	if err := checkDate(p.ReportUntil); err != nil {
		return fmt.Errorf("report_until: %w", err)
	}
	return nil
}

func checkDate(text string) error {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("%q is no date such as 2027-01-31", text)
	}
	return nil
}

func (a *Assignment) rule() policy.Assignment {
	if a == nil {
		return policy.Assignment{}
	}
	return policy.Assignment{
		All: a.All, Guests: a.Guests, Groups: a.Groups, Users: a.Users, Providers: a.Providers, Domains: a.Domains,
		Of: peopleOf(a.From), Apps: a.Apps, Networks: a.Networks,
	}
}

// checkProviders refuses names of providers that there are not, and names that nothing could replace or show.
func (p *Policy) checkProviders(a *AppConfig) error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	if err := p.checkControls(); err != nil {
		return err
	}
	for _, as := range []*Assignment{p.Include, p.Exclude} {
		if as == nil {
			continue
		}
		if err := as.people().check(a); err != nil {
			return err
		}
		if err := checkNames(as.Apps, as.Networks); err != nil {
			return err
		}
	}
	return nil
}

// knowsProviders returns an error that names the first provider that is not defined.
func (a *AppConfig) knowsProviders(names []string) error {
	for _, name := range names {
		known := make([]string, len(a.Providers))
		for i, p := range a.Providers {
			known[i] = p.name()
		}
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown provider %q%s", name, suggestion(name, known))
		}
	}
	return nil
}

func checkNames(lists ...[]string) error {
	for _, names := range lists {
		for i, n := range names {
			if err := checkName(n); err != nil {
				return err
			}
			if slices.Contains(names[:i], n) {
				return fmt.Errorf("%q is listed twice", n)
			}
		}
	}
	return nil
}

var activityWords = []string{"navigation", "any", "none"}

// check returns the first thing that is wrong with the handler beside its policies' own content.
func (h *SiteConfig) check(a *AppConfig) error {
	if err := checkName(h.App); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := a.knowsProviders(h.Providers); err != nil {
		return err
	}
	if err := checkNames(h.Providers); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	if err := h.Allow.checkSomebody(a); err != nil {
		return fmt.Errorf("allow: %w", err)
	}
	if err := h.Deny.checkSomebody(a); err != nil {
		return fmt.Errorf("deny: %w", err)
	}
	for _, p := range h.Policies {
		if err := p.checkProviders(a); err != nil {
			return fmt.Errorf("policy %q: %w", p.Name, err)
		}
	}
	if err := h.Assertion.check(); err != nil {
		return err
	}
	if err := h.checkIdle(a); err != nil {
		return err
	}
	if err := h.checkAppData(); err != nil {
		return err
	}
	if err := checkOrigins("origins", h.Origins); err != nil {
		return err
	}
	if err := checkOrigins("cors", h.Cors); err != nil {
		return err
	}
	if err := checkUpgrades(h.Upgrade); err != nil {
		return err
	}
	if h.TrailingDots != "" && h.TrailingDots != trailingDotsKept {
		return fmt.Errorf("trailing_dots: %q is not %s", h.TrailingDots, trailingDotsKept)
	}
	if h.PathParameters != "" && h.PathParameters != pathParametersKept {
		return fmt.Errorf("path_parameters: %q is not %s", h.PathParameters, pathParametersKept)
	}
	if h.Activity != "" && !slices.Contains(activityWords, h.Activity) {
		return fmt.Errorf("activity: %q is none of %s", h.Activity, strings.Join(activityWords, ", "))
	}
	if h.PreservePost < 0 || h.PreservePost > pending.MaxForm {
		return fmt.Errorf("preserve_post: %d bytes, want 0 to %d", h.PreservePost, pending.MaxForm)
	}
	return h.checkHeaders()
}

// checkPolicies holds the policies of the app, and those of a site if there is one, against each other. Which matcher
// is which does not matter for that, only whether there is one.
func checkPolicies(a *AppConfig, site *SiteConfig) error {
	var cfg policy.Config
	for _, n := range a.Networks {
		r, err := n.rule()
		if err != nil {
			return fmt.Errorf("network %q: %w", n.Name, err)
		}
		cfg.Networks = append(cfg.Networks, r)
	}
	cfg.Policies = checkedRules(a.Policies)
	if site != nil {
		cfg.Sites = []policy.Site{{
			App: site.App, Allow: site.Allow.rule(), Deny: site.Deny.rule(), Policies: checkedRules(site.Policies),
		}}
	}
	_, err := policy.Compile(cfg)
	return err
}

func checkedRules(policies []*Policy) []policy.Policy {
	rules := make([]policy.Policy, len(policies))
	for i, p := range policies {
		var id policy.MatcherID
		if len(p.MatchRaw) > 0 {
			id = policy.MatcherID(i + 1)
		}
		rules[i] = p.rule(id)
	}
	return rules
}
