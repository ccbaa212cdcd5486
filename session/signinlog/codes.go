package signinlog

// Code is the error code of a record: 0 for success, else the number that Entra logs for the same outcome
// (semantics, section 4c).
type Code int

// The codes that Latchkey emits.
const (
	Success Code = 0
	// KeepMeSignedIn: the prompt was abandoned (K18).
	KeepMeSignedIn Code = 50140
	// SilentSignInFailed: the provider has no session that would do without asking the person.
	SilentSignInFailed Code = 50058
	// BlockedByPolicy: a policy does not allow the sign-in.
	BlockedByPolicy Code = 53003
	// NotAssigned: the site admits others, not this person.
	NotAssigned Code = 50105
	// StrongAuthRequired: a policy wants a stronger sign-in than this one was; it was asked for, and was not passed.
	StrongAuthRequired Code = 50074
	// ConsentRequired: the provider wants the person to consent first.
	ConsentRequired Code = 65001
	// ConsentDeclined: the person declined at the provider.
	ConsentDeclined Code = 65004
	// FlowExpired: the sign-in took too long, or its cookie was lost.
	FlowExpired Code = 50089
	// CodeRedeemed: an authorization code or a state came a second time.
	CodeRedeemed Code = 54005
	// LoopDetected: a sign-in came back without its state twice in a row, or without what it was asked for twice.
	LoopDetected Code = 50196
	// MFARequired: a policy asks for a second factor, so the person signs in again.
	MFARequired Code = 50076
	// FrequencyAtRefresh: a sign-in is too old for a policy of the provider, as it says when asked for fresh claims.
	FrequencyAtRefresh Code = 70043
	// FrequencyExceeded: a sign-in is too old for a policy, as found at a request.
	FrequencyExceeded Code = 70044
	// ReauthenticationRequired: a policy asks for a sign-in every time.
	ReauthenticationRequired Code = 70046
	// SessionExpired: the session was not used for its idle limit, or for that of a policy, or reached its max lifetime.
	SessionExpired Code = 70008
	// GrantRevoked: the session was ended by an administrator or by the provider, which takes its refresh token no more.
	GrantRevoked Code = 50173
	// DeviceNotCompliant: a policy asks for a compliant device, and this one is known not to be.
	DeviceNotCompliant Code = 53000
	// DeviceUnknown: a policy asks about the device, of which nothing is known.
	DeviceUnknown Code = 50187
	// PlatformBlocked: a policy blocks the device's platform.
	PlatformBlocked Code = 50005
	// PolicyFailed: a policy could not be evaluated, which refuses the request.
	PolicyFailed Code = 50131
	// ProviderFailed: the provider answered with an error or with something that must not be accepted. Not a number
	// of Entra's: what it would be there, nobody outside could see.
	ProviderFailed Code = 900001
	// ProviderUnavailable: the provider could not be reached.
	ProviderUnavailable Code = 900002
	// StoreUnavailable: the session could not be written.
	StoreUnavailable Code = 900003
)

var reasons = map[Code]string{
	KeepMeSignedIn:     `This error occurred due to "Keep me signed in" interrupt when the user was signing in.`,
	SilentSignInFailed: "The provider has no session that signs the user in without a page.",
	BlockedByPolicy:    "Access has been blocked by a policy.",
	NotAssigned:        "The user is not among those whom the app admits.",
	StrongAuthRequired: "A policy requires a stronger sign-in, which was not passed.",
	ConsentRequired:    "The user has not consented at the provider.",
	ConsentDeclined:    "The user declined at the provider.",
	FlowExpired:        "The sign-in expired before it was finished.",
	CodeRedeemed:       "The answer of the provider was used before.",
	LoopDetected:       "The sign-in came back twice in a row without what it was sent for.",

	MFARequired:              "A policy requires multi-factor authentication.",
	FrequencyAtRefresh:       "The sign-in is older than the sign-in frequency at the provider allows; found at a refresh.",
	FrequencyExceeded:        "The sign-in is older than a policy's sign-in frequency allows.",
	ReauthenticationRequired: "A policy requires a sign-in every time.",
	SessionExpired:           "The session was not used for longer than it may be, or has reached its max lifetime.",
	GrantRevoked:             "The session, or its grant at the provider, was revoked.",
	DeviceNotCompliant:       "A policy requires a compliant device, and this one is not.",
	DeviceUnknown:            "A policy asks about the device, and nothing is known about it.",
	PlatformBlocked:          "A policy does not allow the platform of the device.",
	PolicyFailed:             "A policy could not be evaluated.",

	ProviderFailed:      "The provider refused, or its answer could not be accepted.",
	ProviderUnavailable: "The provider could not be reached.",
	StoreUnavailable:    "The session could not be written.",
}

// Reason is the failure reason that goes with the code, empty for Success. That of 50140 is verbatim (K19).
func (c Code) Reason() string { return reasons[c] }

// interrupted holds the codes that are an expected part of a sign-in, not a failure (L10, K21). It has all of them, not
// only those that are emitted here.
var interrupted = map[Code]bool{
	KeepMeSignedIn: true, SilentSignInFailed: true, 50072: true, StrongAuthRequired: true, MFARequired: true, 50079: true,
	50097: true, 50125: true, 50199: true, 16000: true, ConsentRequired: true, FrequencyAtRefresh: true,
	FrequencyExceeded: true, ReauthenticationRequired: true, 90095: true, 500121: true,
}

// The states of a sign-in (L8).
const (
	StatusSuccess     = "success"
	StatusFailure     = "failure"
	StatusInterrupted = "interrupted"
)

// Status sorts the code into success, failure and interrupted (L8, L10).
func (c Code) Status() string {
	switch {
	case c == Success:
		return StatusSuccess
	case interrupted[c]:
		return StatusInterrupted
	}
	return StatusFailure
}
