package prompt

import "github.com/latchkey-gateway/latchkey/session"

// Persistence is what the policies say about persistence, if they say anything (the persistent browser control).
type Persistence uint8

// The values of Persistence. Never beats Always wherever both are said (B5); who asks gets the result.
const (
	PersistenceUnset Persistence = iota
	PersistenceAlways
	PersistenceNever
)

// Suppress says which signals hide the prompt. The zero value hides it for none; DefaultSuppress is the default.
type Suppress struct {
	Guest, HighRisk, SharedDevice, IWA, Consent bool
}

// DefaultSuppress hides the prompt in each of the cases that the documentation lists (K9 to K14).
var DefaultSuppress = Suppress{Guest: true, HighRisk: true, SharedDevice: true, IWA: true, Consent: true}

// Facts is everything that the prompt decision rests on.
type Facts struct {
	// Live is the session that goes on, for a silent renewal, a step-up or a reauthentication; nil for a new sign-in.
	Live *session.Kind
	// Persistence is the verdict of the policies that apply.
	Persistence Persistence
	// Consent: the sign-in happened in a consent flow (K13, A5).
	Consent bool
	Guest   bool
	// HighRisk: the user's or the sign-in's risk is high (K12, K14).
	HighRisk     bool
	SharedDevice bool
	// Offered is the setting "Show option to remain signed in" (K7, K8), with what the site says about it.
	Offered bool
	// Inherited: the provider says that it asked already, or that the device may keep the session (X12, A4).
	Inherited bool
	// IWA: integrated Windows authentication (K9, K10).
	IWA bool
	// Remembered is this person's answer in this browser, given with "Don't show this again"; nil if there is none.
	Remembered *session.Kind
	// SameLimits: both kinds live equally long, so that the answer would change nothing.
	SameLimits bool

	Suppress Suppress
}

// MayBeGuest is for the prompt: a guest claim that cannot be read hides it as a guest does.
func MayBeGuest(who *session.Record) bool { return who.Guest || who.GuestUnclear }

// MayBeHigh tells the same of a risk as the record has it.
func MayBeHigh(risk string) bool { return risk == "high" || risk == session.Unreadable }

// Decision is whether to ask, and the kind of the session if not.
type Decision struct {
	Prompt bool
	// Kind is the kind of the session when there is no prompt.
	Kind session.Kind
	// Reason is stable and machine-readable; it goes into the log and the session's record.
	Reason string
}

// AllowsPersistent reports whether a decision about a session allows it to be persistent.
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

// Decide decides whether "Stay signed in?" is asked. It is pure: the table of twelve rows in the semantics
// (section 6) is its specification, the first row that matches wins, and each row has a reason. What the table leaves
// out: a page that would change nothing is not shown.
func Decide(f Facts) Decision {
	hidden := func(k session.Kind, reason string) Decision { return Decision{Kind: k, Reason: reason} }
	switch {
	case f.Live != nil && f.Persistence == PersistenceNever: // rows 1 and 2: the answer stays, but never still tightens
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
