package adminapi

import (
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// What administrators do, as entries of the sign-in log name it (activityDisplayName).
const (
	actEndSession    = "end session"
	actEndPerson     = "end all sessions of a user"
	actRevokeBefore  = "revoke sessions that began before a time"
	actRotateKeys    = "rotate keys"
	actRetireKey     = "retire key"
	idOfActSize      = 16
	operatorHeader   = "Latchkey-Operator"
	maxOperator      = 128
	unknownCharacter = '?'
)

// operator is how the commands of this binary name who runs them. The admin API proves nothing about its clients, so
// this is what the operating system says on the client's side.
func operator() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME", "USERNAME"} {
		if who := os.Getenv(name); who != "" {
			return plainName(who)
		}
	}
	return ""
}

// plainName bounds a name that a client gives, and leaves nothing in it that a terminal acts on.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return unknownCharacter
		}
		return r
	}, name)
	return name[:min(len(name), maxOperator)]
}

// act is something that an administrator has done, and to whom.
type act struct {
	activity string
	// session or person is whom it concerns; neither if it is more than one person. target then says what.
	session *session.Record
	person  session.Identity
	target  string
	detail  string
}

// record writes an entry of the sign-in log about an act (field trial 3.3).
func record(a *app.App, r *http.Request, did act) {
	if a.Records() == nil {
		return
	}
	now := time.Now()
	rec := signinlog.Record{
		ID: session.NewRandom(idOfActSize), Created: now, UserAgent: r.UserAgent(), Detail: did.detail,
		UserIssuer: did.person.Issuer, UserSubject: did.person.Subject,
		InitiatedBy: &signinlog.Initiator{Activity: did.activity, Name: plainName(r.Header.Get(operatorHeader)), Target: did.target},
		Code:        signinlog.GrantRevoked,
	}
	if did.activity == actRotateKeys || did.activity == actRetireKey {
		rec.Code = signinlog.Success
	}
	rec.CorrelationID = rec.ID
	rec.IP, _, _ = net.SplitHostPort(r.RemoteAddr) // empty for a socket of the file system
	if s := did.session; s != nil {
		rec.SessionID, rec.UserIssuer, rec.UserSubject, rec.UserName = s.ID.Short(), s.Identity.Issuer, s.Identity.Subject, s.User
		rec.Guest, rec.Provider = s.Guest, s.Provider
	}
	a.Records().Write(rec)
}
