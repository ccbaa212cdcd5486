package migrate

import "slices"

// entrance is who may enter a site. Users must pass each of its lists that is not empty.
type entrance struct {
	// domains, users and groups are the lists. A user with an address in one of the domains or with one of the addresses
	// passes the first one.
	domains, users, groups       []string
	ofDomains, ofUsers, ofGroups Origin
	// closed says that a restriction could not be taken over: no user enters until the operator has done so.
	closed string
}

// rules returns the lines for `latchkey`. Each `allow` is enough alone, so a second list becomes a policy.
func (e entrance) rules() (lines []Line) {
	if e.closed != "" {
		closed := words("policy closed-until-completed", words("block"))
		closed.Comment = e.closed
		lines = append(lines, closed)
	}
	for _, d := range unique(e.domains) {
		lines = append(lines, e.ofDomains.line("allow domain", d))
	}
	for _, u := range unique(e.users) {
		lines = append(lines, e.ofUsers.line("allow user", u))
	}
	groups := unique(e.groups)
	if len(groups) == 0 {
		return lines
	}
	if len(e.domains)+len(e.users) == 0 {
		for _, g := range groups {
			lines = append(lines, e.ofGroups.line("allow group", g))
		}
		return lines
	}
	members := words("policy members-only", e.ofGroups.line("exclude group", groups...), words("block"))
	members.Comment = "Both are required, an address from above and one of these groups."
	return append(lines, members)
}

// unique returns the texts without repetition, in their order.
func unique(texts []string) (once []string) {
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once
}
