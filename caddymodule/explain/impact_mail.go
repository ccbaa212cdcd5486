package explain

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// The sign-in log contains the user name and no mail address. It does not say whether a user name that looks like an
// address is verified. To find results that depend on the address, both configurations are evaluated with each address
// that a rule names and that the user may have.

// byMail is the reason why such a case cannot be evaluated.
const byMail = "depends on mail addresses, which the log does not keep"

// memberAt is the local part of an assumed address in a domain that a rule names, for a user whose user name is not an
// address.
const memberAt = "member@"

// mailNames are the mail addresses and domains in the rules of both sites.
type mailNames struct {
	addresses, domains []string
	// distinct has, for each provider, one address of each kind that the rules distinguish. The others of a kind give
	// the same result.
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

// addRules adds the addresses and domains in the rules of a site.
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

// mailed returns the user with a verified mail address.
func mailed(who *session.Record, address string) *session.Record {
	c := *who
	c.Email, c.EmailVerified = address, true
	return &c
}

// addressesOf returns the addresses that a user from the log may have, as far as rules distinguish them. If the user
// name is an address, an address is possible if it is equal or has the same part before the @.
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

// tellApart returns one address of each kind that the rules of either site distinguish.
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

// hangsOnMail reports whether the mail address of a user decides whether the configurations differ for them, and which
// policies cause it.
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
