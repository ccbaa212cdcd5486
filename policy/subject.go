package policy

// MaxGroups is how many groups of one user are looked at. Whoever has more counts as somebody whose groups are
// unknown: nobody's claims make a request slow, and none that were cut off are missed.
const MaxGroups = 4096

// User is somebody who signed in, as far as assignments can name them. Nothing in it is interpreted: names are
// compared byte for byte.
type User struct {
	// Names are all values by which `user` may name this person.
	Names []string
	// Claimed are names that may be theirs and that nobody has verified: what restricts takes them for theirs, what opens a
	// way does not (A10).
	Claimed []string
	// Groups are all their groups. Ignored unless GroupsKnown.
	Groups []string
	// GroupsKnown says that Groups is complete. With more groups than fit, Entra sends none at all (A6); to take
	// that for "no groups" would let people past the rules.
	GroupsKnown bool
	// Guest says that the provider calls them a guest. Unknown counts as member (A2).
	Guest bool
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
	// bits are those of audience and admission one after the other.
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
	return sub
}

func (s *Set) subjectSize() int { return 2*words(len(s.policies)) + 4*words(len(s.sites)) }

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

// mentions calls f with every mention of u.
func (s *Set) mentions(u *User, f func(*mention)) {
	groups, _ := u.groups()
	for _, g := range groups {
		if m := s.groups.of(g); m != nil {
			f(m)
		}
	}
	for _, n := range u.Names {
		if m := s.users.of(n); m != nil {
			f(m)
		}
	}
	if m := s.providers.of(u.Provider); m != nil {
		f(m)
	}
	if u.Guest {
		f(&s.guests)
	}
}

// audienceOf finds the audience of u, in a, which is empty. It returns the policies that exclude u for certain.
func (s *Set) audienceOf(u *User, a audience) (excluded bitset) {
	excluded = newBitset(len(s.policies))
	a.sure.add(s.everybody)
	s.mentions(u, func(m *mention) {
		for _, i := range m.include {
			a.sure.set(i)
		}
		for _, i := range m.exclude {
			excluded.set(i)
		}
	})
	a.may.add(a.sure)
	for _, n := range u.Claimed {
		m := s.users.of(n)
		if m == nil {
			continue
		}
		for _, i := range m.include {
			a.may.set(i)
		}
		for _, i := range m.exclude {
			a.sure.unset(i)
		}
	}
	if _, known := u.groups(); !known {
		a.may.add(s.groupIncluding)
		a.sure.subtract(s.groupExcluding)
	}
	a.may.subtract(excluded)
	a.sure.subtract(excluded)
	return excluded
}

// admissionOf finds the admission of u, in a, which is empty.
func (s *Set) admissionOf(u *User, a admission) {
	a.allowed.add(s.open)
	s.mentions(u, func(m *mention) {
		for _, i := range m.allow {
			a.allowed.set(i)
		}
		for _, i := range m.deny {
			a.denied.set(i)
		}
	})
	for _, n := range u.Claimed {
		if m := s.users.of(n); m != nil {
			for _, i := range m.deny {
				a.denied.set(i)
			}
		}
	}
	if _, known := u.groups(); !known {
		a.allowedMaybe.add(s.groupAllowing)
		a.deniedMaybe.add(s.groupDenying)
	}
}
