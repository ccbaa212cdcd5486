package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// boundWait is where a page leads that was refused because the session is not bound to a key of the device, if the
// sign-in was a moment ago. If the session is bound now, the browser goes on to the page, whose policies decide. If not,
// the answer is the refusal again, and that page stays: it leads nowhere by itself, so there is no loop.
func (s *signInEndpoint) boundWait(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "to")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	to := browser.ReturnPath(q["to"])
	who, _, err := s.Record(r, v)
	switch {
	case err == nil && !who.Binding.Bound():
		why := &access.Refusal{Code: signinlog.DeviceNotBound, Reason: "binding_required", Title: pages.BlockBinding, Return: to}
		s.ExplainBinding(r, v, who, why, to, true)
		s.Refuse(w, r, v, who, why)
	case err == nil || access.NoSession(err):
		browser.SeeOther(w, to)
	default:
		s.StoreDown(w, r, v, err)
	}
}
