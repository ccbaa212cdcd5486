package session

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Kind says how long a session lives in its browser.
type Kind uint8

const (
	// Browser sessions end with the browser: their cookie has no lifetime (K5, K7).
	Browser Kind = iota
	// Persistent sessions survive a restart of the browser: the user, a policy or the provider answered Yes (K2).
	Persistent
)

// String returns the name of the kind.
func (k Kind) String() string {
	if k == Persistent {
		return "persistent"
	}
	return "browser"
}

// Identity identifies a user. Two users are the same exactly if both fields are equal, byte for byte. Names and mail
// addresses are never an identity (A65).
type Identity struct {
	Issuer  string
	Subject string
}

// Record is the stored form of a session: everything that is known of one sign-in of one browser. A record that Manager
// returns is immutable and may be shared between goroutines; changes go through Manager.
type Record struct {
	// ID is random and changes at every sign-in, step-up and answer to the prompt (A13, A42, A75).
	ID ID
	// Version is the store's count of writes. A write states the version that it has read.
	Version uint64

	session *Session // nil for a draft

	// Provider is the configured name of the OpenID provider. It may change in the configuration; Identity may not.
	Provider string
	Identity Identity
	// Limit is the limit of the kind at sign-in. A later configuration can only shorten it.
	Limit Limit

	LastUsed time.Time
	Created  time.Time
	// Began is when the sign-in for this session began. It counts for everything that ends sessions by a time, or all
	// sessions of a user: an answer that was already on its way then creates no session. Zero: Created.
	Began time.Time
	// GroupsAsOf is when the provider last stated the groups.
	GroupsAsOf time.Time
	// Confirmed is when the provider last accepted the refresh token, if later than GroupsAsOf: it then confirmed the
	// account but stated no groups. Zero: never.
	Confirmed time.Time
	// Apps are the apps for which the session has been used.
	Apps []string

	Kind Kind
	// Renewable: the provider issued a refresh token, so claims and groups can be requested again.
	Renewable bool
	// EmailVerified: the provider states that the address belongs to the user. An unverified address is only shown
	// (A10).
	EmailVerified bool
	// UserUnverified: User is a mail address, and the provider does not state that it belongs to the user.
	UserUnverified bool
	Guest          bool
	// GuestUnclear: the claim about guests could not be parsed. Guest is then false and means nothing.
	GuestUnclear bool
	// GroupsUnclear: the groups are incomplete because their claim could not be parsed, not because there are too many.
	GroupsUnclear bool
	// GroupsComplete is false if the provider states that there are more groups than it sent (A6). Membership in an
	// unlisted group is then unknown, which differs from "no".
	GroupsComplete bool

	// User, Name and Email are for display: in logs, pages, headers. Empty if the claim is absent.
	User, Name, Email string
	Groups            []string
	// Unverified are further names that the provider states but has not verified.
	Unverified []string
	// KnownAs are names by which the provider may call the user in an event (see KnownAsMail): it has verified that they
	// belong to the user. Sessions are listed under them. Empty if the provider sends no events.
	KnownAs []string
	// Claims is the unchanged payload of the verified ID token. UserInfo is the userinfo answer, if it was requested.
	Claims, UserInfo []byte
	// ProviderSession is the provider's session ID (claim sid), empty if it sends none.
	ProviderSession string

	// KindReason is the reason for the session's kind, from the prompt decision, or ForTokens.
	KindReason string
	// AuthTime is when the provider last authenticated the user (claim auth_time); zero if it does not state it (A11).
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Contexts are the authentication contexts of Entra that the sign-in met (claim acrs).
	Contexts []string
	// SignInRisk and UserRisk are the levels that the provider stated: none, low, medium, high or hidden; Unreadable
	// for any other value; empty if it stated none (A3).
	SignInRisk, UserRisk string
	// Compliant, Managed and Shared are the provider's statements about the device: true, false, Unreadable, or empty
	// (A13).
	Compliant, Managed, Shared string
	// SteppedUp is when a step-up last replaced the session. StepUps counts step-ups in quick succession.
	SteppedUp time.Time
	StepUps   int

	// BrowserID is the random name of the browser, empty if the browser keeps no cookie for it. A record of an earlier version
	// may have more in it, of which the name is the beginning: package browser compares them.
	BrowserID string
	// FirstIP and FirstAgent are the client's address and User-Agent at the sign-in, so that the user recognises it.
	FirstIP, FirstAgent string

	// Binding says to which keys of a device the session is bound.
	Binding Binding

	// Signalled is what the provider has reported about the user since the sign-in.
	Signalled Signalled

	sealedTokens []byte
	sealedUnder  keyring.ID // the key of the record; the tokens may be sealed under another
	// unknown contains fields of a newer version, kept for the next write (A78).
	unknown []byte
	flags   int64
}

// Binding says to which keys of a device a session is bound. The zero value is a session that is not bound. A key is
// known from its registration on, and the session counts as bound from Since on: in between, the browser may not have
// received the answer that binds it.
type Binding struct {
	// DeviceKey is the first key. More are those of other places: a browser makes one for each host that a session is
	// used at, or one for all hosts of a site.
	DeviceKey
	More []DeviceKey
	// Since is when the browser first showed that it has the cookie of a bound session; zero: never.
	Since time.Time
	// Limit is the limit that the session gets once it is bound: that of its kind at sign-in. Zero: its limit does not
	// change.
	Limit Limit
}

// DeviceKey is a key of a device that was registered for a session. The zero value is no key.
type DeviceKey struct {
	// Place is where the browser uses the key: a host, or "*." and a site. A session has one key for each. Empty: the
	// only host of the session (a record of before).
	Place string
	// Identifier is the name of the session in the browser's own list of bound sessions. It is no secret of the
	// session, but it cannot be guessed. It stays the same as long as the session is bound.
	Identifier string
	// Key is the public key, as SubjectPublicKeyInfo. Algorithm is the algorithm of its proofs: ES256 or RS256.
	Key       []byte
	Algorithm string
	// Registered is when the key was registered.
	Registered time.Time
}

// MaxKeys is how many keys a session may have.
const MaxKeys = 16

// Bound reports whether the session counts as bound.
func (b *Binding) Bound() bool { return !b.Since.IsZero() }

// Keys yields the keys, the first one first.
func (b *Binding) Keys(yield func(*DeviceKey) bool) {
	if len(b.Key) == 0 || !yield(&b.DeviceKey) {
		return
	}
	for i := range b.More {
		if !yield(&b.More[i]) {
			return
		}
	}
}

// At returns the key of a place; nil if there is none.
func (b *Binding) At(place string) *DeviceKey {
	for k := range b.Keys {
		if k.Place == place || k.Place == "" {
			return k
		}
	}
	return nil
}

// Has reports whether one of the keys has this name.
func (b *Binding) Has(id KeyID) bool {
	for k := range b.Keys {
		if k.KeyID() == id {
			return true
		}
	}
	return false
}

// Named returns the key with an identifier; nil if there is none.
func (b *Binding) Named(identifier string) *DeviceKey {
	for k := range b.Keys {
		if k.Identifier == identifier {
			return k
		}
	}
	return nil
}

// set takes up a key in place of that of its place, and reports whether there is room for it.
func (b *Binding) set(k DeviceKey) bool {
	switch old := b.At(k.Place); {
	case old != nil:
		*old = k
	case len(b.Key) == 0:
		b.DeviceKey = k
	case len(b.More)+1 >= MaxKeys:
		return false
	default:
		b.More = append(b.More, k)
	}
	return true
}

// KeyID names the key of a device: the first half of its SHA-256. The zero value names no key.
type KeyID [16]byte

// KeyID returns the name of the key; the zero value if there is none.
func (k *DeviceKey) KeyID() (id KeyID) {
	if k != nil && len(k.Key) > 0 {
		sum := sha256.Sum256(k.Key)
		copy(id[:], sum[:])
	}
	return id
}

// Raised returns the record as it will be once the session counts as bound.
func (s *Record) Raised(now time.Time) *Record {
	c := s.clone()
	if !c.Binding.Bound() {
		c.confirm(now)
	}
	return c
}

func (s *Record) confirm(now time.Time) {
	if s.Binding.Since = now; s.Binding.Limit != (Limit{}) {
		s.Limit, s.Binding.Limit = s.Binding.Limit, Limit{}
	}
	s.roundTimes()
}

// rebind takes up what the store has lost of a binding, and reports whether that is anything. Keys that the store knows
// besides stay.
func (s *Record) rebind(known *Record) (lost bool) {
	was := known.clone().Binding
	for k := range was.Keys {
		if have := s.Binding.At(k.Place); have == nil || k.Registered.After(have.Registered) {
			lost = s.Binding.set(*k) || lost
		}
	}
	if was.Bound() && !s.Binding.Bound() {
		s.Binding.Since, s.Binding.Limit, s.Limit, lost = was.Since, was.Limit, known.Limit, true
	}
	return lost
}

// Unreadable is the value for a provider's statement that could not be parsed. It means neither yes nor no.
const Unreadable = "unreadable"

// LastAnswer is when the provider last said something about the person, if only that the account is good: the later of
// GroupsAsOf and Confirmed.
func (s *Record) LastAnswer() time.Time {
	if s.Confirmed.After(s.GroupsAsOf) {
		return s.Confirmed
	}
	return s.GroupsAsOf
}

// SealedTokens returns the provider's tokens as they are stored. Different tokens have different bytes.
func (s *Record) SealedTokens() []byte { return s.sealedTokens }

// KnownDevice reports whether the provider states that the device is managed or compliant.
func (s *Record) KnownDevice() bool { return s.Managed == "true" || s.Compliant == "true" }

// SealedUnder returns the keys that are needed to open the stored session: that of its record, and that of its tokens
// if it differs. The key of the cookie is not known here; it was the key that sealed when the session began, or a later one.
func (s *Record) SealedUnder() []keyring.ID {
	keys := []keyring.ID{s.sealedUnder}
	if id, ok := keyring.SealedBy(s.sealedTokens); ok && id != s.sealedUnder {
		keys = append(keys, id)
	}
	return keys
}

// began returns the time that counts for everything that ends sessions by a time.
func (s *Record) began() time.Time {
	if !s.Began.IsZero() && s.Began.Before(s.Created) {
		return s.Began
	}
	return s.Created
}

// LooksLikeAddress reports whether a name contains an at sign in any of its forms, so that users and applications read
// it as a mail address.
func LooksLikeAddress(name string) bool { return strings.ContainsAny(name, "@\uff20\ufe6b") }

// Vouched reports whether the provider vouches for a user name of the user. It does not for a name that looks like an
// address and is not the verified address, unless the configuration trusts the provider's user names: at many providers
// users choose the name themselves.
func (s *Record) Vouched(name string, trustNames bool) bool {
	if isServiceName(name) && s.Provider != "" {
		return false
	}
	return trustNames || !LooksLikeAddress(name) || s.EmailVerified && strings.EqualFold(name, s.Email)
}

// ServicePrefix begins the names of services: programs that have a token of their own and belong to no user (package
// apitoken). No user of a provider gets such a name.
const ServicePrefix = "service:"

func isServiceName(name string) bool {
	return len(name) >= len(ServicePrefix) && strings.EqualFold(name[:len(ServicePrefix)], ServicePrefix)
}

// vouchedUser is Vouched for User.
func vouchedUser(s *Record, trustNames bool) bool {
	if s.UserUnverified && !trustNames {
		return s.EmailVerified && strings.EqualFold(s.User, s.Email)
	}
	return s.Vouched(s.User, trustNames)
}

// AppUser returns the user name for applications: User, or the subject if the provider does not vouch for User.
func (s *Record) AppUser(trustNames bool) string {
	if s.User == "" || vouchedUser(s, trustNames) {
		return s.User
	}
	return s.SubjectName()
}

// SubjectName returns the subject as a name that grants access; empty if it reads as the name of a service.
func (s *Record) SubjectName() string {
	if s.Provider != "" && isServiceName(s.Identity.Subject) {
		return ""
	}
	return s.Identity.Subject
}

// Called returns the names by which a rule can select the user, besides the subject: names for which the provider
// vouches, and names that are only claimed. Claimed names count for rules that restrict and never for rules that grant
// access (A10). A name that equals the subject is in neither list, because subjects are compared exactly and names
// without regard to case.
func (s *Record) Called(trustNames bool) (names, claimed []string) {
	if s.User != "" && s.User != s.Identity.Subject {
		if vouchedUser(s, trustNames) {
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

// IsCalled reports whether the user has this name or subject, including claimed names.
func (s *Record) IsCalled(name string) bool {
	names, claimed := s.Called(true)
	return name == s.Identity.Subject || containsName(names, name) || containsName(claimed, name)
}

// AddName adds a name to a list unless the list contains it, without regard to case.
func AddName(list []string, name string) []string {
	if name == "" || containsName(list, name) {
		return list
	}
	return append(list, name)
}

func containsName(list []string, name string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) })
}

// ceilMilli returns a time in whole milliseconds, rounded up. Starts of sessions are rounded down.
func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
