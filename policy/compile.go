package policy

import "slices"

// Base is the compiled part of a Config that all sites share: its networks, and the policies for every site. It does not
// change and is safe for concurrent use. Sets made from one Base share it.
type Base struct {
	shared []*rules // the policies for every site, alone
	places places
	known  known
	// everywhere are those policies of shared that concern every app, named the numbers of those that name apps.
	everywhere bitset
	named      []int
}

// Set is a compiled Config. It does not change and is safe for concurrent use.
type Set struct {
	*Base
	// rules are those of the Base and, if the sites have policies or lists of their own, those of the sites. A policy is
	// known by its number: the bit that stands for it in a bitset of all policies.
	rules []*rules
	sites []site
	byApp map[string]int // nil if there is one site
	open  bitset         // sites without an allow list
	words int            // the length of a bitset of all policies
}

// site is what a compiled Set knows about an app.
type site struct {
	app    string
	number int
	// policies contains the policies that are not off and whose app part matches.
	policies bitset
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
	c := checkShared(cfg.Networks, cfg.Policies)
	c.sites(cfg.Sites)
	if err := c.err(); err != nil {
		return nil, err
	}
	return newBase(c.known, cfg.Networks, cfg.Policies).set(cfg.Sites), nil
}

// CompileBase is Compile for the part of a configuration that all sites share.
func CompileBase(networks []Network, policies []Policy) (*Base, error) {
	c := checkShared(networks, policies)
	if err := c.err(); err != nil {
		return nil, err
	}
	return newBase(c.known, networks, policies), nil
}

// Compile is Compile for a configuration that consists of the base and these sites.
func (b *Base) Compile(sites ...Site) (*Set, error) {
	c := &checker{known: b.known}
	c.sites(sites)
	if err := c.err(); err != nil {
		return nil, err
	}
	return b.set(sites), nil
}

func newBase(k known, networks []Network, policies []Policy) *Base {
	b := &Base{known: k}
	b.compilePlaces(networks)
	r := &rules{policies: make([]compiled, 0, len(policies))}
	for i := range policies {
		r.policies = append(r.policies, compilePolicy(&policies[i], ""))
	}
	r.index(0)
	r.locate(&b.places)
	b.shared = []*rules{r}
	b.everywhere = newBitset(r.words() * 64)
	for i := range policies {
		switch p := &policies[i]; {
		case p.Mode == Off:
		case len(p.Include.Apps)+len(p.Exclude.Apps) == 0:
			b.everywhere.set(i)
		default:
			b.named = append(b.named, i)
		}
	}
	return b
}

// set returns the Set of the base and sites that are correct.
func (b *Base) set(sites []Site) *Set {
	tenant := b.shared[0]
	s := &Set{Base: b, rules: b.shared, sites: make([]site, len(sites)), open: newBitset(len(sites)), words: tenant.words()}
	if own := b.own(sites); own != nil {
		s.rules = []*rules{tenant, own}
		s.words += own.words()
	}
	if len(sites) > 1 {
		s.byApp = make(map[string]int, len(sites))
	}
	for i := range sites {
		s.sites[i] = site{app: sites[i].App, number: i, policies: s.policiesAt(sites[i].App)}
		if s.byApp != nil {
			s.byApp[sites[i].App] = i
		}
		if len(sites[i].Allow) == 0 {
			s.open.set(i)
		}
	}
	return s
}

// own returns the rules of the sites; nil if they have none.
func (b *Base) own(sites []Site) *rules {
	if !slices.ContainsFunc(sites, func(s Site) bool { return len(s.Policies)+len(s.Allow)+len(s.Deny) > 0 }) {
		return nil
	}
	r := &rules{first: b.shared[0].words() * 64}
	for i := range sites {
		for j := range sites[i].Policies {
			r.policies = append(r.policies, compilePolicy(&sites[i].Policies[j], sites[i].App))
		}
	}
	r.index(len(sites))
	r.indexSites(sites)
	r.locate(&b.places)
	return r
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

// policiesAt returns the policies that concern an app.
func (s *Set) policiesAt(app string) bitset {
	at := make(bitset, s.words)
	copy(at, s.everywhere) // not one policy after the other, at each of a thousand sites
	concerns := func(p *compiled) bool {
		return (p.site == "" || p.site == app) && p.source.Mode != Off && p.source.forApp(app)
	}
	for _, i := range s.named {
		if concerns(&s.shared[0].policies[i]) {
			at.set(i)
		}
	}
	for _, r := range s.rules[1:] {
		for i := range r.policies {
			if concerns(&r.policies[i]) {
				at.set(r.first + i)
			}
		}
	}
	return at
}

func (p *Policy) forApp(app string) bool {
	in, ex := p.Include.Apps, p.Exclude.Apps
	return (len(in) == 0 || slices.Contains(in, app)) && !slices.Contains(ex, app)
}

// all is an iterator over the policies and their numbers, in the order of the configuration.
func (s *Set) all(yield func(int, *compiled) bool) {
	for _, r := range s.rules {
		for i := range r.policies {
			if !yield(r.first+i, &r.policies[i]) {
				return
			}
		}
	}
}

// of returns the rules that contain a policy, by its number.
func (s *Set) of(policy int) *rules {
	if r := s.rules[0]; policy < r.words()*64 {
		return r
	}
	return s.rules[1]
}

func (s *Set) policy(number int) *compiled {
	r := s.of(number)
	return &r.policies[number-r.first]
}

// site returns nil if there is none with this name.
func (s *Set) site(app string) *site {
	i, ok := 0, len(s.sites) > 0 && s.sites[0].app == app
	if !ok {
		i, ok = s.byApp[app]
	}
	if !ok {
		return nil
	}
	return &s.sites[i]
}
