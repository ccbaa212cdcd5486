package caddyfile

import (
	"encoding"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/policy"
)

// What is suggested for a list of words is what the list takes: all of it and nothing else.
func TestWordListsAreComplete(t *testing.T) {
	holds(t, platformWords, policy.Platform.String)
	holds(t, clientWords, policy.Client.String)
	holds(t, riskWords, func(r policy.Risk) string {
		if r == policy.RiskUnreadable {
			return "invalid" // what a provider may state and no rule can name
		}
		return r.String()
	})
	holds(t, deviceWords, policy.Attribute.String)
}

func holds[T ~uint8, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, words []string, text func(T) string) {
	t.Helper()
	for i := T(0); !strings.HasPrefix(text(i), "invalid"); i++ {
		if !slices.Contains(words, text(i)) {
			t.Errorf("%s is missing among %v", text(i), words)
		}
	}
	for _, w := range words {
		var v T
		if err := P(&v).UnmarshalText([]byte(w)); err != nil {
			t.Error(err)
		}
	}
}
