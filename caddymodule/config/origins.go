package config

import (
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// CheckOrigins refuses what is no origin. word is the option that the error names.
func CheckOrigins(word string, origins []string) error {
	for _, o := range origins {
		if err := crossorigin.Check(o); err != nil {
			return fmt.Errorf("%s: %q: %w", word, o, err)
		}
	}
	return nil
}

// CheckUpgrades refuses what is no name of a protocol to upgrade to.
func CheckUpgrades(protocols []string) error {
	for _, p := range protocols {
		if err := scrub.CheckUpgrade(p); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
	}
	return nil
}

// TrailingDotsKept is the value of Site.TrailingDots that keeps dots and spaces at the end of names.
const TrailingDotsKept = "keep"

// PathParametersKept is the value of Site.PathParameters.
const PathParametersKept = "keep"
