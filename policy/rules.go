package policy

// rules are policies that are compiled together, and what finds those that concern a user or an address: those for every
// site, or those of the sites. A bitset of rules has a bit for each of its policies. In a bitset of all policies of a Set
// these bits begin at first, which is a multiple of 64.
type rules struct {
	policies []compiled
	first    int
	sites    int // 0 if they are those for every site

	// The names that the policies mention, and the lists of the sites.
	anywhere  people
	of        map[string]*people // by provider
	providers index
	guests    mention

	everybody                bitset // policies whose include part names no user
	anonymous                bitset // policies that name no user at all
	namesGroups, namesGuests bitset // policies that do
	enforced                 bitset // policies in mode on

	all   bitset
	reach []reach // by the number of a place; nil if no policy names a network
}

// reach says which policies' network parts match at a place: may if they match or may match, sure if they certainly match.
type reach struct{ may, sure bitset }

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

// words is the length of a bitset of these rules.
func (r *rules) words() int { return words(len(r.policies)) }

// within returns the part of a bitset of all policies that belongs to these rules.
func (r *rules) within(b bitset) bitset { return b[r.first/64:][:r.words()] }

// index fills in what finds the policies by a user.
func (r *rules) index(sites int) {
	n := len(r.policies)
	r.sites = sites
	r.anywhere, r.of = r.noPeople(), make(map[string]*people)
	r.everybody, r.enforced, r.all = newBitset(n), newBitset(n), newBitset(n)
	r.namesGroups, r.namesGuests, r.anonymous = newBitset(n), newBitset(n), newBitset(n)
	for i := range r.policies {
		p := &r.policies[i].source
		in, ex := &p.Include, &p.Exclude
		r.eachWho(in, func(w Who, m *mention) {
			m.include = append(m.include, i)
			if w.Kind == WhoGroup {
				r.circle(w.Provider).including.set(i)
				r.namesGroups.set(i)
			}
		})
		r.eachWho(ex, func(w Who, m *mention) {
			m.exclude = append(m.exclude, i)
			if w.Kind == WhoGroup {
				r.circle(w.Provider).excluding.set(i)
				r.namesGroups.set(i)
			}
		})
		if in.Guests {
			r.guests.include = append(r.guests.include, i)
			r.namesGuests.set(i)
		}
		if ex.Guests {
			r.guests.exclude = append(r.guests.exclude, i)
			r.namesGuests.set(i)
		}
		if !in.namesSubjects() {
			r.everybody.set(i)
			if !ex.namesSubjects() {
				r.anonymous.set(i)
			}
		}
		if p.Mode == On {
			r.enforced.set(i)
		}
		r.all.set(i)
	}
}

func (a *Assignment) namesSubjects() bool { return a.Guests || len(a.who()) > 0 }

// indexSites adds the lists of the sites.
func (r *rules) indexSites(sites []Site) {
	for i := range sites {
		for _, w := range sites[i].Allow {
			for _, m := range r.mentionsOf(w) {
				m.allow = append(m.allow, i)
			}
			if w.Kind == WhoGroup {
				r.circle(w.Provider).allowing.set(i)
			}
		}
		for _, w := range sites[i].Deny {
			for _, m := range r.mentionsOf(w) {
				m.deny = append(m.deny, i)
			}
			if w.Kind == WhoGroup {
				r.circle(w.Provider).denying.set(i)
			}
		}
	}
}

// locate fills in what finds the policies by an address.
func (r *rules) locate(at *places) {
	named := false
	for i := range r.policies {
		named = named || r.policies[i].source.namesNetworks()
	}
	if !named {
		return
	}
	r.reach = make([]reach, len(at.all))
	for i, pl := range at.all {
		r.reach[i] = r.reachOf(pl)
	}
}

func (p *Policy) namesNetworks() bool { return len(p.Include.Networks)+len(p.Exclude.Networks) > 0 }

func (r *rules) reachOf(pl *place) reach {
	if !pl.Known { // every network may match, and none excludes (A62)
		sure := newBitset(len(r.policies))
		for i := range r.policies {
			if !r.policies[i].source.namesNetworks() {
				sure.set(i)
			}
		}
		return reach{r.all, sure}
	}
	may := newBitset(len(r.policies))
	for i := range r.policies {
		in, ex := r.policies[i].source.Include.Networks, r.policies[i].source.Exclude.Networks
		if (len(in) == 0 || pl.matches(in)) && !pl.matches(ex) {
			may.set(i)
		}
	}
	return reach{may, may}
}

// at returns the policies whose network parts match at a place.
func (r *rules) at(pl *place) reach {
	if r.reach == nil {
		return reach{r.all, r.all}
	}
	return r.reach[pl.number]
}
