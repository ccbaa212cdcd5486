package session

import (
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Kind says what a session is to the browser that holds it.
type Kind uint8

const (
	// Browser sessions end with the browser: their cookie carries no lifetime (K5, K7).
	Browser Kind = iota
	// Persistent sessions survive a restart of the browser: somebody or something said Yes (K2).
	Persistent
)

// String returns the design's word for the kind.
func (k Kind) String() string {
	if k == Persistent {
		return "persistent"
	}
	return "browser"
}

// Identity is who somebody is. Two people are the same if and only if both fields are equal, byte for byte; names and
// mail addresses are never an identity (A65).
type Identity struct {
	Issuer  string
	Subject string
}

// Record is what is written of a session: all that is known of one sign-in of one browser. A record that Manager returns is
// immutable: it may be shared between goroutines, and a change goes through Manager.
type Record struct {
	// ID is random and changes at every sign-in, step-up and answer (A13, A42, A75).
	ID ID
	// Version is the store's count of writes; a write states the version it has read.
	Version uint64

	session *Session // nil for a draft

	// Provider is the configured name of the OpenID provider; it may change in the configuration, Identity may not.
	Provider string
	Identity Identity
	// Limit is what was in force for the kind at sign-in. A later configuration can only shrink it.
	Limit Limit

	LastUsed time.Time
	Created  time.Time
	// Began is when the sign-in began that the session came of. What ends sessions by a time, or all of a person, goes by
	// it: an answer that was already on its way when sessions were ended makes none. Zero: Created.
	Began time.Time
	// GroupsAsOf is when the provider last stated the groups.
	GroupsAsOf time.Time
	// Confirmed is when the provider last took the refresh token, if that was later than GroupsAsOf: it then said nothing
	// about the groups, and the account was good. Zero: never.
	Confirmed time.Time
	// Apps are the apps that the session has been used for.
	Apps []string

	Kind Kind
	// Renewable: the provider gave a refresh token, so that claims and groups can be asked for anew.
	Renewable bool
	// EmailVerified: the provider says that the address is the person's. One that is not is for reading only (A10).
	EmailVerified bool
	// UserUnverified: User is a mail address that the provider does not say is the person's.
	UserUnverified bool
	Guest          bool
	// GuestUnclear: the claim that says who is a guest could not be read. Guest is then false and means nothing.
	GuestUnclear bool
	// GroupsUnclear: the groups are not complete because their claim could not be read, not because there are too many.
	GroupsUnclear bool
	// GroupsComplete is false if the provider said that there are more groups than it sent (A6): membership in a
	// group that is not listed is then unknown, which is not "no".
	GroupsComplete bool

	// User, Name and Email are for people to read: logs, pages, headers. Empty if the claim is absent.
	User, Name, Email string
	Groups            []string
	// Unverified are names that the provider states and does not vouch for, beside User and Email.
	Unverified []string
	// Claims is the payload of the verified ID token as it came; UserInfo the userinfo answer, if it was asked for.
	Claims, UserInfo []byte
	// ProviderSession is the provider's own session id (claim sid), empty if it sends none.
	ProviderSession string

	// KindReason is why the session has its kind: the reason that the prompt decision gave.
	KindReason string
	// AuthTime is when the provider last authenticated the person (claim auth_time); zero if it does not say (A11).
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Contexts are the authentication contexts of Entra that the sign-in met (claim acrs).
	Contexts []string
	// SignInRisk and UserRisk are what the provider said: none, low, medium, high or hidden; Unreadable if it was no such
	// word; empty if it said nothing (A3).
	SignInRisk, UserRisk string
	// Compliant, Managed and Shared are what the provider said about the device: true, false, Unreadable, or empty (A13).
	Compliant, Managed, Shared string
	// SteppedUp is when the session was last made of another by a step-up, StepUps how often in quick succession.
	SteppedUp time.Time
	StepUps   int

	// BrowserID is the random id of the browser, empty if it keeps no cookie for it.
	BrowserID string
	// FirstIP and FirstAgent are what the sign-in came from, for people to recognise it by.
	FirstIP, FirstAgent string

	sealedTokens []byte
	sealedUnder  keyring.ID // the record; the tokens may be under another
	// What a newer version wrote and this one does not know, kept for the next write (A78).
	unknown []byte
	flags   int64
}

// Unreadable is the value of what a provider said in words that are not known. It is neither a yes nor a no.
const Unreadable = "unreadable"

// LastAnswer is when the provider last said something about the person, if only that the account is good: the later of
// GroupsAsOf and Confirmed.
func (s *Record) LastAnswer() time.Time {
	if s.Confirmed.After(s.GroupsAsOf) {
		return s.Confirmed
	}
	return s.GroupsAsOf
}

// SealedTokens are the provider's tokens as they are stored, for naming them: other tokens are other bytes.
func (s *Record) SealedTokens() []byte { return s.sealedTokens }

// KnownDevice reports whether the provider says that the device is managed or compliant.
func (s *Record) KnownDevice() bool { return s.Managed == "true" || s.Compliant == "true" }

// SealedUnder returns the keys without which the session as it is stored cannot be opened: that of its record, and that
// of its tokens if it is another. The key of its cookie is for the browser to know; it was the newest when the session
// began, or a later one.
func (s *Record) SealedUnder() []keyring.ID {
	keys := []keyring.ID{s.sealedUnder}
	if id, ok := keyring.SealedBy(s.sealedTokens); ok && id != s.sealedUnder {
		keys = append(keys, id)
	}
	return keys
}

// Tokens are what the provider gave for later use. They are never in a log, a page or a header.
type Tokens struct {
	// Refresh is the refresh token, empty if there is none.
	Refresh string
	// IDHeader and IDSignature are the two parts of the ID token that Claims does not hold; together they make the
	// id_token_hint of RP-initiated logout, without keeping the payload twice.
	IDHeader, IDSignature []byte
}

func (t Tokens) empty() bool {
	return t.Refresh == "" && len(t.IDHeader) == 0 && len(t.IDSignature) == 0
}

// began is what the session is held to by whatever ends sessions by a time.
func (s *Record) began() time.Time {
	if !s.Began.IsZero() && s.Began.Before(s.Created) {
		return s.Began
	}
	return s.Created
}

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

// ceilMilli is a time in whole milliseconds, rounded up: sessions begin in those, rounded down.
func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
