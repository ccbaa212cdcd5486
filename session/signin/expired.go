package signin

import (
	"errors"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// logExpired writes the entry of a session that its idle limit or max lifetime has ended (70008), if err is of one. It is
// written when the cookie comes back, by whoever removes the record: once for a session. What cannot be removed is not
// logged, for it could be twice.
func (s *Service) logExpired(r *http.Request, v *Visit, err error) {
	var over *session.Expired
	if !errors.As(err, &over) {
		return
	}
	v.expired = over.Record
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	if first, err := s.Sessions.EndExpired(ctx, over); err != nil || !first {
		return
	}
	rec := person(over.Record, signinlog.Record{
		Code: signinlog.SessionExpired, Detail: over.Limit + " of a " + over.Record.Kind.String() + " session",
		Created: s.Now(), App: v.Site.App, IP: v.IP.String(), UserAgent: browser.UserAgent(r),
	})
	rec.Interactive = false
	s.write(rec)
}
