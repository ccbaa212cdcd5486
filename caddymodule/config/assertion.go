package config

import (
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
)

// Assertion has the site tell its application who is there by a signed statement: a JWT in the header
// X-Latchkey-Assertion, so that the application can tell our word from anybody else's who can reach it. The public keys are
// at /.latchkey/keys of the site.
type Assertion struct {
	// Who it is for: the claim `aud`. Default: the name of the app.
	Audience string `json:"audience,omitempty"`

	// The groups that it lists: those that match one of these patterns, in which `*` stands for any characters. Upper and
	// lower case differ. Policies have all groups in any case. Default: all groups, which make the header too long for most
	// servers from some 200 on.
	GroupsOnly []string `json:"groups_only,omitempty"`
}

// AssertionHeader is one of those that scrub takes off every request, in every spelling.
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
