package access

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Recorder writes the sign-in log and emits events.
type Recorder struct{ *Environment }

// EntryOf fills a log entry from a session's record.
func EntryOf(who *session.Record, rec signinlog.Record) signinlog.Record {
	rec.UserIssuer, rec.UserSubject, rec.UserName = who.Identity.Issuer, who.Identity.Subject, who.User
	rec.Guest, rec.Provider, rec.Interactive = who.Guest, who.Provider, true
	rec.SignInRisk, rec.UserRisk, rec.Compliant, rec.Managed = who.SignInRisk, who.UserRisk, who.Compliant, who.Managed
	if who.ID != (session.ID{}) {
		rec.SessionID = who.ID.Short()
	}
	if who.Binding.Bound() {
		rec.BoundTo = signinlog.BoundToDevice
	}
	return rec
}

// entryIDSize is the number of random bytes in the ID of an entry.
const entryIDSize = 16

// Write writes an entry of the sign-in log.
func (s *Recorder) Write(rec signinlog.Record) { s.Log.Write(s.Complete(rec)) }

// Complete returns an entry with what every entry has, as Write writes it.
func (s *Recorder) Complete(rec signinlog.Record) signinlog.Record {
	rec.ID = session.NewRandom(entryIDSize)
	if rec.CorrelationID == "" {
		rec.CorrelationID = rec.ID
	}
	if s.Binds.On && rec.SessionID != "" && rec.BoundTo == "" {
		rec.BoundTo = signinlog.BoundToNone
	}
	return rec
}

// The events for Config.Notify.
const (
	// EventSignIn: a session was created, by a sign-in or a step-up.
	EventSignIn = "sign_in"
	// EventSignOut: a user has signed out here, or was signed out because of idle time.
	EventSignOut = "sign_out"
	// EventBound: the browser has bound a session to a key of its device.
	EventBound = "session_bound"
	// EventRevoked: a session was ended, but not by its own browser; "by" names the reason.
	EventRevoked = "session_revoked"
	// EventTokenCreated and EventTokenRevoked: a token for programs was made, or ended by its user, an administrator or an
	// event of a transmitter.
	EventTokenCreated = "token_created"
	EventTokenRevoked = "token_revoked"
	// EventSignal: an event of a transmitter has changed what is known of a user whose sessions go on.
	EventSignal = "signal"
)

// The steps for Config.OnBinding.
const (
	BindingRegistration = "registration" // a browser registers a key
	BindingRefresh      = "refresh"      // a browser proves that it has the key
)

// The results for Config.OnBinding.
const (
	BindingDone        = "done"        // the browser has a new cookie
	BindingRefused     = "refused"     // the proof is not good; after a refusal of a refresh the browser tries again
	BindingEnded       = "ended"       // the session is over, and so is the binding
	BindingUnavailable = "unavailable" // the store does not answer, or too many proofs in a row were refused; the browser tries again
)

// Who ended a session (data "by" of EventSignOut and EventRevoked).
const (
	ByPerson   = "person"        // the user: at the sign-out page in its browser, or from another browser of theirs
	ByProvider = "back_channel"  // the provider said so to us
	BySignal   = "signal"        // the provider, or a transmitter for it, reported it as an event
	ByFrame    = "front_channel" // the provider said so through the browser
	BySurplus  = "max_sessions"  // the user has more sessions than max_sessions; this was the oldest
	ByIdle     = "idle_sign_out" // it was not used for as long as the site allows
)

// EventData returns the data of an event about a session. It contains no secret.
func EventData(who *session.Record) map[string]any {
	return map[string]any{
		"session": who.ID.Short(), "user_issuer": who.Identity.Issuer, "user_subject": who.Identity.Subject,
		"user_name": who.User, "provider": who.Provider, "kind": who.Kind.String(),
	}
}

// Tell emits an event to Config.Notify.
func (s *Recorder) Tell(event string, data map[string]any) {
	if s.Notify != nil {
		s.Notify(event, data)
	}
}

// TellRevoked emits events for sessions, given by their short hashes, that were ended from outside their browsers.
func (s *Recorder) TellRevoked(sessions []string, who session.Identity, provider, by string) {
	for _, short := range sessions {
		s.Tell(EventRevoked, map[string]any{
			"session": short, "user_issuer": who.Issuer, "user_subject": who.Subject, "provider": provider, "by": by,
		})
	}
}

// floodQuiet is the shortest interval between two log messages about limited clients or refused sign-ins. The metrics
// count limited requests.
const floodQuiet = time.Minute

// Quiet reports whether the last such log message is long enough ago, and if so records the time of a new one.
func (s *Recorder) Quiet(said *atomic.Int64) bool {
	now, last := s.Now().UnixNano(), said.Load()
	return now-last >= int64(floodQuiet) && said.CompareAndSwap(last, now)
}

// TellSignIn emits the event for a new session, of a sign-in or a step-up.
func (s *Recorder) TellSignIn(v *Visit, made *session.Record) {
	if s.Notify == nil {
		return
	}
	data := EventData(made)
	data["app"] = v.Site.App
	s.Tell(EventSignIn, data)
}

// TellBound emits the event for a session that counts as bound from now on.
func (s *Recorder) TellBound(who *session.Record) {
	if s.Notify == nil {
		return
	}
	data := EventData(who)
	data["algorithm"] = who.Binding.Algorithm
	s.Tell(EventBound, data)
}

// EndedIdle logs that a session was ended because of idle time, and emits the event. ip and userAgent are those of the
// request that noticed it, or of a stream that was still open.
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
