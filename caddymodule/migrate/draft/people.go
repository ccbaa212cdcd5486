package draft

import "slices"

// Entrance is who may enter a site. Users must pass each of its lists that is not empty.
type Entrance struct {
	// Domains, Users and Groups are the lists. A user with an address in one of the domains or with one of the addresses
	// passes the first one.
	Domains, Users, Groups       []string
	OfDomains, OfUsers, OfGroups Origin
	// Closed says that a restriction could not be taken over: no user enters until the operator has done so.
	Closed string
}

// Rules returns the lines for `latchkey`. Each `allow` is enough alone, so a second list becomes a policy.
func (e Entrance) Rules() (lines []Line) {
	if e.Closed != "" {
		closed := Words("policy closed-until-completed", Words("block"))
		closed.Comment = e.Closed
		lines = append(lines, closed)
	}
	for _, d := range Unique(e.Domains) {
		lines = append(lines, e.OfDomains.Words("allow domain", d))
	}
	for _, u := range Unique(e.Users) {
		lines = append(lines, e.OfUsers.Words("allow user", u))
	}
	groups := Unique(e.Groups)
	if len(groups) == 0 {
		return lines
	}
	if len(e.Domains)+len(e.Users) == 0 {
		for _, g := range groups {
			lines = append(lines, e.OfGroups.Words("allow group", g))
		}
		return lines
	}
	members := Words("policy members-only", e.OfGroups.Words("exclude group", groups...), Words("block"))
	members.Comment = "Both are required, an address from above and one of these groups."
	return append(lines, members)
}

// Unique returns the texts without repetition, in their order.
func Unique(texts []string) (once []string) {
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}
