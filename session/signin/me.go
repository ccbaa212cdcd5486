package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const actionMe = "me"

// visitor is somebody at their own page: their session, its token and what the policies say of them now.
type visitor struct {
	session   *session.Record
	token     session.Token
	admission Admission
}

// me shows people their sessions and sign-ins (GET, L7), and changes what is theirs (POST). Where there is a sign-in host,
// the page is there: it has the cookies that a change has to reach.
func (s *account) me(w http.ResponseWriter, r *http.Request, v *Visit) {
	if s.handsOver(v) && !browser.WantsJSON(r) {
		s.toSignInHost(w, browser.AccountPath)
		return
	}
	who, ok := s.visitor(w, r, v)
	switch {
	case !ok:
	case r.Method == http.MethodPost:
		s.changeMine(w, r, v, who)
	default:
		s.showMine(w, r, v, who)
	}
}

// visitor lets somebody to their page as the guard of a site lets them to the site: whoever holds a cookie that the
// policies refuse here is told nothing either. ok is false if the request is answered.
func (s *account) visitor(w http.ResponseWriter, r *http.Request, v *Visit) (who visitor, ok bool) {
	have, token, err := s.Authenticate(r, v)
	if err == nil {
		have, err = s.Recheck(r, have, token)
	}
	var record *session.Record
	if err == nil {
		record, err = have.Record()
	}
	if err != nil {
		s.noVisitor(w, r, v, err)
		return who, false
	}
	admission := v.Site.Gate.Admit(v, record, Asked{})
	switch {
	case admission.Demand != nil:
		why := admission.Refusal
		if why == nil {
			why = &Refusal{}
		}
		s.StepUp(w, r, v, record, why, admission.Demand)
		return who, false
	case admission.Refusal != nil:
		s.Refuse(w, r, v, record, admission.Refusal)
		return who, false
	}
	tight, err := s.Tighten(w, r, v, have, admission.Persistence)
	if err == nil && tight != have {
		record, err = tight.Record()
	}
	if err != nil {
		s.noVisitor(w, r, v, err)
		return who, false
	}
	return visitor{session: record, token: token, admission: admission}, true
}

func (s *account) noVisitor(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	if !NoSession(err) {
		s.Unavailable(w, r, v, err)
		return
	}
	s.Challenge(w, r, v, err, nil)
}

func (s *account) showMine(w http.ResponseWriter, r *http.Request, v *Visit, who visitor) {
	o, err := s.overview(r, v, who)
	switch {
	case err != nil:
		s.storeDown(w, r, v, err)
	case browser.WantsJSON(r):
		writeMine(w, r, o)
	default:
		s.Pages.Write(w, r, http.StatusOK, o.page())
	}
}
