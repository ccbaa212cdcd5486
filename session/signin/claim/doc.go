// Package claim reads the claims of a provider. Everything that Latchkey takes from a claim is read here, so that a value
// means the same wherever a claim is named: in groups_claim, guest_claim, risk_claim, device_claim, inherit_claim,
// user_claim and header.
//
// A claim is absent, known or unclear. Absent: the provider says nothing. Unclear: it says something that is no known
// word. The two are never the same: a rule that restricts holds for an unclear value, a rule that opens a way does not.
//
// The package does no I/O and knows no configuration. What a value means for a session is decided in package signin.
package claim
