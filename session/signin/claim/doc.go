// Package claim parses the claims of a provider. All claims that Latchkey uses are parsed here, so that a value means
// the same in all settings that name a claim: groups_claim, guest_claim, risk_claim, device_claim, inherit_claim,
// user_claim and header.
//
// A claim is absent, known or unclear. Absent: the provider states nothing. Unclear: it states an unknown value. The
// two differ: a rule that restricts applies to an unclear value, a rule that grants access does not.
//
// parse.go splits JSON, set.go finds a claim in it, value.go says what it is, reduce.go keeps some.
//
// The package does no I/O and knows no configuration. Package signin decides what a value means for a session.
package claim
