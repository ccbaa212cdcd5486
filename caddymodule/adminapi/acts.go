package adminapi

import (
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// The actions of administrators, by their names in the sign-in log (activityDisplayName).
const (
	actEndSession    = "end session"
	actEndPerson     = "end all sessions of a user"
	actCreateToken   = "make token"
	actRevokeToken   = "revoke token"
	actRevokeBefore  = "revoke sessions that began before a time"
	actRotateKeys    = "rotate keys"
	actRetireKey     = "retire key"
	idOfActSize      = 16
	operatorHeader   = "Latchkey-Operator"
	maxOperator      = 128
	unknownCharacter = '?'
)

// operator returns the name of the user who runs a command of this binary, from the client's operating system. The
// admin API does not verify it.
func operator() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME", "USERNAME"} {
		if who := os.Getenv(name); who != "" {
			return plainName(who)
		}
	}
	return ""
}

// plainName limits a name that a client sends, and removes characters that control a terminal.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return unknownCharacter
		}
		return r
	}, name)
	return name[:min(len(name), maxOperator)]
}

// act is an action of an administrator, with the user concerned.
type act struct {
	activity string
	// session, person or token is the user concerned; none if it is more than one user. target then describes the users.
	session *session.Record
	person  session.Identity
	token   *apitoken.Owned
	target  string
	detail  string
}

// record writes an entry about an action to the sign-in log (field trial 3.3).
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
	if did.activity == actRotateKeys || did.activity == actRetireKey || did.activity == actCreateToken {
		rec.Code = signinlog.Success
	}
	rec.CorrelationID = rec.ID
	rec.IP, _, _ = net.SplitHostPort(r.RemoteAddr) // empty for a Unix socket
	if t := did.token; t != nil {
		rec.TokenID, rec.App, rec.Provider, rec.UserName = t.Short(), t.App, t.Who.Provider, t.Who.User
		rec.UserIssuer, rec.UserSubject, rec.Guest = t.Who.Identity.Issuer, t.Who.Identity.Subject, t.Who.Guest
	}
	if s := did.session; s != nil {
		rec.SessionID, rec.UserIssuer, rec.UserSubject, rec.UserName = s.ID.Short(), s.Identity.Issuer, s.Identity.Subject, s.User
		rec.Guest, rec.Provider = s.Guest, s.Provider
	}
	a.Records().Write(rec)
}
