package config

import (
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
)

// Assertion makes the site send its application a signed statement about the user: a JWT in the header
// X-Latchkey-Assertion. The application verifies the signature, so that it does not have to trust every client that can
// reach it. The public keys are at /.latchkey/keys of the site.
type Assertion struct {
	// The recipient: the claim `aud`. Default: the name of the app.
	Audience string `json:"audience,omitempty"`

	// The groups in the assertion: those that match one of these patterns. `*` matches any characters; case matters.
	// Policies always see all groups. Default: all groups; from about 200 groups on the header is then too long for
	// most servers.
	GroupsOnly []string `json:"groups_only,omitempty"`
}

// AssertionHeader is the header that carries the assertion. Package scrub deletes it from every request, in every
// spelling.
const AssertionHeader = "X-Latchkey-Assertion"

// Check refuses values that no assertion can carry. A nil assertion is none, and right.
func (a *Assertion) Check() error {
	if a == nil {
		return nil
	}
	if a.Audience != "" {
		if err := CheckName(a.Audience); err != nil {
			return fmt.Errorf("assertion: %w", err)
		}
	}
	if err := identity.CheckPatterns(a.GroupsOnly); err != nil {
		return fmt.Errorf("assertion: groups only: %w", err)
	}
	return nil
}
