package caddyfile

import (
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/policy"
)

// firstProblem returns the first problem that package policy found, in the form of the other errors of this package. It
// returns nil if there is none.
func firstProblem(err error) error {
	var c *policy.ConfigError
	if !errors.As(err, &c) {
		return err
	}
	problem := c.Problem
	if c.Policy != "" {
		problem = fmt.Sprintf("policy %q: %s", c.Policy, problem)
	}
	if c.Position == "" {
		return errors.New(problem)
	}
	return grammar.LocatedAt(c.Position, problem)
}
