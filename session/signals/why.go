package signals

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Why is what users are told about an event that has ended their sessions, or demands a new sign-in. It never says more
// than the kind of the event.
type Why string

// The reasons. Empty: the users are told nothing, because they did it themselves, or because the event ends nothing.
const (
	WhyAccount    Why = "account"    // the account was disabled or removed
	WhyCredential Why = "credential" // a password or another way to sign in was changed or withdrawn
	WhyCompromise Why = "compromise" // another person may know how the user signs in
	WhyIdentifier Why = "identifier" // the address or the name of the account was changed
	WhySessions   Why = "sessions"   // the sessions were ended
)

// byUser is what Event.String ends with if the event says that its user has caused it.
const byUser = "by user"

func (e *Event) why() Why {
	if e.By == "user" {
		return ""
	}
	return whys[e.Kind]
}

var whys = map[Kind]Why{
	AccountDisabled: WhyAccount, AccountPurged: WhyAccount, CredentialChange: WhyCredential, CredentialChangeRequired: WhyCredential,
	CredentialCompromise: WhyCompromise, IdentifierChanged: WhyIdentifier, IdentifierRecycled: WhyIdentifier,
	SessionRevoked: WhySessions, SessionsRevoked: WhySessions, GlobalRevocation: WhySessions,
}

// WhyOf returns the reason of an entry of the sign-in log. It is empty for an entry that no event has caused, or an event
// that has changed nothing for the user.
func WhyOf(e *signinlog.Record) Why {
	if e.InitiatedBy == nil || e.Code != signinlog.GrantRevoked && e.Code != signinlog.ReauthenticationRequired {
		return ""
	}
	if said, _, _ := strings.Cut(e.Detail, ";"); strings.HasSuffix(said, byUser) {
		return ""
	}
	return whys[Kind(e.InitiatedBy.Activity)]
}
