package policy

// MaxGroups is how many groups of one user are compared. The groups of a user with more count as unknown, so that a
// large claim does not make requests slow and no group is silently dropped.
const MaxGroups = 4096

// User is a signed-in user with everything by which assignments can select them. Names and addresses are compared
// without regard to case, everything else byte for byte.
type User struct {
	// ID is the provider's identifier of the user, by which `user` can select them. It is compared exactly.
	ID string
	// Names are all other values by which `user` can select the user. A value with an at sign is a verified address;
	// `domain` can select the user by its domain.
	Names []string
	// Claimed are names that the provider has not verified. Rules that restrict use them, rules that grant access do
	// not (A10).
	Claimed []string
	// Groups are all groups of the user. Ignored unless GroupsKnown is set.
	Groups []string
	// GroupsKnown means that Groups is complete. If a user has too many groups, Entra sends none at all (A6); to treat
	// that as "no groups" would let the user past the rules.
	GroupsKnown bool
	// GroupsUnreadable is the reason why the groups are unknown: the claim could not be parsed. Otherwise there are too
	// many.
	GroupsUnreadable bool
	// Guest means that the provider marks the user as a guest. Unknown counts as member (A2).
	Guest bool
	// GuestUnreadable means that the provider's value is neither true nor false: the user may be a guest.
	GuestUnreadable bool
	// Provider is the name of the provider at which the user signed in.
	Provider string
}

// Subject is a User resolved against the assignments of one Set. The cost of Evaluate depends on the size of the set
// and the number of policies, not on the number of groups. A Subject does not change, may be kept as long as the User
// is valid, and may be used by several goroutines. After a reload the new Set resolves an old Subject again at every
// request, so the owner should replace it.
type Subject struct {
	set *Set
	// user is nil if only the bits were kept.
	user *User
	// bits are the bits of audience, then those of admission, and last the unknown facts about the user.
	bits []uint64
}

// audience says which policies' subject parts match: may if they match or may match, sure if they certainly match.
type audience struct{ may, sure bitset }

// admission says which sites' lists select the user, certainly or, because of unknown groups, maybe. A site without an
// allow list counts as allowed.
type admission struct{ allowed, allowedMaybe, denied, deniedMaybe bitset }

// Resolve evaluates all assignments for a user. The caller must not change the user's slices afterwards.
func (s *Set) Resolve(u User) *Subject {
	sub := &Subject{set: s, user: &u, bits: make([]uint64, s.subjectSize())}
	s.audienceOf(&u, sub.audience())
	s.admissionOf(&u, sub.admission())
	sub.bits[len(sub.bits)-1] = u.unknowns()
	return sub
}

func (s *Set) subjectSize() int { return 2*s.words + 4*words(len(s.sites)) + 1 }

// Bits returns what Evaluate needs to know about the subject, without pointers, for callers that keep tens of thousands
// beside cached sessions. They are valid only for the Set that made the subject. The caller must not change them.
func (sub *Subject) Bits() []uint64 { return sub.bits }

// Subject returns a subject from its Bits. It can only be used with Evaluate of this set. Because the user is not
// known, Explain and other sets return an EvaluationError.
func (s *Set) Subject(bits []uint64) Subject { return Subject{set: s, bits: bits} }

func (sub *Subject) audience() audience {
	bits, n := sub.bits, sub.set.words
	return audience{may: bits[:n], sure: bits[n : 2*n]}
}

func (sub *Subject) admission() admission {
	bits, n := sub.bits[2*sub.set.words:], words(len(sub.set.sites))
	return admission{allowed: bits[:n], allowedMaybe: bits[n : 2*n], denied: bits[2*n : 3*n], deniedMaybe: bits[3*n : 4*n]}
}

// Current reports whether sub was resolved by s. nil (no user) is current for every set.
func (sub *Subject) Current(s *Set) bool { return sub == nil || sub.set == s }

// fits reports whether sub is current and has the number of bits that s produces.
func (sub *Subject) fits(s *Set) bool {
	return sub.set == s && len(sub.bits) == s.subjectSize()
}

// groups returns u's groups, as far as known.
func (u *User) groups() (groups []string, known bool) {
	if !u.GroupsKnown || len(u.Groups) > MaxGroups {
		return nil, false
	}
	return u.Groups, true
}

// The facts that can be unknown about a user.
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

// groupGap returns the unknown fact that makes the groups unknown.
func (sub *Subject) groupGap() Gaps {
	if sub.unknown(unreadableGroups) {
		return GapGroups | GapClaim
	}
	return GapGroups
}

// gap returns the facts about the subject that were unknown when a policy counted as applying without certainty.
func (sub *Subject) gap(policy int) (gaps Gaps) {
	r := sub.set.of(policy)
	if sub.unknown(unknownGroups) && r.namesGroups.has(policy-r.first) {
		gaps |= sub.groupGap()
	}
	if sub.unknown(unreadableGuest) && r.namesGuests.has(policy-r.first) {
		gaps |= GapClaim
	}
	if gaps == 0 {
		gaps = GapName
	}
	return gaps
}

// mentions calls sure with every mention of u. It calls maybe with every mention that may mean u: by a name that the
// provider has not verified or that resembles another one, or as a guest if the guest claim cannot be parsed.
func (r *rules) mentions(u *User, sure, maybe func(*mention)) {
	call := func(f func(*mention), m *mention) {
		if m != nil {
			f(m)
		}
	}
	groups, _ := u.groups()
	for _, p := range r.circles(u) {
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
	call(sure, r.providers.of(u.Provider))
	switch {
	case u.Guest:
		sure(&r.guests)
	case u.GuestUnreadable:
		maybe(&r.guests)
	}
}

// circles returns the groups of mentions in which u can be named: those for all providers, and those for u's provider.
func (r *rules) circles(u *User) []*people {
	circles := []*people{&r.anywhere}
	if p := r.of[u.Provider]; p != nil {
		circles = append(circles, p)
	}
	return circles
}

// audienceOf computes the audience of u into a, which is empty. It returns the policies that certainly exclude u.
func (s *Set) audienceOf(u *User, a audience) (excluded bitset) {
	excluded = make(bitset, s.words)
	for _, r := range s.rules {
		r.audienceOf(u, audience{r.within(a.may), r.within(a.sure)}, r.within(excluded))
	}
	return excluded
}

func (r *rules) audienceOf(u *User, a audience, excluded bitset) {
	may, doubt := newBitset(len(r.policies)), newBitset(len(r.policies))
	a.sure.add(r.everybody)
	r.mentions(u, func(m *mention) {
		a.sure.setAll(m.include)
		excluded.setAll(m.exclude)
	}, func(m *mention) {
		may.setAll(m.include)
		doubt.setAll(m.exclude)
	})
	if _, known := u.groups(); !known {
		for _, p := range r.circles(u) {
			may.add(p.including)
			doubt.add(p.excluding)
		}
	}
	a.may.add(a.sure)
	a.may.add(may)
	a.may.subtract(excluded)
	a.sure.subtract(doubt)
	a.sure.subtract(excluded)
}

// admissionOf computes the admission of u into a, which is empty.
func (s *Set) admissionOf(u *User, a admission) {
	a.allowed.add(s.open)
	for _, r := range s.rules[1:] { // only the rules of sites have lists
		r.mentions(u, func(m *mention) {
			a.allowed.setAll(m.allow)
			a.denied.setAll(m.deny)
		}, func(m *mention) {
			a.denied.setAll(m.deny)
		})
		if _, known := u.groups(); !known {
			for _, p := range r.circles(u) {
				a.allowedMaybe.add(p.allowing)
				a.deniedMaybe.add(p.denying)
			}
		}
	}
}
