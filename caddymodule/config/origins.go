package config

import (
	"fmt"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

func CheckOrigins(word string, origins []string) error {
	for _, o := range origins {
		if err := crossorigin.Check(o); err != nil {
			return fmt.Errorf("%s: %q: %w", word, o, err)
		}
	}
	return nil
}

func CheckUpgrades(protocols []string) error {
	for _, p := range protocols {
		if err := scrub.CheckUpgrade(p); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
	}
	return nil
}

// TrailingDotsKept is the value of Handler.TrailingDots.
const TrailingDotsKept = "keep"

const PathParametersKept = "keep"
