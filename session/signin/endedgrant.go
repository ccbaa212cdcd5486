package signin

import (
	"encoding/json"
	"slices"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// entraFrequency is what Entra calls a refresh token that the sign-in frequency of a policy there has ended (F4).
const entraFrequency = int(signinlog.FrequencyAtRefresh)

// tooOldAtEntra reports whether the body of a refusal says so: its error_codes are numbers, and the only part of it that is
// not written for people. No other provider tells why it takes a refresh token no more.
func tooOldAtEntra(body []byte) bool {
	var said struct {
		Codes []int `json:"error_codes"`
	}
	return json.Unmarshal(body, &said) == nil && slices.Contains(said.Codes, entraFrequency)
}

// ended is the entry of a session that a refusal of its refresh token ends: 70043 if the provider says that the sign-in is
// too old for a policy of its own, else 50173. A policy of ours that the sign-in is too old for speaks at a request (70044).
func (e *oauthError) ended() signinlog.Record {
	if e.frequency {
		return signinlog.Record{Code: signinlog.FrequencyAtRefresh, SessionLifetime: []string{signinlog.FrequencyPeriodic}}
	}
	return signinlog.Record{Code: signinlog.GrantRevoked}
}
