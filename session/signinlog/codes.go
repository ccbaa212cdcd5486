package signinlog

// Code is the error code of a record: 0 for success, else the number that Entra logs for the same outcome
// (semantics, section 4c).
type Code int

// The codes that Latchkey uses.
const (
	Success Code = 0
	// KeepMeSignedIn: the prompt was abandoned (K18).
	KeepMeSignedIn Code = 50140
	// SilentSignInFailed: the provider has no session that works without asking the user.
	SilentSignInFailed Code = 50058
	// BlockedByPolicy: a policy does not allow the sign-in.
	BlockedByPolicy Code = 53003
	// NotAssigned: the site's lists do not admit this user.
	NotAssigned Code = 50105
	// StrongAuthRequired: a policy demanded a stronger sign-in; the provider was asked for it and it was not achieved.
	StrongAuthRequired Code = 50074
	// ConsentRequired: the provider requires the user's consent first.
	ConsentRequired Code = 65001
	// ConsentDeclined: the user declined at the provider.
	ConsentDeclined Code = 65004
	// FlowExpired: the sign-in took too long, or its cookie was lost.
	FlowExpired Code = 50089
	// CodeRedeemed: an authorization code or a state was used a second time.
	CodeRedeemed Code = 54005
	// LoopDetected: a sign-in came back twice in a row without its state, or without achieving what was demanded.
	LoopDetected Code = 50196
	// MFARequired: a policy demands a second factor, so the user signs in again.
	MFARequired Code = 50076
	// FrequencyAtRefresh: a sign-in is too old for a policy of the provider, as the provider states at a refresh of the
	// claims.
	FrequencyAtRefresh Code = 70043
	// FrequencyExceeded: a sign-in is too old for a policy of Latchkey; noticed at a request.
	FrequencyExceeded Code = 70044
	// ReauthenticationRequired: a policy demands a sign-in every time.
	ReauthenticationRequired Code = 70046
	// SessionExpired: the session was idle for longer than its idle limit or that of a policy, or reached its max
	// lifetime.
	SessionExpired Code = 70008
	// GrantRevoked: an administrator or the provider ended the session, or the provider does not accept its refresh
	// token any more.
	GrantRevoked Code = 50173
	// DeviceNotCompliant: a policy demands a compliant device, and this one is not.
	DeviceNotCompliant Code = 53000
	// DeviceUnknown: a policy depends on the device, about which nothing is known.
	DeviceUnknown Code = 50187
	// DeviceNotBound: a policy demands a session that is bound to a key of the device, and this one is not.
	DeviceNotBound Code = 50155
	// PlatformBlocked: a policy blocks the device's platform.
	PlatformBlocked Code = 50005
	// PolicyFailed: a policy could not be evaluated, which refuses the request.
	PolicyFailed Code = 50131
	// ProviderFailed: the provider answered with an error or with something that must be refused. It is not one of
	// Entra's numbers, because only the provider knows which of those would apply.
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
	DeviceNotBound:           "A policy requires a session that is bound to its device, and this one is not.",
	PlatformBlocked:          "A policy does not allow the platform of the device.",
	PolicyFailed:             "A policy could not be evaluated.",

	ProviderFailed:      "The provider refused, or its answer could not be accepted.",
	ProviderUnavailable: "The provider could not be reached.",
	StoreUnavailable:    "The session could not be written.",
}

// Reason returns the failure reason of the code, empty for Success. That of 50140 is verbatim (K19).
func (c Code) Reason() string { return reasons[c] }

// interrupted contains the codes that are an expected part of a sign-in, not a failure (L10, K21). It has all of
// Entra's, not only those that Latchkey uses.
var interrupted = map[Code]bool{
	KeepMeSignedIn: true, SilentSignInFailed: true, 50072: true, StrongAuthRequired: true, MFARequired: true, 50079: true,
	50097: true, 50125: true, 50199: true, 16000: true, ConsentRequired: true, FrequencyAtRefresh: true,
	FrequencyExceeded: true, ReauthenticationRequired: true, 90095: true, 500121: true,
}

// The values of a sign-in's status (L8).
const (
	StatusSuccess     = "success"
	StatusFailure     = "failure"
	StatusInterrupted = "interrupted"
)

// Status returns success, failure or interrupted (L8, L10).
func (c Code) Status() string {
	switch {
	case c == Success:
		return StatusSuccess
	case interrupted[c]:
		return StatusInterrupted
	}
	return StatusFailure
}
