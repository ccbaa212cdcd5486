package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Rule returns the network in the form of package policy.
func (n *Network) Rule() (policy.Network, error) {
	r := policy.Network{Name: n.Name, Trusted: n.Trusted, Shared: n.Shared}
	if err := CheckID(n.Name); err != nil {
		return r, err
	}
	for _, s := range n.Ranges {
		prefixes, err := ParseRange(s)
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

// Rule returns the policy in the form of package policy. id identifies its matcher; it is 0 if there is none. The
// caller has called checkControls, which refuses requirements that cannot be parsed.
func (p *Policy) Rule(id policy.MatcherID) policy.Policy {
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

// checkControls refuses requirements, times and dates that make no sense.
func (p *Policy) checkControls() error {
	for _, list := range []struct {
		word  string
		words []string
	}{{"require", p.Require}, {"require_any", p.RequireAny}} {
		for i, w := range list.words {
			if err := CheckRequirement(w); err != nil {
				return fmt.Errorf("%s: %w", list.word, err)
			}
			if slices.Contains(list.words[:i], w) {
				return fmt.Errorf("%s: %q is listed twice", list.word, w)
			}
		}
	}
	if f := p.SignInFrequency; f != nil && !f.EveryTime {
		if err := CheckDuration(time.Duration(f.Interval), MaxLifetime); err != nil {
			return fmt.Errorf("sign_in_frequency: %w", err)
		}
	}
	if p.MaxIdle != 0 {
		if err := CheckDuration(time.Duration(p.MaxIdle), MaxLifetime); err != nil {
			return fmt.Errorf("max_idle: %w", err)
		}
	}
	if p.ReportUntil == "" {
		return nil
	}
	if p.Mode != policy.ReportOnly {
		return errors.New("report_until goes with report_only")
	}
	if err := CheckDate(p.ReportUntil); err != nil {
		return fmt.Errorf("report_until: %w", err)
	}
	return nil
}

// CheckDate refuses what is no date such as 2027-01-31.
func CheckDate(text string) error {
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

// CheckProviders refuses undefined providers, and names with characters or placeholders that a name cannot have.
func (p *Policy) CheckProviders(known ProviderNames) error {
	if err := CheckName(p.Name); err != nil {
		return err
	}
	if err := p.checkControls(); err != nil {
		return err
	}
	for _, as := range []*Assignment{p.Include, p.Exclude} {
		if as == nil {
			continue
		}
		if err := as.People().Check(known); err != nil {
			return err
		}
		if err := CheckNames(as.Apps, as.Networks); err != nil {
			return err
		}
	}
	return nil
}

// CheckRequirement refuses a requirement that no sign-in can meet.
func CheckRequirement(word string) error {
	q, err := policy.ParseRequirement(word)
	switch {
	case err == nil && q.Kind == policy.ACR:
		return CheckName(q.Value)
	case err == nil:
		return nil
	case strings.HasPrefix(word, "acr:"):
		return fmt.Errorf("%q: a value belongs behind the colon, as in acr:c1", word)
	}
	if kind, value, ok := strings.Cut(word, ":"); ok && editDistance(kind, "acr") == 1 {
		return fmt.Errorf("unrecognized requirement %q, did you mean %q?", word, "acr:"+value)
	}
	return fmt.Errorf("unrecognized requirement %q%s", word, Suggest(word, []string{"mfa", "acr:<value>", "bound_session", "compliant_device"}))
}
