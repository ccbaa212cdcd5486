package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// boundAnswer notes what a browser is answered when it registers a key or proves that it has it.
type boundAnswer struct {
	http.ResponseWriter
	status int
}

func (a *boundAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// result is what became of it, by the answer: success gives a cookie.
func (a *boundAnswer) result() string {
	switch {
	case a.status == http.StatusForbidden:
		return access.BindingRefused
	case a.status >= http.StatusInternalServerError:
		return access.BindingUnavailable
	case len(a.Header()["Set-Cookie"]) == 0:
		return access.BindingEnded
	}
	return access.BindingDone
}

// counting tells Config.OnBinding what becomes of a step of a binding.
func counting(step string, serve func(*Service, http.ResponseWriter, *http.Request, *access.Visit)) func(*Service, http.ResponseWriter, *http.Request, *access.Visit) {
	return func(s *Service, w http.ResponseWriter, r *http.Request, v *access.Visit) {
		answer := &boundAnswer{ResponseWriter: w}
		serve(s, answer, r, v)
		if s.OnBinding != nil {
			s.OnBinding(step, answer.result())
		}
	}
}
