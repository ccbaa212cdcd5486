package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Mode says whether a policy is enforced. The zero value is on.
type Mode uint8

// The modes of a policy (semantics P1).
const (
	On         Mode = iota // enforced
	ReportOnly             // evaluated and reported, without any influence on a decision (O1, B6)
	Off                    // neither
)

var modeWords = []string{"on", "report_only", "off"}

// Persistence is what a policy sets for "Stay signed in?". The zero value sets nothing.
type Persistence uint8

// The persistent browser session control (B1).
const (
	Unset  Persistence = iota // no policy sets it: the prompt decides
	Always                    // persistent without a prompt
	Never                     // ends with the browser, without a prompt
)

var persistenceWords = []string{"unset", "always", "never"}

// Platform is the operating system that a client states. It comes from the user agent and proves nothing (P7). The zero
// value is unknown; only a condition that lists unknown matches it.
type Platform uint8

// The device platforms (P6).
const (
	PlatformUnknown Platform = iota
	Android
	IOS
	Windows
	MacOS
	Linux
)

var platformWords = []string{"unknown", "android", "ios", "windows", "macos", "linux"}

// Client is the kind of the client (A14). The zero value is other.
type Client uint8

// The kinds of client.
const (
	Other Client = iota
	Browser
)

var clientWords = []string{"other", "browser"}

// Risk is a risk level as an identity provider states it (A3). The zero value is unknown; only a condition that lists
// unknown matches it, because a provider that states no risk does not make every user risky. A value that is not a
// level can mean any level: RiskUnreadable matches every condition, as an unknown fact.
type Risk uint8

// The risk levels.
const (
	RiskUnknown Risk = iota
	RiskNone
	RiskLow
	RiskMedium
	RiskHigh
	RiskHidden
	RiskUnreadable
)

var riskWords = []string{"unknown", "none", "low", "medium", "high", "hidden", "unreadable"}

// Signal is what is known about a property of a device. The zero value is unknown, as for an unregistered device: it
// matches negative conditions and no positive ones (P12).
type Signal uint8

// The values of a signal.
const (
	Unknown Signal = iota
	No
	Yes
	Unreadable // the stated value is neither yes nor no: it matches every condition, as an unknown fact
)

var signalWords = []string{"unknown", "no", "yes", "unreadable"}

// Attribute is a property of a device on which a condition can depend.
type Attribute uint8

// The device attributes (A7, A13). Bound is the only one that the provider does not state: the session is bound to a key
// of the device.
const (
	Compliant Attribute = iota
	Managed
	Shared
	Bound
	attributes = iota
)

var attributeWords = []string{"compliant", "managed", "shared", "bound"}

// RequirementKind is the kind of a grant requirement.
type RequirementKind uint8

// The grant requirements (P14), in the order in which they are asked for (R5).
const (
	MFA             RequirementKind = iota // a second factor
	ACR                                    // an authentication context: acr, or one of Entra's acrs (A12)
	BoundSession                           // a session that is bound to a key of the device; the browser does this after a sign-in
	CompliantDevice                        // a compliant device; a sign-in cannot change this
)

var requirementWords = []string{"mfa", "acr", "bound_session", "compliant_device"}

func (m Mode) String() string            { return word(modeWords, m) }
func (p Persistence) String() string     { return word(persistenceWords, p) }
func (p Platform) String() string        { return word(platformWords, p) }
func (c Client) String() string          { return word(clientWords, c) }
func (r Risk) String() string            { return word(riskWords, r) }
func (s Signal) String() string          { return word(signalWords, s) }
func (a Attribute) String() string       { return word(attributeWords, a) }
func (k RequirementKind) String() string { return word(requirementWords, k) }

// MarshalText writes the word for m.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText writes the word for p.
func (p Persistence) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the word for p.
func (p Platform) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the word for c.
func (c Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText writes the word for r.
func (r Risk) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText writes the word for s.
func (s Signal) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText writes the word for a.
func (a Attribute) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText accepts on, report_only and off, and nothing else.
func (m *Mode) UnmarshalText(text []byte) error { return parseWord(m, "mode", modeWords, text) }

// UnmarshalText accepts unset, always and never, and nothing else.
func (p *Persistence) UnmarshalText(text []byte) error {
	return parseWord(p, "persistent_browser", persistenceWords, text)
}

// UnmarshalText accepts the name of a platform or unknown, and nothing else.
func (p *Platform) UnmarshalText(text []byte) error {
	return parseWord(p, "platform", platformWords, text)
}

// UnmarshalText accepts browser and other, and nothing else.
func (c *Client) UnmarshalText(text []byte) error { return parseWord(c, "client", clientWords, text) }

// UnmarshalText accepts a risk level, unknown or unreadable, and nothing else.
func (r *Risk) UnmarshalText(text []byte) error { return parseWord(r, "risk", riskWords, text) }

// UnmarshalText accepts unknown, no, yes and unreadable, and nothing else.
func (s *Signal) UnmarshalText(text []byte) error { return parseWord(s, "signal", signalWords, text) }

// UnmarshalText accepts compliant, managed, shared and bound, and nothing else.
func (a *Attribute) UnmarshalText(text []byte) error {
	return parseWord(a, "device", attributeWords, text)
}

// ParseRequirement parses a word of `require`: mfa, acr:<value>, bound_session or compliant_device.
func ParseRequirement(text string) (Requirement, error) {
	if value, ok := strings.CutPrefix(text, "acr:"); ok {
		if value == "" {
			return Requirement{}, fmt.Errorf("acr: wants a value, as in acr:c1")
		}
		return Requirement{Kind: ACR, Value: value}, nil
	}
	switch text {
	case "mfa":
		return Requirement{Kind: MFA}, nil
	case "bound_session":
		return Requirement{Kind: BoundSession}, nil
	case "compliant_device":
		return Requirement{Kind: CompliantDevice}, nil
	}
	return Requirement{}, fmt.Errorf("unknown requirement %q, expected mfa, acr:<value>, bound_session or compliant_device", text)
}

func word[T ~uint8](words []string, v T) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("invalid(%d)", uint8(v))
}

func parseWord[T ~uint8](v *T, kind string, words []string, text []byte) error {
	i := slices.Index(words, string(text))
	if i < 0 {
		return fmt.Errorf("unknown %s %q, expected one of %s", kind, text, strings.Join(words, ", "))
	}
	*v = T(i)
	return nil
}
