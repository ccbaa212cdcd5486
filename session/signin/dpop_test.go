package signin

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

func demanding(t *testing.T, on bool, typ string) *gateway {
	t.Helper()
	return newGateway(t, func(s *settings) {
		s.recheck = time.Hour
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.TokenBody = map[string]any{"token_type": typ}
		s.provider = func(c *oidc.Config) { c.DPoP = on }
	})
}

// RFC 9449, section 5: what was to be bound and is not is refused, and so is what was not asked for.
func TestTokenType(t *testing.T) {
	for _, row := range []struct {
		on   bool
		typ  string
		good bool
	}{
		{true, "DPoP", true},
		{true, "dpop", true},
		{true, "Bearer", false},
		{true, "", false},
		{false, "DPoP", false},
		{false, "Bearer", true},
	} {
		g := demanding(t, row.on, row.typ)
		b := g.browser()
		r := b.callback(b.toProvider("/"))
		if good := stays(r.location); good != row.good {
			t.Errorf("dpop %t, %q: %d to %q", row.on, row.typ, r.status, r.location)
		}
		if !row.good && (r.status != http.StatusBadGateway || g.log.last(t).Code != signinlog.ProviderFailed) {
			t.Errorf("dpop %t, %q: %d, log %d", row.on, row.typ, r.status, g.log.last(t).Code)
		}
	}
}
