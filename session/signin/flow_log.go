package signin

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// log writes an entry about a flow whose person is not known (yet). f may be nil.
func (s *flows) log(v *Visit, r *http.Request, f *flow, rec signinlog.Record) {
	rec.Created = s.Now()
	if f != nil {
		rec.Created, rec.CorrelationID, rec.Provider = f.started(), f.Correlation, f.Provider
		rec.SessionLifetime = lifetime(f.Demand)
	}
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = true
	// Anybody can send what leads here without having begun a sign-in, so nothing of it is stored (field trial 2.6).
	rec.Unproven = rec.UserSubject == "" && (f == nil || !f.proven)
	s.write(rec)
}

// lifetime says why the person had to sign in again, if it was for the age of their sign-in (L5).
func lifetime(d *oidc.Demand) []string {
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

// logHandover writes an entry about a sign-in in which nobody was asked anything: a session went on to another site.
func (s *flows) logHandover(v *Visit, r *http.Request, of trail, rec signinlog.Record) {
	rec.Created, rec.CorrelationID = of.started(), of.Correlation
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = false
	s.write(rec)
}

// noteTooLong tells the operator of a page that a sign-in cannot return to. The address is not logged: its query may hold
// anything.
//
// A size of browser.MaxReturn at most is that of an address which was cut short before, or whose sign-in has to achieve too much for
// both to fit.
func (s *flows) noteTooLong(v *Visit, f *flow, size int) {
	s.Logger.Info("address of a page too long to be kept through a sign-in: the user is told, and goes on to the page without its query",
		zap.String("app", v.Site.App), zap.Int("bytes", size), zap.Int("limit", browser.MaxReturn), zap.String("correlation_id", f.Correlation))
}
