package policy

// MaxGroups is how many groups of one user are looked at. Whoever has more counts as somebody whose groups are
// unknown: nobody's claims make a request slow, and none that were cut off are missed.
const MaxGroups = 4096

// User is somebody who signed in, as far as assignments can name them. Names and addresses are compared without case, all
// else byte for byte.
type User struct {
	// ID is the provider's own name for this person, by which `user` may name them. It is compared exactly.
	ID string
	// Names are all other values by which `user` may name this person. One with an at sign is a verified address, by
	// whose domain `domain` may name them.
	Names []string
	// Claimed are names that may be theirs and that nobody has verified: what restricts takes them for theirs, what opens a
	// way does not (A10).
	Claimed []string
	// Groups are all their groups. Ignored unless GroupsKnown.
	Groups []string
	// GroupsKnown says that Groups is complete. With more groups than fit, Entra sends none at all (A6); to take
	// that for "no groups" would let people past the rules.
	GroupsKnown bool
	// GroupsUnreadable says why they are not: the claim could not be read. Else there are too many.
	GroupsUnreadable bool
	// Guest says that the provider calls them a guest. Unknown counts as member (A2).
	Guest bool
	// GuestUnreadable says that the provider states something that is neither: they may be a guest.
	GuestUnreadable bool
	// Provider is the name of the provider that they signed in with.
	Provider string
}

// Subject is a User held against the assignments of one Set: of its size and of the number of policies depends what
// Evaluate costs, not of the number of groups. It does not change and may be kept as long as the User is true, and used by
// several goroutines. After a reload the next Set resolves it anew at every request, so that the owner does well to
// replace it.
type Subject struct {
	set *Set
	// user is nil where only the bits were kept.
	user *User
	// bits are those of audience and admission one after the other, and last what is unknown about the user.
	bits []uint64
}

// audience says which policies' subject part matches: may, as far as one knows; sure, if one knows.
type audience struct{ may, sure bitset }

// admission says which sites' lists name somebody: those of which one knows, and those that may for unknown groups.
// A site without an allow list counts as allowed.
type admission struct{ allowed, allowedMaybe, denied, deniedMaybe bitset }

// Resolve holds a user against all assignments. The user's slices must not be changed afterwards.
func (s *Set) Resolve(u User) *Subject {
	sub := &Subject{set: s, user: &u, bits: make([]uint64, s.subjectSize())}
	s.audienceOf(&u, sub.audience())
	s.admissionOf(&u, sub.admission())
	sub.bits[len(sub.bits)-1] = u.unknowns()
	return sub
}

func (s *Set) subjectSize() int { return 2*words(len(s.policies)) + 4*words(len(s.sites)) + 1 }

// Bits are all that Evaluate needs to know of the subject, for whoever keeps tens of thousands beside cached sessions: they
// point to nothing. They mean something to the Set alone that made the subject. They must not be changed.
func (sub *Subject) Bits() []uint64 { return sub.bits }

// Subject is the subject that the set has made and of which only its Bits were kept. It is for Evaluate of this set: whoever
// it was cannot be said any more, so that to Explain it, or to hold it against another set, is an EvaluationError.
func (s *Set) Subject(bits []uint64) Subject { return Subject{set: s, bits: bits} }

func (sub *Subject) audience() audience {
	bits, n := sub.bits, words(len(sub.set.policies))
	return audience{may: bits[:n], sure: bits[n : 2*n]}
}

func (sub *Subject) admission() admission {
	bits, n := sub.bits[2*words(len(sub.set.policies)):], words(len(sub.set.sites))
	return admission{allowed: bits[:n], allowedMaybe: bits[n : 2*n], denied: bits[2*n : 3*n], deniedMaybe: bits[3*n : 4*n]}
}

// Current tells whether sub was resolved by s. nil, which is nobody, is current everywhere.
func (sub *Subject) Current(s *Set) bool { return sub == nil || sub.set == s }

// fits reports whether sub is current and has as many bits as one that s has resolved.
func (sub *Subject) fits(s *Set) bool {
	return sub.set == s && len(sub.bits) == s.subjectSize()
}

// groups returns what is known of u's groups.
func (u *User) groups() (groups []string, known bool) {
	if !u.GroupsKnown || len(u.Groups) > MaxGroups {
		return nil, false
	}
	return u.Groups, true
}

// What may be unknown about a user.
const (
	unknownGroups uint64 = 1 << iota
	unreadableGroups
	unreadableGuest
)

func (u *User) unknowns() (flags uint64) {
	if _, known := u.groups(); !known {
		flags |= unknownGroups
		if u.GroupsUnreadable {
			flags |= unreadableGroups
		}
	}
	if u.GuestUnreadable {
		flags |= unreadableGuest
	}
	return flags
}

func (sub *Subject) unknown(what uint64) bool { return sub.bits[len(sub.bits)-1]&what != 0 }

// groupGap says what is unknown if the groups are.
func (sub *Subject) groupGap() Gaps {
	if sub.unknown(unreadableGroups) {
		return GapGroups | GapClaim
	}
	return GapGroups
}

// gap says what was unknown about the subject when a policy was taken to apply that does not for certain.
func (sub *Subject) gap(policy int) (gaps Gaps) {
	if sub.unknown(unknownGroups) && sub.set.namesGroups.has(policy) {
		gaps |= sub.groupGap()
	}
	if sub.unknown(unreadableGuest) && sub.set.namesGuests.has(policy) {
		gaps |= GapClaim
	}
	if gaps == 0 {
		gaps = GapName
	}
	return gaps
}

// mentions calls sure with every mention of u, and maybe with every mention that may mean u or not: by a name that nobody
// has verified or that resembles another, and of guests where it cannot be read whether u is one.
func (s *Set) mentions(u *User, sure, maybe func(*mention)) {
	call := func(f func(*mention), m *mention) {
		if m != nil {
			f(m)
		}
	}
	groups, _ := u.groups()
	for _, p := range s.circles(u) {
		for _, g := range groups {
			call(sure, p.groups.of(g))
		}
		call(sure, p.ids.of(u.ID))
		for _, n := range u.Names {
			if lookalike(n) {
				call(maybe, p.users.of(fold(n)))
			} else {
				call(sure, p.users.of(fold(n)))
			}
			call(sure, p.domainOf(n))
		}
		for _, n := range u.Claimed {
			call(maybe, p.users.of(fold(n)))
			call(maybe, p.domainOf(n))
		}
	}
	call(sure, s.providers.of(u.Provider))
	switch {
	case u.Guest:
		sure(&s.guests)
	case u.GuestUnreadable:
		maybe(&s.guests)
	}
}

// circles are the people among whom u may be named: all, and those of u's provider.
func (s *Set) circles(u *User) []*people {
	circles := []*people{&s.anywhere}
	if p := s.of[u.Provider]; p != nil {
		circles = append(circles, p)
	}
	return circles
}

// audienceOf finds the audience of u, in a, which is empty. It returns the policies that exclude u for certain.
func (s *Set) audienceOf(u *User, a audience) (excluded bitset) {
	excluded = newBitset(len(s.policies))
	may, doubt := newBitset(len(s.policies)), newBitset(len(s.policies))
	a.sure.add(s.everybody)
	s.mentions(u, func(m *mention) {
		a.sure.setAll(m.include)
		excluded.setAll(m.exclude)
	}, func(m *mention) {
		may.setAll(m.include)
		doubt.setAll(m.exclude)
	})
	if _, known := u.groups(); !known {
		for _, p := range s.circles(u) {
			may.add(p.including)
			doubt.add(p.excluding)
		}
	}
	a.may.add(a.sure)
	a.may.add(may)
	a.may.subtract(excluded)
	a.sure.subtract(doubt)
	a.sure.subtract(excluded)
	return excluded
}

// admissionOf finds the admission of u, in a, which is empty.
func (s *Set) admissionOf(u *User, a admission) {
	a.allowed.add(s.open)
	s.mentions(u, func(m *mention) {
		a.allowed.setAll(m.allow)
		a.denied.setAll(m.deny)
	}, func(m *mention) {
		a.denied.setAll(m.deny)
	})
	if _, known := u.groups(); !known {
		for _, p := range s.circles(u) {
			a.allowedMaybe.add(p.allowing)
			a.deniedMaybe.add(p.denying)
		}
	}
}
