package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// log writes an entry about a flow whose person is not known (yet). f may be nil.
func (s *flows) log(v *Visit, r *http.Request, f *flow, rec signinlog.Record) {
	rec.Created = s.Now()
	if f != nil {
		rec.Created, rec.CorrelationID, rec.Provider = f.started(), f.Correlation, f.Provider
		rec.SessionLifetime = f.Demand.lifetime()
	}
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = true
	// Anybody can send what leads here without having begun a sign-in, so nothing of it is stored (field trial 2.6).
	rec.Unproven = rec.UserSubject == "" && (f == nil || !f.proven)
	s.write(rec)
}

// lifetime says why the person had to sign in again, if it was for the age of their sign-in (L5).
func (d *Demand) lifetime() []string {
	switch {
	case d == nil:
		return nil
	case d.PromptLogin:
		return []string{signinlog.FrequencyEveryTime}
	case d.Reauthenticate:
		return []string{signinlog.FrequencyPeriodic}
	}
	return nil
}

// logPerson writes an entry about somebody who has proven who they are.
func (s *flows) logPerson(v *Visit, r *http.Request, f *flow, who *session.Record, rec signinlog.Record) {
	s.log(v, r, f, person(who, rec))
}

func person(who *session.Record, rec signinlog.Record) signinlog.Record {
	rec.UserIssuer, rec.UserSubject, rec.UserName = who.Identity.Issuer, who.Identity.Subject, who.User
	rec.Guest, rec.Provider, rec.Interactive = who.Guest, who.Provider, true
	rec.SignInRisk, rec.UserRisk, rec.Compliant, rec.Managed = who.SignInRisk, who.UserRisk, who.Compliant, who.Managed
	if who.ID != (session.ID{}) {
		rec.SessionID = who.ID.Short()
	}
	return rec
}

func (s *recorder) write(rec signinlog.Record) {
	rec.ID = session.NewRandom(stateSize)
	if rec.CorrelationID == "" {
		rec.CorrelationID = rec.ID
	}
	s.Log.Write(rec)
}
