package site

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Field trial 3.1: what the store cannot tell is called by the store's name, and nothing else is.
func TestUnavailableByCause(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{session.ErrUnavailable, "store_unavailable"},
		{errors.New("odd"), "store_unavailable"},
		{fmt.Errorf("%w, and claims are 26h old", oidc.ErrProviderDown), "provider_unavailable"},
	} {
		if got := unavailable(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
