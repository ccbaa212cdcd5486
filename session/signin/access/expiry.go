package access

import (
	"errors"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// endedIdle is the error for a session that idle sign-out has ended at this request.
type endedIdle struct{ session *session.Record }

func (*endedIdle) Error() string { return session.ErrEndedIdle.Error() }

func (*endedIdle) Unwrap() error { return session.ErrEndedIdle }

// EndedBy returns the session that its limits, or idle sign-out, have just ended, or whose request is Naked, from an error
// of Session; nil if the error has another reason.
func EndedBy(err error) *session.Record {
	var expired *session.Expired
	if errors.As(err, &expired) {
		return expired.Record
	}
	var idle *endedIdle
	if errors.As(err, &idle) {
		return idle.session
	}
	var naked *bindingMissing
	if errors.As(err, &naked) {
		who, _ := naked.session.Record() // nil: its sender is then not known
		return who
	}
	return nil
}

// logExpired writes the log entry of a session that its idle limit or max lifetime has ended (70008), if err says so.
// It is written when the cookie comes back, by the request that removes the record, so once for a session. If the
// record cannot be removed nothing is logged, because it could be logged twice.
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

// unused ends a session that has been idle for longer than the site allows, at its next request of any kind: no script
// has to run in the browser (T18). It then ends at every site and for every copy of its cookie (T5).
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
