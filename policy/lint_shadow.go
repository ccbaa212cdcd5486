package policy

import "slices"

// scope is a policy with the parts that decide where it applies.
type scope struct {
	*Policy
	site string // the app of its site, or empty
	// in and ex are the included and excluded networks, by index. TrustedNetworks is expanded.
	in, ex []int
	// included and excluded are the named users, in the form in which they are compared.
	included, excluded []Who
}

func (l *linter) scopes(policies []Policy, site string) []*scope {
	list := make([]*scope, len(policies))
	for i := range policies {
		p := &policies[i]
		list[i] = &scope{p, site, l.networks(p.Include.Networks), l.networks(p.Exclude.Networks), p.Include.keys(), p.Exclude.keys()}
	}
	return list
}

func (l *linter) networks(names []string) (all []int) {
	if len(names) == 0 {
		return nil
	}
	for i := range l.cfg.Networks {
		n := &l.cfg.Networks[i]
		if slices.Contains(names, n.Name) || n.Trusted && slices.Contains(names, TrustedNetworks) {
			all = append(all, i)
		}
	}
	return all
}

// unconditional reports whether only the assignment decides whether the policy applies.
func (s *scope) unconditional() bool {
	c := &s.Conditions
	return s.Matcher == 0 && len(c.Platforms)+len(c.Clients)+len(c.SignInRisk)+len(c.UserRisk)+len(c.Devices) == 0
}

func (s *scope) namesAnybody() bool {
	return s.Include.Guests || s.Exclude.Guests || len(s.included)+len(s.excluded) > 0
}

// shadow finds another policy that makes this one redundant. Of two equal policies the later one is reported.
func (l *linter) shadow(s *scope, beside []*scope) {
	before := true
	for _, other := range beside {
		if other == s {
			before = false
			continue
		}
		if !other.shadows(s) || !before && s.shadows(other) {
			continue
		}
		if other.Block {
			l.findf("it has no effect: policy %q blocks whatever it applies to", other.Name)
		} else {
			l.findf("it adds nothing: policy %q asks for all of it, wherever it applies", other.Name)
		}
		return
	}
}

// shadows reports whether s makes other redundant.
func (s *scope) shadows(other *scope) bool {
	if s.Mode != On || other.Mode == Off || other.Block && !s.Block {
		return false
	}
	return (s.Block || s.asksForAllOf(other)) && s.covers(other)
}

// asksForAllOf reports whether every user who satisfies s also satisfies other. Neither policy blocks.
func (s *scope) asksForAllOf(other *scope) bool {
	for _, q := range other.Require {
		if !slices.Contains(s.Require, q) {
			return false
		}
	}
	if len(other.RequireAny) > 0 && !containsAny(s.Require, other.RequireAny) &&
		(len(s.RequireAny) == 0 || !subset(s.RequireAny, other.RequireAny)) {
		return false
	}
	mine, theirs := s.SignInFrequency, other.SignInFrequency
	if theirs.isSet() && (!mine.isSet() || mine.interval() > theirs.interval() || theirs.EveryTime && !mine.EveryTime) {
		return false
	}
	if other.MaxIdle != 0 && (s.MaxIdle == 0 || s.MaxIdle > other.MaxIdle) {
		return false
	}
	return other.PersistentBrowser == Unset || s.PersistentBrowser == Never || s.PersistentBrowser == other.PersistentBrowser
}

// covers reports whether s applies wherever other does. It returns false if that is not obvious.
func (s *scope) covers(other *scope) bool {
	if s.site != "" && s.site != other.site || s.Matcher != 0 && s.Matcher != other.Matcher {
		return false
	}
	return s.coversPeople(other) && s.coversPlaces(other) && s.Conditions.cover(&other.Conditions)
}

func (s *scope) coversPeople(other *scope) bool {
	in, theirs := &s.Include, &other.Include
	if in.Guests || len(s.included) > 0 {
		all := !theirs.Guests && len(other.included) == 0
		if all || theirs.Guests && !in.Guests || !subset(other.included, s.included) {
			return false
		}
	}
	ex, out := &s.Exclude, &other.Exclude
	return (!ex.Guests || out.Guests) && subset(s.excluded, other.excluded)
}

// keys returns the users that an assignment names, in the form in which they are compared.
func (a *Assignment) keys() []Who {
	all := a.who()
	for i, w := range all {
		all[i] = w.key()
	}
	return all
}

func (s *scope) coversPlaces(other *scope) bool {
	in, theirs := s.Include.Apps, other.Include.Apps
	if other.site != "" {
		theirs = []string{other.site}
	}
	if len(in) > 0 && (len(theirs) == 0 || !subset(theirs, in)) {
		return false
	}
	if !subset(s.Exclude.Apps, other.Exclude.Apps) && (len(theirs) == 0 || containsAny(s.Exclude.Apps, theirs)) {
		return false
	}
	return (len(s.in) == 0 || len(other.in) > 0 && subset(other.in, s.in)) && subset(s.ex, other.ex)
}

// cover reports whether c holds wherever other does.
func (c *Conditions) cover(other *Conditions) bool {
	return coversList(c.Platforms, other.Platforms) && coversList(c.Clients, other.Clients) &&
		coversList(c.SignInRisk, other.SignInRisk) && coversList(c.UserRisk, other.UserRisk) && subset(c.Devices, other.Devices)
}

// coversList treats an empty list as no condition.
func coversList[T comparable](list, other []T) bool {
	return len(list) == 0 || len(other) > 0 && subset(other, list)
}

func subset[T comparable](list, of []T) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !slices.Contains(of, v) })
}

func containsAny[T comparable](list, values []T) bool {
	return slices.ContainsFunc(values, func(v T) bool { return slices.Contains(list, v) })
}
