package signin

import (
	"github.com/latchkey-gateway/latchkey/session"
)

// What Config.Notify is told.
const (
	// EventSignIn: there is a session, of a sign-in or a step-up.
	EventSignIn = "sign_in"
	// EventSignOut: a person has signed out here, or was for want of use.
	EventSignOut = "sign_out"
	// EventRevoked: a session was ended from elsewhere than its own browser; "by" says by whom.
	EventRevoked = "session_revoked"
)

// Who ends a session (data "by" of EventSignOut and EventRevoked).
const (
	ByPerson   = "person"        // by whom it is: at the sign-out page in its browser, or from another browser of theirs
	ByProvider = "back_channel"  // the provider said so to us
	ByFrame    = "front_channel" // the provider said so through the browser
	BySurplus  = "max_sessions"  // the person has more sessions than one may have; this was the oldest
	ByIdle     = "idle_sign_out" // nobody has used it for as long as the site allows
)

// told is what an event says of a session: nothing that opens anything.
func told(who *session.Record) map[string]any {
	return map[string]any{
		"session": who.ID.Short(), "user_issuer": who.Identity.Issuer, "user_subject": who.Identity.Subject,
		"user_name": who.User, "provider": who.Provider, "kind": who.Kind.String(),
	}
}

func (s *recorder) notify(event string, data map[string]any) {
	if s.Notify != nil {
		s.Notify(event, data)
	}
}

// revoked tells of sessions, by their short hashes, that were ended from elsewhere than their browsers.
func (s *recorder) revoked(sessions []string, who session.Identity, provider, by string) {
	for _, short := range sessions {
		s.notify(EventRevoked, map[string]any{
			"session": short, "user_issuer": who.Issuer, "user_subject": who.Subject, "provider": provider, "by": by,
		})
	}
}
