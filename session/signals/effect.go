package signals

import (
	"cmp"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Effect is what follows from an event.
type Effect uint8

// The effects. None of them signs a user in or widens what a user may do.
const (
	// Ignored: the event is not known here, or nothing follows from it.
	Ignored Effect = iota
	// Logged: only the sign-in log says that it happened.
	Logged
	// Ended: the sessions that the event names end, and a sign-in in progress creates none.
	Ended
	// Reauthenticated: the user must authenticate again; a sign-in from before the event does not count any more.
	Reauthenticated
	// Weakened: what an earlier sign-in proved beyond the identity, such as a second factor, does not count any more.
	Weakened
	// Risky: a risk of the user or of the sign-in is known for a time.
	Risky
	// Rechecked: the provider is asked for the claims at the next request.
	Rechecked
	// DeviceState: the state of the device is known for a time.
	DeviceState
)

// Options are the choices that the configuration leaves to an operator.
type Options struct {
	// CredentialChange is what follows from CredentialChange. Zero: Reauthenticated.
	CredentialChange Effect
	// SessionOnly: a SessionRevoked that names only a user ends nothing. Otherwise it ends all sessions of the user.
	SessionOnly bool
	// RiskTTL is how long a risk or the state of a device counts. Zero: DefaultRiskTTL.
	RiskTTL time.Duration
}

// DefaultRiskTTL is the default of Options.RiskTTL.
const DefaultRiskTTL = 24 * time.Hour

// effect returns what follows from an event.
func (o *Options) effect(e *Event) Effect {
	switch e.Kind {
	case SessionRevoked, SessionsRevoked, AccountDisabled, AccountPurged, CredentialCompromise, IdentifierChanged, IdentifierRecycled, ProviderSignedOut,
		GlobalRevocation:
		return Ended
	case CredentialChange:
		if !e.weakens() {
			return Logged
		}
		return cmp.Or(o.CredentialChange, Reauthenticated)
	case CredentialChangeRequired:
		return Reauthenticated
	case AssuranceLevelChange:
		if e.Direction == "decrease" {
			return Weakened
		}
		return Logged
	case RiskLevelChange:
		if e.Level != "" {
			return Risky
		}
		return Logged
	case DeviceComplianceChange:
		if e.Status != "" {
			return DeviceState
		}
		return Logged
	case TokenClaimsChange:
		return Rechecked
	case AccountEnabled, RecoveryActivated, RecoveryInformationChanged:
		return Logged
	}
	return Ignored
}

// reported returns what is kept with the sessions of a user. ok is false if the effect keeps nothing. What an event says
// the claims are now is not kept: it is a hint, and the provider is asked. What it stated before now is asked for again,
// however old the event is: many are dated to the second only, and to ask once more does no harm.
func (r *Report) reported(effect Effect, now time.Time) (said session.Signalled, ok bool) {
	stated := func(value string) session.Stated {
		return session.Stated{
			Value: value, Since: r.At, Until: r.At.Add(cmp.Or(r.Options.RiskTTL, DefaultRiskTTL)), From: r.From,
		}
	}
	switch e := &r.Event; effect {
	case Reauthenticated:
		said.Reauthenticate = r.At
	case Weakened:
		said.Weakened = r.At
	case Rechecked:
		said.Recheck = now
	case Risky:
		if e.Principal == "" || e.Principal == "user" {
			said.UserRisk = stated(e.Level)
		} else {
			said.SignInRisk = stated(e.Level)
		}
	case DeviceState:
		said.Compliant = stated(strconv.FormatBool(e.Status == "compliant"))
	default:
		return said, false
	}
	return said, true
}

// weakens reports whether a credential that a sign-in may have used is not good any more: a password that was changed, or
// any credential that was withdrawn.
func (e *Event) weakens() bool {
	switch e.Change {
	case "revoke", "delete":
		return true
	case "update":
		return e.Credential == "password"
	}
	return false
}
