package signals

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Actor carries out what providers report about their users, and logs it. It is the only place that does so: for events
// of a transmitter, and for logout tokens. It is safe for concurrent use.
type Actor struct {
	*access.Environment
	*access.Recorder
}

// Report is a verified statement of a provider about its users. It may be carried out again without harm.
type Report struct {
	Event   Event
	Subject Subject
	// At is when it happened, by the provider's clock.
	At       time.Time
	Provider Provider
	Options  Options
	// By and From are for events and the log: what kind of statement it is (access.ByProvider, access.BySignal), and the
	// name of its sender.
	By, From string
}

// Result is what came of an event, for metrics and the log.
type Result string

// The results.
const (
	Acted         Result = "acted"          // sessions or tokens of a user have ended, or the log says what happened
	NothingToDo   Result = "no_session"     // the user has no session that the event reaches, and no token that it ends
	UnknownWho    Result = "unknown_user"   // the subject names no user who could have a session here
	UnknownEvent  Result = "unknown_event"  // the event is not known here
	CriticalField Result = "critical_field" // the transmitter marks a member of the subject as critical that is not understood here
	NotConsidered Result = "not_considered" // nothing follows from such an event
	Duplicate     Result = "duplicate"      // it was received before
	TooOld        Result = "too_old"        // it happened so long ago that it is not remembered whether it was received
	AboutStream   Result = "stream"         // it is about the stream of events itself
	RefusedResult Result = "refused"        // it is not genuine, not for us or malformed
	Failed        Result = "failed"         // the store or the keys cannot be reached; the transmitter sends it again
)

// Carry carries out a report, and logs what it did. After an error some of it may be done; carrying it out again is safe.
func (a *Actor) Carry(ctx context.Context, r *Report) (Result, error) {
	effect := r.Options.effect(&r.Event)
	if effect == Ignored {
		if r.Event.Kind == "" {
			return UnknownEvent, nil
		}
		return NotConsidered, nil
	}
	t, ok := r.Provider.targetOf(&r.Subject, r.Event.Kind)
	if !ok {
		return UnknownWho, nil
	}
	if effect == Logged {
		return a.seen(ctx, r, &t)
	}
	if !r.Options.considers(&r.Event, &t) {
		return NotConsidered, nil
	}
	if said, keeps := r.reported(effect, a.Now()); keeps {
		return a.keep(ctx, r, &t, said)
	}
	tokens, err := a.endTokens(ctx, r, &t)
	if err != nil {
		return Failed, err
	}
	ended, err := a.end(ctx, r, &t)
	a.tellEnded(r, ended)
	a.tellTokens(r, tokens)
	switch {
	case err != nil:
		return Failed, err
	case len(ended)+len(tokens) == 0:
		return NothingToDo, nil
	}
	return Acted, nil
}

// end ends the sessions of a target. What it notes first stops sign-ins in progress of the same users.
func (a *Actor) end(ctx context.Context, r *Report, t *target) (ended []session.Ended, err error) {
	if len(t.sessions) == 0 {
		for _, name := range t.names {
			if err := a.Sessions.EndNamed(ctx, r.Provider.Issuer, name, string(r.Event.why())); err != nil {
				return nil, err
			}
		}
	}
	users, err := a.users(ctx, r, t)
	if err != nil {
		return nil, err
	}
	var all []session.ProviderEnd
	for _, sid := range t.sessions {
		if t.either || len(t.subjects)+len(t.names) == 0 {
			all = append(all, session.ProviderEnd{ProviderSession: sid})
			continue
		}
		for _, user := range users {
			all = append(all, session.ProviderEnd{ProviderSession: sid, Subject: user.Subject})
		}
	}
	if len(t.sessions) == 0 || t.either {
		for _, user := range users {
			all = append(all, session.ProviderEnd{Subject: user.Subject})
		}
	}
	only := t.onDevice()
	if r.By == access.ByProvider {
		only = keepsTokens
	}
	for _, one := range all {
		one.Issuer, one.At, one.Only, one.Why = r.Provider.Issuer, r.At, only, string(r.Event.why())
		some, err := a.Sessions.EndByProvider(ctx, one)
		ended = append(ended, some...)
		if err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// keepsTokens leaves out the session of a user's tokens: the user has signed out of browsers (OpenID Connect Back-Channel Logout
// 1.0, section 2.7, on refresh tokens that are for the time without a session).
func keepsTokens(s *session.Record) bool { return s.KindReason != session.ForTokens }

// users returns the users of a target: those that are named by their ID, whether they have sessions or not, and those
// with a session under a name.
func (a *Actor) users(ctx context.Context, r *Report, t *target) (users []session.Identity, err error) {
	for _, sub := range t.subjects {
		users = append(users, session.Identity{Issuer: r.Provider.Issuer, Subject: sub})
	}
	return t.addNamed(ctx, users, r.Provider.Issuer, a.Sessions.Named)
}

// addNamed adds the users that find has under the names of a target.
func (t *target) addNamed(ctx context.Context, users []session.Identity, issuer string, find func(ctx context.Context, issuer, name string) ([]session.Identity, error)) ([]session.Identity, error) {
	for _, name := range t.names {
		found, err := find(ctx, issuer, name)
		if err != nil {
			return nil, err
		}
		for _, user := range found {
			if !slices.Contains(users, user) {
				users = append(users, user)
			}
		}
	}
	return users, nil
}

// keep keeps what was reported with the sessions of a target, where the policies find it at the next request. If the event
// names the users as a whole, sessions that they begin later have it too.
func (a *Actor) keep(ctx context.Context, r *Report, t *target, said session.Signalled) (Result, error) {
	if t.only() == nil {
		for _, name := range t.names {
			if err := a.Sessions.SignalNamed(ctx, r.Provider.Issuer, name, said); err != nil {
				return Failed, err
			}
		}
	}
	users, err := a.users(ctx, r, t)
	if err != nil {
		return Failed, err
	}
	if len(t.subjects)+len(t.names) == 0 {
		for _, sid := range t.sessions {
			some, err := a.Sessions.InProviderSession(ctx, r.Provider.Issuer, sid)
			if err != nil {
				return Failed, err
			}
			users = append(users, some...)
		}
	}
	result := NothingToDo
	for _, user := range users {
		changed, err := a.Sessions.Signal(ctx, user, said, t.only())
		for _, s := range changed[:min(len(changed), 1)] {
			result = Acted
			a.write(r, signinlog.Record{
				Code: codeOf(said), UserIssuer: user.Issuer, UserSubject: user.Subject, UserName: s.User, Detail: r.Event.String(),
			})
			a.Tell(access.EventSignal, map[string]any{
				"user_issuer": user.Issuer, "user_subject": user.Subject, "user_name": s.User, "provider": r.Provider.Name,
				"signal": string(r.Event.Kind), "from": r.From, "sessions": len(changed),
			})
		}
		if err != nil {
			return Failed, err
		}
	}
	return result, nil
}

// codeOf returns the code of the log entry: a user who must authenticate again is interrupted, others go on.
func codeOf(said session.Signalled) signinlog.Code {
	if !said.Reauthenticate.IsZero() {
		return signinlog.ReauthenticationRequired
	}
	return signinlog.Success
}

// seen notes in the sign-in log that something happened to users who are signed in here.
func (a *Actor) seen(ctx context.Context, r *Report, t *target) (Result, error) {
	users, err := a.users(ctx, r, t)
	if err != nil {
		return Failed, err
	}
	result := NothingToDo
	for _, user := range users {
		own, err := a.Sessions.Own(ctx, user, 1)
		if err != nil {
			return Failed, err
		}
		for _, s := range own.Sessions {
			result = Acted
			a.write(r, signinlog.Record{
				Code: signinlog.Success, UserIssuer: s.Identity.Issuer, UserSubject: s.Identity.Subject, UserName: s.User, Detail: r.Event.String(),
			})
		}
	}
	return result, nil
}

// tellEnded emits an event for each session that has ended, and writes one entry of the log for each of their users.
func (a *Actor) tellEnded(r *Report, ended []session.Ended) {
	if len(ended) == 0 {
		return
	}
	var users []session.Identity
	of := map[session.Identity][]session.Ended{}
	for _, one := range ended {
		a.Tell(access.EventRevoked, map[string]any{
			"session": one.Short, "user_issuer": r.Provider.Issuer, "user_subject": one.Identity.Subject, "user_name": one.User,
			"provider": r.Provider.Name, "by": r.By, "signal": string(r.Event.Kind), "from": r.From,
		})
		if len(of[one.Identity]) == 0 {
			users = append(users, one.Identity)
		}
		of[one.Identity] = append(of[one.Identity], one)
	}
	for _, who := range users {
		rec := signinlog.Record{
			Code: signinlog.GrantRevoked, UserIssuer: who.Issuer, UserSubject: who.Subject, UserName: of[who][0].User,
			SessionID: of[who][0].Short, Detail: r.Event.String(),
		}
		if n := len(of[who]); n > 1 {
			rec.SessionID, rec.Detail = "", fmt.Sprintf("%s; %d sessions", r.Event.String(), n)
		}
		a.write(r, rec)
	}
	a.Logger.Info("signed out by the provider", zap.String("provider", r.Provider.Name), zap.String("from", r.From),
		zap.String("event", r.Event.String()), zap.Int("sessions", len(ended)))
}

func (a *Actor) write(r *Report, rec signinlog.Record) {
	rec.Created, rec.Provider = a.Now(), r.Provider.Name
	rec.InitiatedBy = &signinlog.Initiator{Activity: string(r.Event.Kind), Name: r.From}
	a.Write(rec)
}
