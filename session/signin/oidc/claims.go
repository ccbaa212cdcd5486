package oidc

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// ClaimsConfig defines the meaning of claims. Each is a path in the syntax of package claim.
type ClaimsConfig struct {
	// Groups is the claim that lists groups. Empty: groups.
	Groups string
	// GraphURL is the address from which groups are fetched that did not fit into a token; empty: they stay unknown.
	GraphURL string
	// TrustUserNames: a user name that looks like an address belongs to the user, even if the provider does not state
	// that it is a verified address.
	TrustUserNames bool
	// User are the claims that can name the user; the first one that is present is used. Empty: preferred_username,
	// email, sub.
	User []string
	// GuestClaim and GuestValue: a user is a guest if the claim has the value (A2). Empty: no user is.
	GuestClaim, GuestValue string
	// IWAMethods are the values of amr that mean integrated Windows authentication (A1).
	IWAMethods []string
	// MFAMethods are the values of amr, MFAContexts those of acr, that mean a second factor.
	MFAMethods, MFAContexts []string
	// SignInRisk and UserRisk are the claims with a risk of none, low, medium or high (A3). Empty: unknown.
	SignInRisk, UserRisk string
	// Compliant, Managed and SharedDevice are the claims about the device, true or false (A7, A13). Empty: unknown.
	Compliant, Managed, SharedDevice string
	// InheritClaim and InheritValues: with one of these values the provider states that it has already asked (A4, X12).
	InheritClaim  string
	InheritValues []string
	// KnownAs: sessions are found by verified addresses and numbers of the user, because the provider sends events that
	// may name the user by them.
	KnownAs bool
}

// Limits for claims. What exceeds them is dropped; a list of groups that was cut counts as incomplete, not as short.
const (
	maxGroups     = 2000
	maxGroupSize  = 512
	maxGroupBytes = 16 << 10 // of a session's groups, without compression
	maxSubject    = 255      // OpenID Connect Core, section 2
	maxMethods    = 64
)

// Signals are the facts about a user that the prompt decision needs, besides the session's record.
type Signals struct {
	IWA, HighRisk, SharedDevice, Inherited bool
}

// describe sets the fields of a session's record from the claims. It returns the configuration words whose claim has an
// unknown value.
func (cfg *ClaimsConfig) describe(s *session.Record, c claim.Set) (unclear []string) {
	readable := func(word string, state claim.State) bool {
		if state == claim.Unclear {
			unclear = append(unclear, word)
		}
		return state != claim.Unclear
	}
	word := func(word, path string, words []string) string {
		value, state := c.Word(path, words)
		if !readable(word, state) {
			return session.Unreadable
		}
		return value
	}
	truth := func(word, path string) string {
		value, state := c.Bool(path)
		switch {
		case !readable(word, state):
			return session.Unreadable
		case state == claim.Known:
			return strconv.FormatBool(value)
		}
		return ""
	}
	readable("email_verified", cfg.name(s, c))
	guest, state := c.Has(cfg.GuestClaim, cfg.GuestValue)
	s.Guest, s.GuestUnclear = guest, !readable("guest_claim", state)
	groups, complete, state := cfg.groups(c)
	s.Groups, s.GroupsComplete, s.GroupsUnclear = groups, complete, !readable("groups_claim", state)
	s.ACR = c.Text("acr")
	s.AMR, state = c.List("amr")
	readable("amr", state)
	s.AMR = s.AMR[:min(len(s.AMR), maxMethods)]
	s.Contexts, state = c.List("acrs")
	readable("acrs", state)
	s.Contexts = s.Contexts[:min(len(s.Contexts), maxMethods)]
	s.SignInRisk, s.UserRisk = word("risk_claim sign_in", cfg.SignInRisk, riskWords), word("risk_claim user", cfg.UserRisk, riskWords)
	s.Compliant, s.Managed = truth("device_claim compliant", cfg.Compliant), truth("device_claim managed", cfg.Managed)
	s.Shared = truth("device_claim shared", cfg.SharedDevice)
	_, state = c.Has(cfg.InheritClaim, cfg.InheritValues...)
	readable("inherit_claim", state)
	s.ProviderSession = c.String("sid")
	if cfg.KnownAs {
		s.KnownAs = knownAs(s, c)
	}
	return unclear
}

// knownAs returns the names of a user that the provider has verified.
func knownAs(s *session.Record, c claim.Set) (names []string) {
	if s.EmailVerified {
		names = append(names, session.KnownAsMail(s.Email))
	}
	if verified, _ := c.Bool("phone_number_verified"); verified && c.Text("phone_number") != "" {
		names = append(names, session.KnownAsPhone(c.Text("phone_number")))
	}
	return names
}

var riskWords = []string{"none", "low", "medium", "high", "hidden"}

// name sets the user's name. An address that the provider does not state as verified, or whose email_verified cannot be
// parsed, selects no user, group, domain or provider. Any other name that looks like an address and is not the verified
// one is only shown, and used by rules that restrict (A10).
func (cfg *ClaimsConfig) name(s *session.Record, c claim.Set) claim.State {
	s.User, s.UserUnverified, s.Unverified, s.Email = "", false, nil, ""
	verified, state := c.Bool("email_verified")
	_, stated := c.Get("email_verified")
	email := c.Text("email")
	refused := stated && !verified
	if s.EmailVerified = verified && email != ""; refused {
		s.Unverified = session.AddName(s.Unverified, email)
	} else {
		s.Email = email
	}
	s.Name = c.Text("name")
	for _, path := range cfg.user() {
		name := c.Text(path)
		switch {
		case name == "":
		case refused && (path == "email" || !cfg.TrustUserNames && strings.EqualFold(name, email)):
			s.Unverified = session.AddName(s.Unverified, name)
		case path == "sub" && s.User != "":
			return state
		case path == "sub" || path != "email" && s.Vouched(name, cfg.TrustUserNames) || path == "email" && (verified || cfg.TrustUserNames):
			s.User, s.UserUnverified = name, false
			return state
		default:
			if s.User == "" {
				s.User, s.UserUnverified = name, path == "email"
			}
			s.Unverified = session.AddName(s.Unverified, name)
		}
	}
	return state
}

func (cfg *ClaimsConfig) user() []string {
	if len(cfg.User) > 0 {
		return cfg.User
	}
	return []string{"preferred_username", "email", "sub"}
}

// GroupsPath returns the claim that lists groups.
func (cfg *ClaimsConfig) GroupsPath() string { return cfg.groupsPath() }

func (cfg *ClaimsConfig) groupsPath() string {
	if cfg.Groups != "" {
		return cfg.Groups
	}
	return "groups"
}

// groups returns the groups, and whether they are complete. They are incomplete (A6) if the provider states that there
// are more than it sends, if the list cannot be parsed, and if it exceeds our own limits. If the claim is absent they
// are complete: there are no groups. state distinguishes an unreadable list from the other cases.
func (cfg *ClaimsConfig) groups(c claim.Set) (groups []string, complete bool, state claim.State) {
	path := cfg.groupsPath()
	values, state := cfg.sayGroups(c).List(path)
	if state == claim.Unclear {
		return nil, false, state
	}
	groups, complete = boundGroups(values)
	return groups, complete && !overage(c, path), state
}

// sayGroups returns the sources that do not state null in place of groups, as Gitea does for a user without any. null is
// an absent claim (OpenID Connect Core, section 5.3.2).
func (cfg *ClaimsConfig) sayGroups(c claim.Set) claim.Set {
	return slices.DeleteFunc(slices.Clone(c), cfg.nullGroups)
}

// nullGroups reports whether a source states null. The null of claim.Reduce stands for groups that did not fit.
func (cfg *ClaimsConfig) nullGroups(source map[string]json.RawMessage) bool {
	path := cfg.groupsPath()
	return string(source[path]) == "null" && !claim.Lacks(source, path)
}

// boundGroups keeps as many groups as a session can hold, and reports whether those are all.
func boundGroups(values []string) (groups []string, complete bool) {
	complete = true
	size := 0
	for _, g := range values {
		// Entra's group IDs take half of their length after compression.
		if size += len(g)/2 + 1; len(g) > maxGroupSize || len(groups) == maxGroups || size > maxGroupBytes {
			complete = false
			continue
		}
		groups = append(groups, g)
	}
	return groups, complete
}

// overage reports whether the claim was replaced by a reference (OpenID Connect Core, section 5.6.2), or by Entra's
// hasgroups.
func overage(c claim.Set, path string) bool {
	if names, ok := c.Get("_claim_names"); ok {
		if m, err := claim.Parse(names); err != nil || m[path] != nil {
			return true
		}
	}
	has, state := c.Bool("hasgroups")
	return has || state == claim.Unclear
}

// Signals returns the facts for the prompt decision. An unreadable claim suppresses the prompt as well; the session
// then ends with the browser.
func (cfg *ClaimsConfig) Signals(c claim.Set) Signals {
	risk := func(path string) bool {
		level, state := c.Word(path, riskWords)
		return level == "high" || state == claim.Unclear
	}
	amr, _ := c.List("amr")
	shared, state := c.Bool(cfg.SharedDevice)
	inherited, _ := c.Has(cfg.InheritClaim, cfg.InheritValues...)
	return Signals{
		IWA:          claim.AnyOf(amr, cfg.IWAMethods),
		HighRisk:     risk(cfg.SignInRisk) || risk(cfg.UserRisk),
		SharedDevice: shared || state == claim.Unclear,
		Inherited:    inherited,
	}
}

// complete reports whether the claims contain everything that the configuration uses, so that userinfo is not needed.
func (cfg *ClaimsConfig) complete(c claim.Set) bool {
	if _, ok := cfg.sayGroups(c).Get(cfg.groupsPath()); !ok && !overage(c, cfg.groupsPath()) {
		return false
	}
	return cfg.named(c)
}

// named reports whether the claims contain the first claim that can name the user.
func (cfg *ClaimsConfig) named(c claim.Set) bool { return c.Text(cfg.user()[0]) != "" }

// ClaimValue returns a claim of a session: a list as a list, a scalar as text. Both are empty if the claim is absent or
// has another type; a scalar also if it contains a control character.
func ClaimValue(s *session.Record, path string) (text string, list []string) {
	var set claim.Set
	for _, raw := range [][]byte{s.Claims, s.UserInfo} {
		if m, err := claim.Parse(raw); err == nil && m != nil {
			set = append(set, m)
		}
	}
	if raw, ok := set.Get(path); ok && len(raw) > 0 && raw[0] == '[' {
		list, _ = set.List(path)
		return "", list
	}
	value := set.String(path)
	if strings.ContainsFunc(value, claim.IsControl) {
		return "", nil
	}
	return value, nil
}
