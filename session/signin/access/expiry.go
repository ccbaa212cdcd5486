package access

import (
	"errors"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// endedIdle is the error of a session that idle sign-out has ended at this request.
type endedIdle struct{ session *session.Record }

func (*endedIdle) Error() string { return session.ErrEndedIdle.Error() }

func (*endedIdle) Unwrap() error { return session.ErrEndedIdle }

// EndedBy is the session that was presented and that its limits, or idle sign-out, have just ended, as an error of Session
// tells; nil if it tells of none.
func EndedBy(err error) *session.Record {
	var expired *session.Expired
	if errors.As(err, &expired) {
		return expired.Record
	}
	var idle *endedIdle
	if errors.As(err, &idle) {
		return idle.session
	}
	return nil
}

// logExpired writes the entry of a session that its idle limit or max lifetime has ended (70008), if err is of one. It is
// written when the cookie comes back, by the request that removes the record, so once for a session. A record that cannot
// be removed is not logged, because another request could log it as well.
func (s *Authenticator) logExpired(r *http.Request, v *Visit, err error) {
	var over *session.Expired
	if !errors.As(err, &over) {
		return
	}
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	if first, err := s.Sessions.EndExpired(ctx, over); err != nil || !first {
		return
	}
	rec := EntryOf(over.Record, signinlog.Record{
		Code: signinlog.SessionExpired, Detail: over.Limit + " of a " + over.Record.Kind.String() + " session",
		Created: s.Now(), App: v.Site.App, IP: v.IP.String(), UserAgent: browser.UserAgent(r),
	})
	rec.Interactive = false
	s.Write(rec)
}

// unused ends a session that has not been used for longer than the site allows, at the first request that presents it
// afterwards, whatever kind of request that is: no script has to run in the browser (T18). It is over then at every site
// and for every client that has its cookie (T5).
func (s *Authenticator) unused(r *http.Request, v *Visit, who *session.Session) (*session.Session, error) {
	if len(v.Site.Idle) == 0 {
		return who, nil
	}
	limit := v.Site.IdleLimit(who)
	if limit == 0 || s.Now().Before(who.LastUsed().Add(limit)) {
		return who, nil
	}
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	still, err := s.Sessions.EndIdle(ctx, who.ID, limit)
	if errors.Is(err, session.ErrEndedIdle) {
		ended, unread := who.Record()
		if unread != nil {
			return nil, unread
		}
		s.EndedIdle(ended, v.Site, limit, v.IP.String(), r.UserAgent())
		return nil, &endedIdle{ended}
	}
	return still, err
}
