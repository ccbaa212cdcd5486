package signin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session"
)

// ClaimsConfig says which claims mean what. Every path may be dotted (realm_access.roles); a claim whose name is the
// whole path, dots included, goes before the dotted reading.
type ClaimsConfig struct {
	// Groups is the claim that lists groups. Empty: groups.
	Groups string
	// GraphURL is where groups are asked for that did not fit into a token; empty: they stay unknown.
	GraphURL string
	// User are the claims that may name the user; the first present does. Empty: preferred_username, email, sub.
	User []string
	// GuestClaim and GuestValue: a person is a guest if the claim has the value (A2). Empty: nobody is.
	GuestClaim, GuestValue string
	// IWAMethods are the values of amr that mean integrated Windows authentication (A1).
	IWAMethods []string
	// MFAMethods are the values of amr, MFAContexts those of acr, that mean a second factor.
	MFAMethods, MFAContexts []string
	// SignInRisk and UserRisk are the claims with a risk of none, low, medium or high (A3). Empty: unknown.
	SignInRisk, UserRisk string
	// Compliant, Managed and SharedDevice are the claims that are true or false of the device (A7, A13). Empty: unknown.
	Compliant, Managed, SharedDevice string
	// InheritClaim and InheritValues: the provider says with one of these values that it asked already (A4, X12).
	InheritClaim  string
	InheritValues []string
}

// Bounds of what is taken from claims. What is over them is left out, and a list of groups that was cut is incomplete,
// which is not the same as short.
const (
	maxGroups     = 2000
	maxGroupSize  = 512
	maxGroupBytes = 16 << 10 // of a session's groups, compressed sizes left aside
	maxNameSize   = 256
	maxSubject    = 255 // OpenID Connect Core, section 2
	maxMethods    = 64
)

// claimSet is the claims of one person: of the ID token, then of userinfo. Names are compared exactly: Go's own
// decoding into structs would take "SUB" for "sub".
type claimSet []map[string]json.RawMessage

func parseClaims(raw []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	err := json.Unmarshal(raw, &m)
	return m, err
}

// get finds a claim by its path in the first set that has it.
func (c claimSet) get(path string) (json.RawMessage, bool) {
	if path == "" {
		return nil, false
	}
	for _, m := range c {
		if v, ok := find(m, path); ok {
			return v, true
		}
	}
	return nil, false
}

func find(m map[string]json.RawMessage, path string) (json.RawMessage, bool) {
	if v, ok := m[path]; ok {
		return v, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		inner, ok := m[path[:i]]
		if !ok {
			continue
		}
		if next, err := parseClaims(inner); err == nil && next != nil {
			if v, ok := find(next, path[i+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// str returns a claim that is a string, a number or a boolean as text; empty if it is absent or anything else.
func (c claimSet) str(path string) string {
	raw, ok := c.get(path)
	if !ok {
		return ""
	}
	return scalar(raw)
}

func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil && n != "" {
		return n.String()
	}
	var b bool
	if json.Unmarshal(raw, &b) == nil && len(raw) > 0 && raw[0] != 'n' {
		return strconv.FormatBool(b)
	}
	return ""
}

// text is str, made fit for people and headers: bounded, and empty if it holds a control character.
func (c claimSet) text(path string) string {
	s := c.str(path)
	if len(s) > maxNameSize || !utf8.ValidString(s) || strings.IndexFunc(s, isControl) >= 0 {
		return ""
	}
	return s
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// list returns a claim that is a list of strings, or a single string. ok is false if it is absent or of another type.
func (c claimSet) list(path string) (values []string, ok bool) {
	raw, present := c.get(path)
	if !present {
		return nil, false
	}
	if json.Unmarshal(raw, &values) == nil {
		return values, values != nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	return nil, false
}

// signals are what sign-in needs to know of a person beyond the session's record, for the prompt decision.
type signals struct {
	iwa, highRisk, sharedDevice, inherited bool
}

// describe fills a session's record with what the claims say of the person.
func (cfg *ClaimsConfig) describe(s *session.Session, c claimSet) {
	verified := c.str("email_verified")
	for _, path := range cfg.user() {
		// An address that anybody may claim names nobody (A10).
		if path == "email" && verified == "false" {
			continue
		}
		if s.User = c.text(path); s.User != "" {
			s.UserUnverified = path == "email" && verified != "true"
			break
		}
	}
	s.Name = c.text("name")
	if verified != "false" {
		s.Email, s.EmailVerified = c.text("email"), verified == "true"
	}
	s.Guest = cfg.GuestClaim != "" && c.str(cfg.GuestClaim) == cfg.GuestValue && cfg.GuestValue != ""
	s.Groups, s.GroupsComplete = cfg.groups(c)
	s.ACR = c.text("acr")
	s.AMR, _ = c.list("amr")
	s.AMR = s.AMR[:min(len(s.AMR), maxMethods)]
	s.Contexts, _ = c.list("acrs")
	s.Contexts = s.Contexts[:min(len(s.Contexts), maxMethods)]
	s.SignInRisk, s.UserRisk = word(c.str(cfg.SignInRisk), riskWords), word(c.str(cfg.UserRisk), riskWords)
	s.Compliant, s.Managed = word(c.str(cfg.Compliant), boolWords), word(c.str(cfg.Managed), boolWords)
	s.Shared = word(c.str(cfg.SharedDevice), boolWords)
	s.ProviderSession = c.str("sid")
}

var (
	riskWords = []string{"none", "low", "medium", "high"}
	boolWords = []string{"true", "false"}
)

// word keeps a value that is one of the words; anything else says nothing.
func word(value string, words []string) string {
	if slices.Contains(words, value) {
		return value
	}
	return ""
}

func (cfg *ClaimsConfig) user() []string {
	if len(cfg.User) > 0 {
		return cfg.User
	}
	return []string{"preferred_username", "email", "sub"}
}

// GroupsPath is the claim that lists groups.
func (cfg *ClaimsConfig) GroupsPath() string { return cfg.groupsPath() }

func (cfg *ClaimsConfig) groupsPath() string {
	if cfg.Groups != "" {
		return cfg.Groups
	}
	return "groups"
}

// groups returns the groups, and whether they are all. A provider that says there are more than it sends, a list of a
// wrong type and a list over our own bounds are incomplete (A6); a claim that is absent is complete: no groups.
func (cfg *ClaimsConfig) groups(c claimSet) (groups []string, complete bool) {
	path := cfg.groupsPath()
	values, ok := c.list(path)
	if _, present := c.get(path); present && !ok {
		return nil, false
	}
	groups, complete = boundGroups(values)
	return groups, complete && !overage(c, path)
}

// boundGroups keeps as many groups as a session can hold, and reports whether those are all.
func boundGroups(values []string) (groups []string, complete bool) {
	complete = true
	size := 0
	for _, g := range values {
		// An id of Entra takes half of what it is long once it is compressed.
		if size += len(g)/2 + 1; len(g) > maxGroupSize || len(groups) == maxGroups || size > maxGroupBytes {
			complete = false
			continue
		}
		groups = append(groups, g)
	}
	return groups, complete
}

// overage: the claim was replaced by a pointer (OpenID Connect Core, section 5.6.2), or by Entra's hasgroups.
func overage(c claimSet, path string) bool {
	if names, ok := c.get("_claim_names"); ok {
		if m, err := parseClaims(names); err != nil || m[path] != nil {
			return true
		}
	}
	return c.str("hasgroups") == "true"
}

// signals reads what the prompt decision needs.
func (cfg *ClaimsConfig) signals(c claimSet) signals {
	amr, _ := c.list("amr")
	return signals{
		iwa:          slices.ContainsFunc(amr, func(m string) bool { return slices.Contains(cfg.IWAMethods, m) }),
		highRisk:     c.str(cfg.SignInRisk) == "high" || c.str(cfg.UserRisk) == "high",
		sharedDevice: c.str(cfg.SharedDevice) == "true",
		inherited:    cfg.inherited(c),
	}
}

func (cfg *ClaimsConfig) inherited(c claimSet) bool {
	values, _ := c.list(cfg.InheritClaim)
	if len(values) == 0 {
		if one := c.str(cfg.InheritClaim); one != "" {
			values = []string{one}
		}
	}
	return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(cfg.InheritValues, v) })
}

// complete reports whether the claims hold what the configuration asks for, so that userinfo need not be asked.
func (cfg *ClaimsConfig) complete(c claimSet) bool {
	if _, ok := c.get(cfg.groupsPath()); !ok && !overage(c, cfg.groupsPath()) {
		return false
	}
	return cfg.named(c)
}

// named reports whether the claims name the person as the configuration wants it first.
func (cfg *ClaimsConfig) named(c claimSet) bool { return c.text(cfg.user()[0]) != "" }

// JoinList writes a list into one header or placeholder: separated by commas, with a comma, a percent sign or a control
// character inside an element percent-encoded, so that no element can pass for two.
func JoinList(list []string) string {
	plain := true
	size := 0
	for _, e := range list {
		size += len(e) + 1
		plain = plain && strings.IndexFunc(e, needsEscape) < 0
	}
	if plain {
		return strings.Join(list, ",")
	}
	var b strings.Builder
	b.Grow(size + 16)
	for i, e := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, c := range []byte(e) {
			if needsEscape(rune(c)) {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

func needsEscape(r rune) bool { return r == ',' || r == '%' || r < ' ' || r == 0x7f }

// ClaimText returns a claim of a session as text: a scalar, or a list as JoinList writes it. Empty if it is absent, of
// another type, or holds a control character.
func ClaimText(s *session.Session, path string) string {
	var set claimSet
	for _, raw := range [][]byte{s.Claims, s.UserInfo} {
		if m, err := parseClaims(raw); err == nil && m != nil {
			set = append(set, m)
		}
	}
	if raw, ok := set.get(path); ok && len(raw) > 0 && raw[0] == '[' {
		list, _ := set.list(path)
		return JoinList(list)
	}
	value := set.str(path)
	if strings.IndexFunc(value, isControl) >= 0 {
		return ""
	}
	return value
}
