package policy

// people finds the mentions of users by their names: of all users, or of users who signed in at one provider.
type people struct {
	groups, ids    index
	users, domains index // by folded name, and by Domain

	including, excluding bitset // policies that name groups
	allowing, denying    bitset // sites that name groups
}

// domainOf returns the mention of the domain of a name that is a mail address.
func (p *people) domainOf(name string) *mention {
	if p.domains.longest == 0 {
		return nil
	}
	if domain := domainOf(name); domain != "" {
		return p.domains.of(domain)
	}
	return nil
}

func (r *rules) noPeople() people {
	n := len(r.policies)
	return people{including: newBitset(n), excluding: newBitset(n), allowing: newBitset(r.sites), denying: newBitset(r.sites)}
}

// circle returns the mentions of users who signed in at a provider; an empty name means any provider.
func (r *rules) circle(provider string) *people {
	if provider == "" {
		return &r.anywhere
	}
	p := r.of[provider]
	if p == nil {
		none := r.noPeople()
		p = &none
		r.of[provider] = p
	}
	return p
}

// mentionsOf returns the mentions of the users that w names. A user can be named by an ID, which is compared exactly,
// or by a name, which is compared without regard to case.
func (r *rules) mentionsOf(w Who) []*mention {
	p := r.circle(w.Provider)
	switch w.Kind {
	case WhoGroup:
		return []*mention{p.groups.at(w.Name)}
	case WhoUser:
		return []*mention{p.users.at(fold(w.Name)), p.ids.at(w.Name)}
	case WhoDomain:
		domain, _ := Domain(w.Name)
		return []*mention{p.domains.at(domain)}
	default: // check refuses any other kind
		return []*mention{r.providers.at(w.Name)}
	}
}

// eachWho calls f with every mention of the users that an assignment names.
func (r *rules) eachWho(a *Assignment, f func(Who, *mention)) {
	for _, w := range a.who() {
		for _, m := range r.mentionsOf(w) {
			f(w, m)
		}
	}
}

// who returns the users that an assignment names, except guests.
func (a *Assignment) who() (all []Who) {
	add := func(kind WhoKind, provider string, names []string) {
		for _, n := range names {
			all = append(all, Who{Kind: kind, Name: n, Provider: provider})
		}
	}
	add(WhoGroup, "", a.Groups)
	add(WhoUser, "", a.Users)
	add(WhoDomain, "", a.Domains)
	add(WhoProvider, "", a.Providers)
	for i := range a.Of {
		of := &a.Of[i]
		add(WhoGroup, of.Provider, of.Groups)
		add(WhoUser, of.Provider, of.Users)
		add(WhoDomain, of.Provider, of.Domains)
	}
	return all
}

// key returns w in the form in which two of them are compared.
func (w Who) key() Who {
	switch w.Kind {
	case WhoUser:
		w.Name = fold(w.Name)
	case WhoDomain:
		w.Name, _ = Domain(w.Name)
	}
	return w
}
