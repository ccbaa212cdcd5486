package policy_test

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/policy"
)

// An authentication that does not count any more demands a new one, without any policy; a refusal still comes first (R4),
// and a client without a session is asked to sign in as always.
func TestRenounced(t *testing.T) {
	user := alice("staff")
	for name, row := range map[string]struct {
		policies []policy.Policy
		want     policy.Verdict
		reason   policy.Reason
	}{
		"no policy":       {nil, policy.StepUp, policy.CredentialChanged},
		"blocked as well": {[]policy.Policy{blockFor(policy.Assignment{All: true}, policy.Assignment{})}, policy.Block, policy.Blocked},
		"a second factor is missing as well": {
			[]policy.Policy{{Name: "mfa", Include: policy.Assignment{All: true}, Require: []policy.Requirement{{Kind: policy.MFA}}}}, policy.StepUp, policy.CredentialChanged,
		},
	} {
		set := compile(t, policy.Config{Policies: row.policies})
		r := ask(set, user)
		r.Auth.Renounced = true
		d := set.Evaluate(r)
		if d.Verdict != row.want || d.Reason != row.reason {
			t.Errorf("%s: %s, %s", name, d.Verdict, d.Reason)
		}
		demands := d.Demand.Reauthenticate && d.Demand.PromptLogin && d.Demand.MaxAge == 0
		if demands != (row.want == policy.StepUp) || d.Demand.MFA != (len(row.policies) > 0 && row.want == policy.StepUp) {
			t.Errorf("%s: demands %+v", name, d.Demand)
		}
		r.Auth.Renounced = false
		if d := set.Evaluate(r); d.Reason == policy.CredentialChanged {
			t.Errorf("%s: %s without a report", name, d.Reason)
		}
	}
	set := compile(t, policy.Config{})
	r := anonymous()
	r.Auth.Renounced = true
	if d := set.Evaluate(r); d.Verdict != policy.SignIn {
		t.Errorf("anonymous: %s", d.Verdict)
	}
}
