package signals

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Kind is a kind of event that is known here, by the last part of its URI.
type Kind string

// The events of CAEP 1.0.
const (
	SessionRevoked         Kind = "session-revoked"
	TokenClaimsChange      Kind = "token-claims-change"
	CredentialChange       Kind = "credential-change" //nolint:gosec // the name of an event
	AssuranceLevelChange   Kind = "assurance-level-change"
	DeviceComplianceChange Kind = "device-compliance-change"
	SessionEstablished     Kind = "session-established"
	SessionPresented       Kind = "session-presented"
	RiskLevelChange        Kind = "risk-level-change"
)

// The events of RISC 1.0.
const (
	CredentialChangeRequired   Kind = "account-credential-change-required"
	AccountPurged              Kind = "account-purged"
	AccountDisabled            Kind = "account-disabled"
	AccountEnabled             Kind = "account-enabled"
	IdentifierChanged          Kind = "identifier-changed"
	IdentifierRecycled         Kind = "identifier-recycled"
	CredentialCompromise       Kind = "credential-compromise" //nolint:gosec // the name of an event
	OptIn                      Kind = "opt-in"
	OptOutInitiated            Kind = "opt-out-initiated"
	OptOutCancelled            Kind = "opt-out-cancelled"
	OptOutEffective            Kind = "opt-out-effective"
	RecoveryActivated          Kind = "recovery-activated"
	RecoveryInformationChanged Kind = "recovery-information-changed"
	// SessionsRevoked is deprecated: new transmitters send SessionRevoked.
	SessionsRevoked Kind = "sessions-revoked"
)

// The messages about a stream itself, of the Shared Signals Framework 1.0.
const (
	Verification  Kind = "verification"
	StreamUpdated Kind = "stream-updated"
)

// ProviderSignedOut is what a logout token says (OpenID Connect Back-Channel Logout 1.0). No security event token has it.
const ProviderSignedOut Kind = "back-channel logout"

// GlobalRevocation is what a request for revocation says (draft-parecki-oauth-global-token-revocation). No security event
// token has it.
const GlobalRevocation Kind = "global-token-revocation"

const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
	ssf  = "https://schemas.openid.net/secevent/ssf/event-type/"
	// sse and the verification under risc are from drafts, and still sent.
	sse = "https://schemas.openid.net/secevent/sse/event-type/"
)

// kinds are the known events by their URIs.
var kinds = func() map[string]Kind {
	known := map[string]Kind{risc + string(Verification): Verification}
	for prefix, list := range map[string][]Kind{
		caep: {
			SessionRevoked, TokenClaimsChange, CredentialChange, AssuranceLevelChange, DeviceComplianceChange, SessionEstablished,
			SessionPresented, RiskLevelChange,
		},
		risc: {
			CredentialChangeRequired, AccountPurged, AccountDisabled, AccountEnabled, IdentifierChanged, IdentifierRecycled,
			CredentialCompromise, OptIn, OptOutInitiated, OptOutCancelled, OptOutEffective, RecoveryActivated,
			RecoveryInformationChanged, SessionsRevoked,
		},
		ssf: {Verification, StreamUpdated},
		sse: {Verification, StreamUpdated},
	} {
		for _, kind := range list {
			known[prefix+string(kind)] = kind
		}
	}
	return known
}()

// Useful returns the URIs of the events from which something can follow, sorted: what a receiver asks a transmitter for.
// The deprecated SessionsRevoked is among them, for transmitters that know nothing newer.
func Useful() []string {
	useful := map[string][]Kind{
		caep: {SessionRevoked, TokenClaimsChange, CredentialChange, AssuranceLevelChange, DeviceComplianceChange, RiskLevelChange},
		risc: {
			CredentialChangeRequired, AccountPurged, AccountDisabled, AccountEnabled, IdentifierChanged, IdentifierRecycled,
			CredentialCompromise, RecoveryActivated, RecoveryInformationChanged, SessionsRevoked,
		},
	}
	var uris []string
	for prefix, list := range useful {
		for _, kind := range list {
			uris = append(uris, prefix+string(kind))
		}
	}
	slices.Sort(uris)
	return uris
}

// KindOf returns the kind of the event with a URI; empty if it is not known here.
func KindOf(uri string) Kind { return kinds[uri] }

// Event is what happened.
type Event struct {
	// Kind is empty for an event that is not known here.
	Kind Kind
	// Change, Credential, Direction, Level, Principal, Status and By are words of the event, each one of those that the
	// specifications define, else empty: a value from outside that nothing bounds is in no log.
	//
	// Change is change_type of CredentialChange, Credential its credential_type. Direction is change_direction of
	// AssuranceLevelChange. Level is current_level and Principal is principal of RiskLevelChange. Status is current_status
	// of DeviceComplianceChange, and status of StreamUpdated. By is initiating_entity. Reason is the reason of
	// AccountDisabled.
	Change, Credential, Direction, Level, Principal, Status, By, Reason string
	// State is the state of Verification, as we have sent it; empty if the transmitter sent it by itself.
	State string
	// Because is the reason of StreamUpdated, as the transmitter writes it but limited and escaped.
	Because string
}

// words are the values that a member of an event may have. A value is compared without regard to case, because CAEP has
// upper-case and lower-case words.
var words = map[string][]string{
	"change_type":      {"create", "revoke", "update", "delete"},
	"credential_type":  {"password", "pin", "x509", "fido2-platform", "fido2-roaming", "fido-u2f", "verifiable-credential", "phone-voice", "phone-sms", "app"},
	"change_direction": {"increase", "decrease"},
	"current_level":    {"low", "medium", "high"},
	"principal":        {"user", "device", "session", "tenant", "org_unit", "group"},
	"current_status":   {"compliant", "not-compliant"},
	"status":           {"enabled", "paused", "disabled"},
	"initiating_entity": {
		"admin", "user", "policy", "system",
	},
	"reason": {"hijacking", "bulk-account"},
}

func readEvent(uri string, body map[string]json.RawMessage) Event {
	e := Event{Kind: kinds[uri]}
	for name, to := range map[string]*string{
		"change_type": &e.Change, "credential_type": &e.Credential, "change_direction": &e.Direction, "principal": &e.Principal,
		"initiating_entity": &e.By,
	} {
		*to = wordOf(name, body[name])
	}
	switch e.Kind {
	case RiskLevelChange:
		e.Level = wordOf("current_level", body["current_level"])
	case DeviceComplianceChange:
		e.Status = wordOf("current_status", body["current_status"])
	case StreamUpdated:
		e.Status = wordOf("status", body["status"])
		because, _ := claim.ParseString(body["reason"])
		e.Because = grant.Say(because)
	case AccountDisabled:
		e.Reason = wordOf("reason", body["reason"])
	case Verification:
		e.State, _ = claim.ParseString(body["state"])
	}
	return e
}

func wordOf(name string, raw json.RawMessage) string {
	text, _ := claim.ParseString(raw)
	for _, word := range words[name] {
		if strings.EqualFold(text, word) {
			return word
		}
	}
	return ""
}

// String returns the event with what it says of itself, for the log: "credential-change: update of password, by admin".
func (e *Event) String() string {
	if e.Kind == "" {
		return "unknown event"
	}
	text := string(e.Kind)
	said := []string{}
	switch {
	case e.Change != "" && e.Credential != "":
		said = append(said, e.Change+" of "+e.Credential)
	case e.Change != "":
		said = append(said, e.Change)
	}
	for _, word := range []string{e.Direction, e.Level, e.Status, e.Reason} {
		if word != "" {
			said = append(said, word)
		}
	}
	if e.By != "" {
		said = append(said, "by "+e.By)
	}
	if len(said) > 0 {
		text += ": " + strings.Join(said, ", ")
	}
	return text
}
