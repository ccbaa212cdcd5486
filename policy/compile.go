package policy

import "slices"

// Set is a compiled Config. It does not change and is safe for concurrent use.
type Set struct {
	policies []compiled // first the policies for all sites, then those of each site
	sites    map[string]*site
	places   places

	// The names that policies and sites mention.
	anywhere  people
	of        map[string]*people // by provider
	providers index
	guests    mention

	everybody                bitset // policies whose include part names no user
	anonymous                audience
	namesGroups, namesGuests bitset // policies that do
	open                     bitset // sites without an allow list
	enforced                 bitset // policies in mode on
}

// mention lists the policies that include or exclude a name, and the sites that allow or deny it.
type mention struct{ include, exclude, allow, deny []int }

// index finds the mention of a name.
type index struct {
	byName  map[string]*mention
	longest int
}

// of returns nil if nothing mentions the name. It does not hash a name that is longer than all mentioned names.
func (x *index) of(name string) *mention {
	if len(name) > x.longest {
		return nil
	}
	return x.byName[name]
}

func (x *index) at(name string) *mention {
	if x.byName == nil {
		x.byName = make(map[string]*mention)
	}
	m := x.byName[name]
	if m == nil {
		m = &mention{}
		x.byName[name] = m
		x.longest = max(x.longest, len(name))
	}
	return m
}

// site is what a compiled Set knows about an app.
type site struct {
	number int
	// policies contains the policies that are not off and whose app part matches.
	policies bitset
	// first and end are the range of the site's own policies.
	first, end int
}

// compiled is a policy in the form that Evaluate uses.
type compiled struct {
	source Policy
	site   string

	// One bit for each value that satisfies the condition; 0 means no condition.
	platforms, clients   uint8
	signInRisk, userRisk uint8
	devices              [attributes]uint8
	// onlyBinding: a bound session is all that the policy is about.
	onlyBinding bool

	grants, sessions []string // the controls, in words
}

// Compile checks a configuration and prepares it for decisions. It returns all errors at once, joined, each as a
// *ConfigError. The caller must not change the configuration afterwards.
func Compile(cfg Config) (*Set, error) {
	if err := check(&cfg); err != nil {
		return nil, err
	}
	s := &Set{sites: make(map[string]*site, len(cfg.Sites)), of: make(map[string]*people)}
	for i := range cfg.Policies {
		s.policies = append(s.policies, compilePolicy(&cfg.Policies[i], ""))
	}
	tenant := len(s.policies)
	for i := range cfg.Sites {
		st := &site{number: i, first: len(s.policies)}
		for j := range cfg.Sites[i].Policies {
			s.policies = append(s.policies, compilePolicy(&cfg.Sites[i].Policies[j], cfg.Sites[i].App))
		}
		st.end = len(s.policies)
		s.sites[cfg.Sites[i].App] = st
	}
	s.anywhere = s.noPeople(len(cfg.Sites))
	s.indexPolicies()
	for app, st := range s.sites {
		s.policiesAt(app, st, tenant)
	}
	s.indexSites(cfg.Sites)
	s.compilePlaces(cfg.Networks)
	return s, nil
}

func compilePolicy(p *Policy, site string) compiled {
	when := &p.Conditions
	c := compiled{
		source:     *p,
		site:       site,
		platforms:  maskOf(when.Platforms),
		clients:    maskOf(when.Clients),
		signInRisk: maskOf(when.SignInRisk),
		userRisk:   maskOf(when.UserRisk),
	}
	for _, d := range when.Devices {
		c.devices[d.Attribute] = 1 << Yes
		if d.Not {
			c.devices[d.Attribute] = 1<<No | 1<<Unknown // P12
		}
	}
	c.onlyBinding = p.onlyBinding()
	c.grants, c.sessions = p.controls()
	return c
}

func maskOf[T ~uint8](values []T) (mask uint8) {
	for _, v := range values {
		mask |= 1 << v
	}
	return mask
}

func (s *Set) indexPolicies() {
	n := len(s.policies)
	s.everybody, s.enforced = newBitset(n), newBitset(n)
	s.namesGroups, s.namesGuests = newBitset(n), newBitset(n)
	s.anonymous = audience{newBitset(n), newBitset(n)}
	for i := range s.policies {
		p := &s.policies[i].source
		in, ex := &p.Include, &p.Exclude
		s.eachWho(in, func(w Who, m *mention) {
			m.include = append(m.include, i)
			if w.Kind == WhoGroup {
				s.circle(w.Provider).including.set(i)
				s.namesGroups.set(i)
			}
		})
		s.eachWho(ex, func(w Who, m *mention) {
			m.exclude = append(m.exclude, i)
			if w.Kind == WhoGroup {
				s.circle(w.Provider).excluding.set(i)
				s.namesGroups.set(i)
			}
		})
		if in.Guests {
			s.guests.include = append(s.guests.include, i)
			s.namesGuests.set(i)
		}
		if ex.Guests {
			s.guests.exclude = append(s.guests.exclude, i)
			s.namesGuests.set(i)
		}
		if !in.namesSubjects() {
			s.everybody.set(i)
			if !ex.namesSubjects() {
				s.anonymous.may.set(i)
				s.anonymous.sure.set(i)
			}
		}
		if p.Mode == On {
			s.enforced.set(i)
		}
	}
}

func (a *Assignment) namesSubjects() bool { return a.Guests || len(a.who()) > 0 }

func (s *Set) policiesAt(app string, st *site, tenant int) {
	st.policies = newBitset(len(s.policies))
	for i := range s.policies {
		p := &s.policies[i].source
		if i >= tenant && (i < st.first || i >= st.end) || p.Mode == Off {
			continue
		}
		if p.forApp(app) {
			st.policies.set(i)
		}
	}
}

func (p *Policy) forApp(app string) bool {
	in, ex := p.Include.Apps, p.Exclude.Apps
	return (len(in) == 0 || slices.Contains(in, app)) && !slices.Contains(ex, app)
}

func (s *Set) indexSites(sites []Site) {
	s.open = newBitset(len(sites))
	for i := range sites {
		if len(sites[i].Allow) == 0 {
			s.open.set(i)
		}
		for _, w := range sites[i].Allow {
			for _, m := range s.mentionsOf(w) {
				m.allow = append(m.allow, i)
			}
			if w.Kind == WhoGroup {
				s.circle(w.Provider).allowing.set(i)
			}
		}
		for _, w := range sites[i].Deny {
			for _, m := range s.mentionsOf(w) {
				m.deny = append(m.deny, i)
			}
			if w.Kind == WhoGroup {
				s.circle(w.Provider).denying.set(i)
			}
		}
	}
}
