package caddyfile

import (
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/policy"
)

// firstProblem is the first of the problems that package policy found, if any, told like every other error here.
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
