package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// resolve replaces the placeholders of a configured value. An unknown placeholder or an empty one is an error: a
// secret that is missing refuses the configuration (A56).
func resolve(what, value string) (string, error) {
	v, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
