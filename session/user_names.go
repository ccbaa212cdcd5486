package session

import (
	"slices"
	"strings"
)

// LooksLikeAddress reports whether a name has an at sign in any of its forms, so that people and applications take it for a
// mail address.
func LooksLikeAddress(name string) bool { return strings.ContainsAny(name, "@\uff20\ufe6b") }

// Vouched reports whether the provider vouches for a user name of the person. It does not for one that looks like an
// address and is not the verified address, unless the configuration trusts its user names: at many providers people
// choose the name themselves.
func (s *Record) Vouched(name string, trustNames bool) bool {
	return trustNames || !LooksLikeAddress(name) || s.EmailVerified && strings.EqualFold(name, s.Email)
}

// vouchedUser is Vouched of User.
func (s *Record) vouchedUser(trustNames bool) bool {
	if s.UserUnverified && !trustNames {
		return s.EmailVerified && strings.EqualFold(s.User, s.Email)
	}
	return s.Vouched(s.User, trustNames)
}

// AppUser is the user name for applications: User, or the subject where the provider does not vouch for User.
func (s *Record) AppUser(trustNames bool) string {
	if s.User == "" || s.vouchedUser(trustNames) {
		return s.User
	}
	return s.Identity.Subject
}

// Called returns the names that a rule may call the person by, beside the subject: those that the provider vouches for,
// and those that are only claimed. Claimed names count where a rule restricts and never where it opens a way (A10). A name
// that is the subject is in neither list: subjects are compared exactly, names without case.
func (s *Record) Called(trustNames bool) (names, claimed []string) {
	if s.User != "" && s.User != s.Identity.Subject {
		if s.vouchedUser(trustNames) {
			names = append(names, s.User)
		} else {
			claimed = append(claimed, s.User)
		}
	}
	if s.Email != "" && s.EmailVerified {
		names = AddName(names, s.Email)
	}
	for _, name := range append([]string{s.Email}, s.Unverified...) {
		if name != "" && !containsName(names, name) {
			claimed = AddName(claimed, name)
		}
	}
	return names, claimed
}

// IsCalled reports whether a name or the subject is the person's, claimed names included.
func (s *Record) IsCalled(name string) bool {
	names, claimed := s.Called(true)
	return name == s.Identity.Subject || containsName(names, name) || containsName(claimed, name)
}

// AddName adds a name to a list that does not have it in any case.
func AddName(list []string, name string) []string {
	if name == "" || containsName(list, name) {
		return list
	}
	return append(list, name)
}

func containsName(list []string, name string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) })
}
