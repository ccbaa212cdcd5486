package signals

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Every event of the three specifications is known by its URI, and by no other.
func TestReadEvent(t *testing.T) {
	for _, row := range []struct{ uri, body, want string }{
		{caep + "session-revoked", `{"initiating_entity":"admin"}`, "session-revoked: by admin"},
		{caep + "credential-change", `{"change_type":"update","credential_type":"password"}`, "credential-change: update of password"},
		{caep + "credential-change", `{"change_type":"REVOKE","credential_type":"fido2-roaming","initiating_entity":"user"}`, "credential-change: revoke of fido2-roaming, by user"},
		{caep + "assurance-level-change", `{"change_direction":"decrease","current_level":"nist-aal1"}`, "assurance-level-change: decrease"},
		{caep + "device-compliance-change", `{"current_status":"not-compliant","previous_status":"compliant"}`, "device-compliance-change: not-compliant"},
		{caep + "risk-level-change", `{"current_level":"HIGH","principal":"USER"}`, "risk-level-change: high"},
		{caep + "token-claims-change", `{"claims":{"role":"ro-admin"}}`, "token-claims-change"},
		{caep + "session-established", `{}`, "session-established"},
		{caep + "session-presented", `{}`, "session-presented"},
		{risc + "account-disabled", `{"reason":"hijacking"}`, "account-disabled: hijacking"},
		{risc + "account-disabled", `{"reason":"a text of the transmitter's own"}`, "account-disabled"},
		{risc + "account-enabled", `{}`, "account-enabled"},
		{risc + "account-purged", `{}`, "account-purged"},
		{risc + "account-credential-change-required", `{}`, "account-credential-change-required"},
		{risc + "identifier-changed", `{"new-value":"ada@new.example"}`, "identifier-changed"},
		{risc + "identifier-recycled", `{}`, "identifier-recycled"},
		{risc + "credential-compromise", `{"credential_type":"password"}`, "credential-compromise"},
		{risc + "opt-in", `{}`, "opt-in"},
		{risc + "opt-out-initiated", `{}`, "opt-out-initiated"},
		{risc + "opt-out-cancelled", `{}`, "opt-out-cancelled"},
		{risc + "opt-out-effective", `{}`, "opt-out-effective"},
		{risc + "recovery-activated", `{}`, "recovery-activated"},
		{risc + "recovery-information-changed", `{}`, "recovery-information-changed"},
		{risc + "sessions-revoked", `{}`, "sessions-revoked"},
		{ssf + "verification", `{"state":"s"}`, "verification"},
		{sse + "verification", `{}`, "verification"},
		{risc + "verification", `{}`, "verification"},
		{ssf + "stream-updated", `{"status":"paused","reason":"a text"}`, "stream-updated: paused"},
		{"https://e.example/" + "account-disabled", `{}`, "unknown event"},
		{risc + "account-disabled/", `{}`, "unknown event"},
		{risc + "Account-Disabled", `{}`, "unknown event"},
		{caep + "account-disabled", `{}`, "unknown event"},
	} {
		body, err := claim.Parse([]byte(row.body))
		if err != nil {
			t.Fatal(err)
		}
		e := readEvent(row.uri, body)
		if got := e.String(); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.uri, row.body, got, row.want)
		}
	}
	e := readEvent(ssf+"verification", map[string]json.RawMessage{"state": json.RawMessage(`"VGhpcw"`)})
	if e.State != "VGhpcw" {
		t.Errorf("state %q", e.State)
	}
}

// A transmitter is asked for exactly the events from which something can follow.
func TestUseful(t *testing.T) {
	useful := Useful()
	for uri, kind := range kinds {
		event := Event{Kind: kind, Change: "update", Credential: "password", Direction: "decrease", Level: "high", Status: "compliant"}
		follows := (&Options{}).effect(&event) != Ignored
		if slices.Contains(useful, uri) != follows {
			t.Errorf("%s: something follows: %t, it is asked for: %t", uri, follows, !follows)
		}
	}
	for _, uri := range useful {
		if KindOf(uri) == "" {
			t.Errorf("%s is not known", uri)
		}
	}
}
