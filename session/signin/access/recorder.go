package access

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Recorder writes the sign-in log and tells events.
type Recorder struct{ *Environment }

// EntryOf fills a log entry with what is known of a session's user.
func EntryOf(who *session.Record, rec signinlog.Record) signinlog.Record {
	rec.UserIssuer, rec.UserSubject, rec.UserName = who.Identity.Issuer, who.Identity.Subject, who.User
	rec.Guest, rec.Provider, rec.Interactive = who.Guest, who.Provider, true
	rec.SignInRisk, rec.UserRisk, rec.Compliant, rec.Managed = who.SignInRisk, who.UserRisk, who.Compliant, who.Managed
	if who.ID != (session.ID{}) {
		rec.SessionID = who.ID.Short()
	}
	return rec
}

// entryIDSize is how many bytes of randomness the id of an entry has.
const entryIDSize = 16

// Write writes an entry of the sign-in log.
func (s *Recorder) Write(rec signinlog.Record) {
	rec.ID = session.NewRandom(entryIDSize)
	if rec.CorrelationID == "" {
		rec.CorrelationID = rec.ID
	}
	s.Log.Write(rec)
}

// What Config.Notify is told.
const (
	// EventSignIn: there is a session, of a sign-in or a step-up.
	EventSignIn = "sign_in"
	// EventSignOut: a user has signed out here, or was signed out for want of use.
	EventSignOut = "sign_out"
	// EventRevoked: a session was ended from elsewhere than its own browser; "by" says by whom.
	EventRevoked = "session_revoked"
)

// Who ended a session (data "by" of EventSignOut and EventRevoked).
const (
	ByPerson   = "person"        // the user: at the sign-out page in its browser, or from another browser of theirs
	ByProvider = "back_channel"  // the provider said so to us
	ByFrame    = "front_channel" // the provider said so through the browser
	BySurplus  = "max_sessions"  // the user has more sessions than max_sessions; this was the oldest
	ByIdle     = "idle_sign_out" // it was not used for as long as the site allows
)

// EventData is what an event says of a session: nothing that opens anything.
func EventData(who *session.Record) map[string]any {
	return map[string]any{
		"session": who.ID.Short(), "user_issuer": who.Identity.Issuer, "user_subject": who.Identity.Subject,
		"user_name": who.User, "provider": who.Provider, "kind": who.Kind.String(),
	}
}

// Tell tells an event to Config.Notify.
func (s *Recorder) Tell(event string, data map[string]any) {
	if s.Notify != nil {
		s.Notify(event, data)
	}
}

// TellRevoked tells of sessions, by their short hashes, that were ended from elsewhere than their browsers.
func (s *Recorder) TellRevoked(sessions []string, who session.Identity, provider, by string) {
	for _, short := range sessions {
		s.Tell(EventRevoked, map[string]any{
			"session": short, "user_issuer": who.Issuer, "user_subject": who.Subject, "provider": provider, "by": by,
		})
	}
}

// floodQuiet is how often at most the log says that clients are held off, or that sign-ins are refused; the count of the
// former is in the metrics.
const floodQuiet = time.Minute

// Quiet reports whether a message was not logged for floodQuiet, and notes the time if so. said is when it was logged last.
func (s *Recorder) Quiet(said *atomic.Int64) bool {
	now, last := s.Now().UnixNano(), said.Load()
	return now-last >= int64(floodQuiet) && said.CompareAndSwap(last, now)
}

// TellSignIn tells that there is a session, of a sign-in or a step-up.
func (s *Recorder) TellSignIn(v *Visit, made *session.Record) {
	if s.Notify == nil {
		return
	}
	data := EventData(made)
	data["app"] = v.Site.App
	s.Tell(EventSignIn, data)
}

// EndedIdle logs that a session was ended for want of use, and tells the event. ip and userAgent are of the
// request that found it so, or of one that was still open.
func (s *Recorder) EndedIdle(who *session.Record, site *Site, limit time.Duration, ip, userAgent string) {
	rec := EntryOf(who, signinlog.Record{
		Code: signinlog.SessionExpired, Detail: "idle_sign_out " + limit.String(),
		Created: s.Now(), App: site.App, IP: ip, UserAgent: userAgent[:min(len(userAgent), browser.MaxUserAgent)],
	})
	rec.Interactive = false
	s.Write(rec)
	s.Logger.Info("signed out for want of use", zap.String("session", who.ID.Short()), zap.String("app", site.App),
		zap.Duration("sign_out", limit))
	data := EventData(who)
	data["by"], data["app"] = ByIdle, site.App
	s.Tell(EventSignOut, data)
}
