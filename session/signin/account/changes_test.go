package account

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A change can meet a session that was ended meanwhile, or sessions that are being ended: a sign-in is missing then, and the
// reason is passed on to it.
func TestChangeMeetsAnEnd(t *testing.T) {
	for name, row := range map[string]struct {
		err    error
		status int
	}{
		"ended":    {fmt.Errorf("keeping session: %w", session.ErrNotFound), http.StatusUnauthorized},
		"expired":  {session.ErrExpired, http.StatusUnauthorized},
		"revoked":  {fmt.Errorf("keeping session: %w", session.ErrRevoked), http.StatusUnauthorized},
		"no store": {session.ErrUnavailable, http.StatusServiceUnavailable},
	} {
		d := newDesk(t)
		r := httptest.NewRequest(http.MethodPost, browser.AccountPath, strings.NewReader("{}"))
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		d.mineFailed(w, r, &access.Visit{Site: d.site, Host: "localhost"}, row.err)
		if w.Code != row.status {
			t.Errorf("%s: %d", name, w.Code)
		}
		if asked := d.challenged == row.err; asked != (row.status == http.StatusUnauthorized) { //nolint:errorlint // the very error
			t.Errorf("%s: a sign-in is asked for because of %v", name, d.challenged)
		}
	}
}
