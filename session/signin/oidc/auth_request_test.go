package oidc

import "testing"

// A provider that can have users choose their account is asked for that, any other one for a sign-in.
func TestOtherPrompt(t *testing.T) {
	for want, m := range map[string]Metadata{"select_account": {Prompts: []string{"none", "select_account"}}, "login": {}} {
		if got := m.otherPrompt(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
