package signin

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
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

func (i IdleSignOut) covers(who *session.Session) bool {
	return i.All || who.Kind != session.Persistent && who.Managed != "true" && who.Compliant != "true"
}

// idleSignOut is the rule that a session is held to here: of those that cover it, the one that signs out first (T19).
func (site *Site) idleSignOut(who *session.Session) (rule IdleSignOut, ok bool) {
	for _, i := range site.Idle {
		if i.covers(who) && (!ok || i.After < rule.After) {
			rule, ok = i, true
		}
	}
	return rule, ok
}

// unused ends a session that has not been used for longer than the site allows, at the first request that presents it
// afterwards, whatever kind of request that is: no script has to run in the browser (T18). It is over then at every site
// and for everybody who holds its cookie (T5).
func (s *Service) unused(r *http.Request, v *Visit, who *session.Session) (*session.Session, error) {
	if len(v.Site.Idle) == 0 {
		return who, nil
	}
	rule, ok := v.Site.idleSignOut(who)
	if !ok || s.Now().Before(who.LastUsed.Add(rule.After)) {
		return who, nil
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	still, err := s.Sessions.EndIdle(ctx, who, rule.After)
	if !errors.Is(err, session.ErrExpired) {
		return still, err
	}
	rec := person(who, signinlog.Record{
		Code: signinlog.SessionExpired, Detail: "idle_sign_out " + rule.After.String(),
		Created: s.Now(), App: v.Site.App, IP: v.IP.String(), UserAgent: agent(r),
	})
	rec.Interactive = false
	s.write(rec)
	s.Logger.Info("signed out for want of use", zap.String("session", who.ID.Short()), zap.String("app", v.Site.App),
		zap.Duration("sign_out", rule.After))
	data := told(who)
	data["by"], data["app"] = ByIdle, v.Site.App
	s.notify(EventSignOut, data)
	return nil, err
}
