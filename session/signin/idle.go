package signin

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// IdleSignOut signs people out who have not used a site for a while, warned before (semantics, section 5).
type IdleSignOut struct {
	// Warn is after how long without use they are told, After when they are signed out: Warn < After (T10).
	Warn, After time.Duration
	// All holds everybody to it. Otherwise whoever stays signed in is exempt, and whose device is known to be managed or
	// compliant (T7, T16).
	All bool
}

func (i IdleSignOut) covers(kind session.Kind, knownDevice bool) bool {
	return i.All || kind != session.Persistent && !knownDevice
}

// idleSignOut is the rule that a session is held to here: of those that cover it, the one that signs out first (T19).
func (site *Site) idleSignOut(kind session.Kind, knownDevice bool) (rule IdleSignOut, ok bool) {
	for _, i := range site.Idle {
		if i.covers(kind, knownDevice) && (!ok || i.After < rule.After) {
			rule, ok = i, true
		}
	}
	return rule, ok
}

// IdleLimit is after how long without use the site signs a session out; 0 if it does not.
func (site *Site) IdleLimit(who *session.Session) time.Duration {
	rule, _ := site.idleSignOut(who.Kind, who.KnownDevice)
	return rule.After
}

// IdleTimes is when a session is warned and when it ends here, if nobody uses it before; ok is false if it is held to no
// idle sign-out, and nobody is warned.
func (site *Site) IdleTimes(who *session.Record, limits session.Limits) (warn, end time.Time, ok bool) {
	end = who.Ends(limits)
	rule, ok := site.idleSignOut(who.Kind, who.KnownDevice())
	if !ok {
		return warn, end, false
	}
	warn = who.LastUsed.Add(rule.Warn)
	if idle := who.LastUsed.Add(rule.After); idle.Before(end) {
		end = idle
	} else if early := end.Add(rule.Warn - rule.After); end.Before(who.MaxEnd(limits)) && early.Before(warn) {
		// The session's own idle limit comes first: as long before it as the rule would warn, but after half of it.
		warn = later(early, who.LastUsed.Add(end.Sub(who.LastUsed)/2))
	}
	return warn, end, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unused ends a session that has not been used for longer than the site allows, at the first request that presents it
// afterwards, whatever kind of request that is: no script has to run in the browser (T18). It is over then at every site
// and for everybody who holds its cookie (T5).
func (s *authenticator) unused(r *http.Request, v *Visit, who *session.Session) (*session.Session, error) {
	if len(v.Site.Idle) == 0 {
		return who, nil
	}
	limit := v.Site.IdleLimit(who)
	if limit == 0 || s.Now().Before(who.LastUsed().Add(limit)) {
		return who, nil
	}
	ctx, cancel := detach(r, storeTimeout)
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

// EndedIdle writes down that a session was ended for want of use, and tells whoever listens. ip and userAgent are of the
// request that found it so, or of one that was still open.
func (s *recorder) EndedIdle(who *session.Record, site *Site, limit time.Duration, ip, userAgent string) {
	rec := person(who, signinlog.Record{
		Code: signinlog.SessionExpired, Detail: "idle_sign_out " + limit.String(),
		Created: s.Now(), App: site.App, IP: ip, UserAgent: userAgent[:min(len(userAgent), browser.MaxUserAgent)],
	})
	rec.Interactive = false
	s.write(rec)
	s.Logger.Info("signed out for want of use", zap.String("session", who.ID.Short()), zap.String("app", site.App),
		zap.Duration("sign_out", limit))
	data := told(who)
	data["by"], data["app"] = ByIdle, site.App
	s.notify(EventSignOut, data)
}
