package renew

import (
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// entraFrequency is what Entra calls a refresh token that the sign-in frequency of a policy there has ended (F4). No other
// provider tells why it does not take a refresh token any more.
const entraFrequency = int(signinlog.FrequencyAtRefresh)

// tooOldAtProvider reports whether the provider says that the sign-in is too old for a policy of its own.
func tooOldAtProvider(e *grant.Error) bool { return e.Has(entraFrequency) }

// endedByGrant is the entry of a session that a refusal of its refresh token ends: 70043 if the provider says that the
// sign-in is too old for a policy of its own, else 50173. A policy of ours that the sign-in is too old for is met at a
// request (70044).
func endedByGrant(e *grant.Error) signinlog.Record {
	if tooOldAtProvider(e) {
		return signinlog.Record{
			Code: signinlog.FrequencyAtRefresh, Detail: e.Detail(), SessionLifetime: []string{signinlog.FrequencyPeriodic},
		}
	}
	return signinlog.Record{Code: signinlog.GrantRevoked, Detail: e.Detail()}
}
