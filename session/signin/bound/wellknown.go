package bound

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// wellKnown is where a browser asks the domain of a site which of its hosts may bind a session for all of them. It sends no
// cookies.
const wellKnown = "/.well-known/device-bound-sessions"

// AnswersBrowser answers that question where this configuration serves the domain. It returns false, and has answered
// nothing, for any other request.
func (s *Binder) AnswersBrowser(w http.ResponseWriter, r *http.Request, v *access.Visit) bool {
	if r.URL.Path != wellKnown || s.Binds.Site == "" || v.Host != s.Binds.Site || !v.Secure || r.Method != http.MethodGet {
		return false
	}
	write(w, http.StatusOK, struct {
		Origins []string `json:"registering_origins"`
	}{[]string{s.SignInHost}})
	return true
}
