package prompt

import "github.com/latchkey-gateway/latchkey/session"

// Persistence is what the policies set for persistence (the persistent browser control).
type Persistence uint8

// The values of Persistence. If policies set both, Never overrides Always (B5); the caller passes the result.
const (
	PersistenceUnset Persistence = iota
	PersistenceAlways
	PersistenceNever
)

// Suppress says which signals suppress the prompt. In the zero value none does; DefaultSuppress is the default.
type Suppress struct {
	Guest, HighRisk, SharedDevice, IWA, Consent bool
}

// DefaultSuppress suppresses the prompt in each of the documented cases (K9 to K14).
var DefaultSuppress = Suppress{Guest: true, HighRisk: true, SharedDevice: true, IWA: true, Consent: true}

// Facts are all facts on which the prompt decision depends.
type Facts struct {
	// Live is the kind of the session that continues, for a silent renewal, a step-up or a reauthentication; nil for a
	// new sign-in.
	Live *session.Kind
	// Persistence is the result of the policies that apply.
	Persistence Persistence
	// Consent: the sign-in was part of a consent flow (K13, A5).
	Consent bool
	Guest   bool
	// HighRisk: the user's or the sign-in's risk is high (K12, K14).
	HighRisk     bool
	SharedDevice bool
	// Offered is the setting "Show option to remain signed in" (K7, K8), combined with the setting of the site.
	Offered bool
	// Inherited: the provider states that it has already asked, or that the device may keep the session (X12, A4).
	Inherited bool
	// IWA: integrated Windows authentication (K9, K10).
	IWA bool
	// Remembered is this user's answer in this browser, given with "Don't show this again"; nil if there is none.
	Remembered *session.Kind
	// SameLimits: both kinds have the same limits, so the answer would change nothing.
	SameLimits bool

	Suppress Suppress
}

// MayBeGuest reports whether the prompt treats the user as a guest: also if the guest claim cannot be parsed.
func MayBeGuest(who *session.Record) bool { return who.Guest || who.GuestUnclear }

// MayBeHigh reports whether the prompt treats a risk as high: also if it cannot be parsed.
func MayBeHigh(risk string) bool { return risk == "high" || risk == session.Unreadable }

// Decision is whether to show the prompt, and the kind of the session if not.
type Decision struct {
	Prompt bool
	// Kind is the kind of the session if the prompt is not shown.
	Kind session.Kind
	// Reason is a stable word for the log and the session's record.
	Reason string
}

// AllowsPersistent reports whether the decision allows the session to be persistent.
func (d Decision) AllowsPersistent() bool { return d.Prompt || d.Kind == session.Persistent }

// The reasons of a prompt decision.
const (
	ReasonLiveSession  = "live_session"
	ReasonPolicyNever  = "policy_never"
	ReasonPolicyAlways = "policy_always"
	ReasonConsent      = "consent_flow"
	ReasonGuest        = "guest"
	ReasonHighRisk     = "high_risk"
	ReasonSharedDevice = "shared_device"
	ReasonSettingOff   = "setting_off"
	ReasonInherited    = "inherited"
	ReasonIWA          = "iwa"
	ReasonRemembered   = "remembered_answer"
	ReasonNoDifference = "no_difference"
	ReasonAsked        = "asked"
	ReasonAnsweredYes  = "answered_yes"
	ReasonAnsweredNo   = "answered_no"
)

// Decide decides whether to ask "Stay signed in?". It is a pure function. Its specification is the table of twelve rows
// in the semantics (section 6): the first row that matches wins, and each row has a reason. In addition to the table, a
// prompt that would change nothing is not shown.
func Decide(f Facts) Decision {
	hidden := func(k session.Kind, reason string) Decision { return Decision{Kind: k, Reason: reason} }
	switch {
	case f.Live != nil && f.Persistence == PersistenceNever: // rows 1 and 2: the answer stays, but never still makes it stricter
		return hidden(session.Browser, ReasonPolicyNever)
	case f.Live != nil: // row 1
		return hidden(*f.Live, ReasonLiveSession)
	case f.Persistence == PersistenceNever: // row 2
		return hidden(session.Browser, ReasonPolicyNever)
	case f.Persistence == PersistenceAlways: // row 3
		return hidden(session.Persistent, ReasonPolicyAlways)
	case f.Consent && f.Suppress.Consent: // row 4
		return hidden(session.Browser, ReasonConsent)
	case f.Guest && f.Suppress.Guest: // row 5
		return hidden(session.Browser, ReasonGuest)
	case f.HighRisk && f.Suppress.HighRisk: // row 6
		return hidden(session.Browser, ReasonHighRisk)
	case f.SharedDevice && f.Suppress.SharedDevice: // row 7
		return hidden(session.Browser, ReasonSharedDevice)
	case !f.Offered: // row 8
		return hidden(session.Browser, ReasonSettingOff)
	case f.Inherited: // row 9
		return hidden(session.Persistent, ReasonInherited)
	case f.IWA && f.Suppress.IWA: // row 10
		return hidden(session.Browser, ReasonIWA)
	case f.Remembered != nil: // row 11
		return hidden(*f.Remembered, ReasonRemembered)
	case f.SameLimits:
		return hidden(session.Browser, ReasonNoDifference)
	default: // row 12
		return Decision{Prompt: true, Reason: ReasonAsked}
	}
}
