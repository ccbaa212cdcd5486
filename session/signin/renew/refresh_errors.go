package renew

import (
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// entraFrequency is Entra's code for a refresh token that a sign-in frequency policy there has ended (F4). No other
// provider states why it refuses a refresh token.
const entraFrequency = int(signinlog.FrequencyAtRefresh)

// tooOldAtProvider reports whether the provider says that the sign-in is too old for its own policy.
func tooOldAtProvider(e *grant.Error) bool { return e.Has(entraFrequency) }

// endedByGrant returns the log entry of a session that a refusal of its refresh token ends: 70043 if the provider says
// that the sign-in is too old for its own policy, else 50173. A policy of Latchkey for which the sign-in is too old is
// evaluated at a request (70044).
func endedByGrant(e *grant.Error) signinlog.Record {
	if tooOldAtProvider(e) {
		return signinlog.Record{
			Code: signinlog.FrequencyAtRefresh, Detail: e.Detail(), SessionLifetime: []string{signinlog.FrequencyPeriodic},
		}
	}
	return signinlog.Record{Code: signinlog.GrantRevoked, Detail: e.Detail()}
}
