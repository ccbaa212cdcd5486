package explain

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// The sign-in log has the user name and no mail address, and does not say whether a user name that is an address is
// verified. What hangs on that is found by holding the user against both configurations with each address that a rule
// names and that may be theirs.

// byMail is why such a case cannot be judged.
const byMail = "depends on mail addresses, which the log does not keep"

// memberAt is the part before the domain of an address in a domain that a rule names, of a user whose user name is no address.
const memberAt = "member@"

// mailNames are what the rules of both sites say about mail addresses.
type mailNames struct {
	addresses, domains []string
	// distinct are addresses that stand for all of them: one of each kind that the rules tell apart, by provider.
	distinct map[string][]string
}

func (m *mailNames) add(users, domains []string) {
	for _, name := range users {
		if strings.Contains(name, "@") {
			m.addresses = session.AddName(m.addresses, name)
		}
	}
	for _, name := range domains {
		m.domains = session.AddName(m.domains, name)
	}
}

// addRules adds what the rules of a site name.
func (m *mailNames) addRules(rules *policy.Config) {
	policies := rules.Policies
	for i := range rules.Sites {
		s := &rules.Sites[i]
		policies = slices.Concat(policies, s.Policies)
		for _, w := range slices.Concat(s.Allow, s.Deny) {
			switch w.Kind {
			case policy.WhoUser:
				m.add([]string{w.Name}, nil)
			case policy.WhoDomain:
				m.add(nil, []string{w.Name})
			}
		}
	}
	for i := range policies {
		for _, as := range []*policy.Assignment{&policies[i].Include, &policies[i].Exclude} {
			m.add(as.Users, as.Domains)
			for _, of := range as.Of {
				m.add(of.Users, of.Domains)
			}
		}
	}
}

// mailed is a user whose mail address is verified.
func mailed(who *session.Record, address string) *session.Record {
	c := *who
	c.Email, c.EmailVerified = address, true
	return &c
}

// addressesOf returns the addresses that a user who is known from the log may have, as far as rules tell them apart. A user
// name that is an address is that of the user, or has the same part before the @.
func (p *sitePair) addressesOf(who *session.Record) []string {
	if p.mail == nil {
		p.mail = &mailNames{distinct: make(map[string][]string)}
		p.mail.addRules(&p.current.Rules)
		p.mail.addRules(&p.next.Rules)
	}
	m := p.mail
	local, _, isAddress := strings.Cut(who.User, "@")
	if !isAddress {
		list, ready := m.distinct[who.Provider]
		if !ready {
			list = p.tellApart(who.Provider)
			m.distinct[who.Provider] = list
		}
		return list
	}
	list := []string{who.User}
	for _, name := range m.addresses {
		if before, _, _ := strings.Cut(name, "@"); strings.EqualFold(before, local) {
			list = session.AddName(list, name)
		}
	}
	for _, domain := range m.domains {
		list = session.AddName(list, local+"@"+domain)
	}
	return list
}

// tellApart returns one address of each kind that the rules of either site tell apart.
func (p *sitePair) tellApart(provider string) (list []string) {
	all := slices.Clone(p.mail.addresses)
	for _, domain := range p.mail.domains {
		all = append(all, memberAt+domain)
	}
	var seen [][2][]uint64
	for _, address := range all {
		who := mailed(&session.Record{Provider: provider}, address)
		var bits [2][]uint64
		for i, h := range []*explainedSite{p.current, p.next} {
			bits[i] = h.Compiled.Resolve(h.User(who)).Bits()
		}
		if !slices.ContainsFunc(seen, func(s [2][]uint64) bool { return slices.Equal(s[0], bits[0]) && slices.Equal(s[1], bits[1]) }) {
			seen, list = append(seen, bits), append(list, address)
		}
	}
	return list
}

// hangsOnMail reports whether it depends on the mail address of a user whether the configurations differ for them, and by
// what.
func (im *impact) hangsOnMail(p *party, pair *sitePair, was, is *judgement) (by []string, hangs bool) {
	differ := was.rank != is.rank
	for _, address := range pair.addressesOf(p.who) {
		other := *p
		other.who = mailed(p.who, address)
		wasToo, isToo := pair.current.judge(&other, nil), pair.next.judge(&other, nil)
		switch {
		case (wasToo.rank != isToo.rank) == differ:
		case differ:
			return differenceBy(was, is), true
		default:
			return differenceBy(&wasToo, &isToo), true
		}
	}
	return nil, false
}
