package signals

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Preview is what carrying out a report would do. Nothing of it is done.
type Preview struct {
	Effect Effect
	// Result is what would come of it; Acted if Sessions are ended, marked or written about, or Tokens ended.
	Result Result
	// Sessions are the live sessions that it reaches, at most maxPreviewed for each user. More: there are more.
	Sessions []*session.Record
	More     bool
	// Tokens are the tokens of programs that it ends, or whose users what is kept is about.
	Tokens []*apitoken.Owned
	// Said is what would be kept with them; zero if they would end, or if only the log would say something.
	Said session.Signalled
}

// maxPreviewed is how many sessions of one user a preview has.
const maxPreviewed = 100

// Preview says what Carry would do with a report.
func (a *Actor) Preview(ctx context.Context, r *Report) (p *Preview, err error) {
	p = &Preview{Effect: r.Options.effect(&r.Event), Result: NotConsidered}
	if p.Effect == Ignored {
		if r.Event.Kind == "" {
			p.Result = UnknownEvent
		}
		return p, nil
	}
	t, ok := r.Provider.targetOf(&r.Subject, r.Event.Kind)
	if !ok {
		p.Result = UnknownWho
		return p, nil
	}
	if !r.Options.considers(&r.Event, &t) {
		return p, nil
	}
	p.Said, _ = r.reported(p.Effect, a.Now())
	users, err := a.users(ctx, r, &t)
	if err != nil {
		return nil, err
	}
	named := len(users)
	if t.either || len(t.subjects)+len(t.names) == 0 {
		for _, sid := range t.sessions {
			some, err := a.Sessions.InProviderSession(ctx, r.Provider.Issuer, sid)
			if err != nil {
				return nil, err
			}
			users = append(users, some...)
		}
	}
	for i, user := range users {
		if slices.Contains(users[:i], user) {
			continue
		}
		own, err := a.Sessions.Own(ctx, user, maxPreviewed)
		if err != nil {
			return nil, err
		}
		p.More = p.More || own.More
		for _, s := range own.Sessions {
			if t.reaches(s, p.Effect, i < named) {
				p.Sessions = append(p.Sessions, s)
			}
		}
	}
	if err := a.previewTokens(ctx, r, &t, p); err != nil {
		return nil, err
	}
	p.Result = NothingToDo
	if len(p.Sessions) > 0 || p.Effect == Ended && len(p.Tokens) > 0 {
		p.Result = Acted
	}
	return p, nil
}

// previewTokens adds the tokens that a report reaches: those that it ends, and those of users about whom it keeps something,
// since the policies count it for their programs too.
func (a *Actor) previewTokens(ctx context.Context, r *Report, t *target, p *Preview) error {
	ends, keeps := p.Effect == Ended && r.endsTokens(t), p.Said != (session.Signalled{}) && t.only() == nil
	if !ends && !keeps {
		return nil
	}
	users, err := a.tokenUsers(ctx, r, t)
	if err != nil {
		return err
	}
	for _, user := range users {
		some, err := a.Tokens.OwnedBy(ctx, user)
		if err != nil {
			return err
		}
		p.Tokens = append(p.Tokens, some...)
	}
	return nil
}

// reaches reports whether a session of a user is one that an effect reaches. named: the subject names the user, and not
// only a session.
func (t *target) reaches(s *session.Record, effect Effect, named bool) bool {
	if device := t.onDevice(); device != nil && !device(s) {
		return false
	}
	switch ofSession := slices.Contains(t.sessions, s.ProviderSession); {
	case len(t.sessions) == 0, ofSession:
		return true
	case t.either:
		return named
	case effect == Ended:
		return named && s.ProviderSession == ""
	}
	return effect == Logged && named
}

// ReadEvent reads an event by its URI, or by the last part of it, with its members. ok is false if it is not known here.
func ReadEvent(name string, members json.RawMessage) (e Event, ok bool, err error) {
	body := map[string]json.RawMessage{}
	if len(members) > 0 {
		if body, err = claim.Parse(members); err != nil || body == nil {
			return e, false, malformed("the event is no object")
		}
	}
	if Kind(name) == GlobalRevocation {
		return Event{Kind: GlobalRevocation}, true, nil
	}
	for uri, kind := range kinds {
		if uri == name || string(kind) == name {
			e = readEvent(uri, body)
			return e, true, nil
		}
	}
	return e, false, nil
}

// Kinds are the names of all events from which something may follow, sorted.
func Kinds() (names []string) {
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	names = append(names, string(GlobalRevocation))
	slices.Sort(names)
	return slices.Compact(names)
}

// ReadSubject reads a subject (RFC 9493, or complex).
func ReadSubject(raw json.RawMessage) (Subject, error) {
	members, err := claim.Parse(raw)
	if err != nil || members == nil {
		return Subject{}, malformed("the subject is no object")
	}
	return readSubject(members)
}

// String returns the word for an effect.
func (e Effect) String() string { return effectWords[e] }

var effectWords = [...]string{
	Ignored: "ignored", Logged: "logged", Ended: "ended", Reauthenticated: "reauthenticated", Weakened: "weakened", Risky: "risk",
	Rechecked: "rechecked", DeviceState: "device",
}
