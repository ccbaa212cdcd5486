package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
)

// ProviderNames is the list of the names of all defined providers.
type ProviderNames []string

// Check returns an error that names the first provider in names that is not defined.
func (known ProviderNames) Check(names []string) error {
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown provider %q%s", name, Suggest(name, known))
		}
	}
	return nil
}

// PeopleFrom selects users who signed in at one provider.
type PeopleFrom struct {
	// The provider.
	Provider string `json:"provider"`

	// Members of these groups of that provider.
	Groups []string `json:"groups,omitempty"`

	// Users of that provider with one of these names.
	Users []string `json:"users,omitempty"`

	// Users of that provider with a mail address in one of these domains.
	Domains []string `json:"domains,omitempty"`
}

func peopleOf(from []PeopleFrom) []policy.PeopleOf {
	var all []policy.PeopleOf
	for _, f := range from {
		all = append(all, policy.PeopleOf(f))
	}
	return all
}

// Rule returns the list in the form of package policy.
func (w *Who) Rule() (all []policy.Who) {
	if w == nil {
		return nil
	}
	add := func(kind policy.WhoKind, provider string, names []string) {
		for _, n := range names {
			all = append(all, policy.Who{Kind: kind, Name: n, Provider: provider})
		}
	}
	add(policy.WhoGroup, "", w.Groups)
	add(policy.WhoUser, "", w.Users)
	add(policy.WhoDomain, "", w.Domains)
	add(policy.WhoProvider, "", w.Providers)
	for _, f := range w.From {
		add(policy.WhoGroup, f.Provider, f.Groups)
		add(policy.WhoUser, f.Provider, f.Users)
		add(policy.WhoDomain, f.Provider, f.Domains)
	}
	return all
}

// People returns the part of an assignment that selects users.
func (a *Assignment) People() *Who {
	return &Who{Groups: a.Groups, Users: a.Users, Providers: a.Providers, Domains: a.Domains, From: a.From}
}

// Check refuses names that no user can have, and providers that are not defined.
func (w *Who) Check(known ProviderNames) error {
	if w == nil {
		return nil
	}
	if err := known.Check(w.Providers); err != nil {
		return err
	}
	if err := CheckNames(w.Providers); err != nil {
		return err
	}
	if err := CheckPeople(w.Groups, w.Users, w.Domains); err != nil {
		return err
	}
	for i, f := range w.From {
		if err := known.Check([]string{f.Provider}); err != nil {
			return err
		}
		if slices.ContainsFunc(w.From[:i], func(g PeopleFrom) bool { return g.Provider == f.Provider }) {
			return fmt.Errorf("from: provider %q is listed twice", f.Provider)
		}
		if len(f.Groups)+len(f.Users)+len(f.Domains) == 0 {
			return fmt.Errorf("from: provider %q: no group, user or domain is named", f.Provider)
		}
		if err := CheckPeople(f.Groups, f.Users, f.Domains); err != nil {
			return err
		}
	}
	return nil
}

// checkNotEmpty is Check for a list that must select at least one user.
func (w *Who) checkNotEmpty(known ProviderNames) error {
	if w != nil && len(w.Rule()) == 0 {
		return errors.New("names no user, group, domain or provider")
	}
	return w.Check(known)
}

// CheckPeople refuses names that no group, user or domain can have, and names that stand twice.
func CheckPeople(groups, users, domains []string) error {
	for _, list := range []struct {
		kind  policy.WhoKind
		names []string
		same  func(a, b string) bool
	}{
		{policy.WhoGroup, groups, func(a, b string) bool { return a == b }},
		{policy.WhoUser, users, strings.EqualFold},
		{policy.WhoDomain, domains, sameDomain},
	} {
		for i, name := range list.names {
			if err := CheckName(name); err != nil {
				return err
			}
			if problem := policy.CheckName(list.kind, name); problem != "" {
				return errors.New(problem)
			}
			if slices.ContainsFunc(list.names[:i], func(n string) bool { return list.same(n, name) }) {
				return fmt.Errorf("%q is listed twice", name)
			}
		}
	}
	return nil
}

func sameDomain(a, b string) bool {
	x, _ := policy.Domain(a)
	y, _ := policy.Domain(b)
	return x == y
}
