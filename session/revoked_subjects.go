package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// ErrRevoked: since the sign-in began, sessions like the one that it would create were ended: all of the user, those of
// the provider session, or all that began before a time. A new sign-in is allowed.
var ErrRevoked = errors.New("revoked while signing in")

// endedLife is how long it is remembered that a user's sessions were ended: longer than any sign-in in progress can
// take (an hour for a flow and at most a day for the prompt).
const endedLife = 26 * time.Hour

// endedTries is how often a note that conflicts with another one is tried.
const endedTries = 4

// revokedSubjects are notes in the store that sessions of a user, or of a session at a provider, were ended. They are
// for sign-ins in progress at that time.
type revokedSubjects struct {
	store Store
	now   func() time.Time
}

// Revoked is an ErrRevoked whose reason is known.
type Revoked struct {
	// Why is what ProviderEnd.Why said.
	Why string
}

// Error implements error.
func (*Revoked) Error() string { return ErrRevoked.Error() }

// Is makes every Revoked an ErrRevoked.
func (*Revoked) Is(target error) bool { return target == ErrRevoked }

// noteEnd notes that all sessions of an owner end now. It runs before they are searched, and unended runs after a
// session is listed. So for a session that is created meanwhile, at least one of the two notices the other. why is for
// the user whose sign-in then ends; empty: nothing is told.
func (r *revokedSubjects) noteEnd(ctx context.Context, of bucket, why string) error {
	now, key := r.now(), endedKey(of)
	until := now.Add(endedLife)
	if why != "" {
		told := &Entry{Key: whyKey(key), Value: append(timeNoted(now), why...), Expires: until}
		if err := r.note(ctx, told, func(Entry) bool { return true }); err != nil {
			return err
		}
	}
	return r.noteTime(ctx, key, now, until)
}

// timeNoted returns a time as a note has it.
func timeNoted(when time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(ceilMilli(when))) //nolint:gosec // dates after 1970
}

// note writes an entry. If there is one already, replaces says whether it gives way, and may change what is written.
func (r *revokedSubjects) note(ctx context.Context, e *Entry, replaces func(old Entry) bool) error {
	for try := 1; ; try++ {
		err := r.store.Create(ctx, *e)
		if errors.Is(err, ErrConflict) {
			var old Entry
			if old, err = r.store.Get(ctx, e.Key); err == nil {
				if !replaces(old) {
					return nil
				}
				e.Version = old.Version
				_, err = r.store.Replace(ctx, *e)
			}
		}
		again := errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)
		if err == nil || !again || try == endedTries {
			return err
		}
	}
}

// whyKey is where the reason of a note is kept. A version that does not know reasons reads the note as before.
func whyKey(note Key) Key { return HashKey("ew", string(note)) }

// revoked returns the error for a sign-in that a note ends. Its reason counts if it is that of the same end.
func (r *revokedSubjects) revoked(ctx context.Context, note Entry) error {
	e, err := r.store.Get(ctx, whyKey(note.Key))
	if head := len(note.Value); err == nil && len(e.Value) > head && bytes.Equal(e.Value[:head], note.Value) {
		return &Revoked{Why: string(e.Value[head:])}
	}
	return ErrRevoked
}

// tellEnd keeps the reason why a session ended, for the browser that comes back with its cookie. If that fails nothing
// is told.
func (r *revokedSubjects) tellEnd(ctx context.Context, ended Key, why string) {
	if why != "" {
		_ = r.note(ctx, &Entry{Key: whyKey(ended), Value: []byte(why), Expires: r.now().Add(expiredGrace)}, func(Entry) bool { return false })
	}
}

// whyEnded returns what tellEnd has kept.
func (r *revokedSubjects) whyEnded(ctx context.Context, ended Key) string {
	e, err := r.store.Get(ctx, whyKey(ended))
	if err != nil {
		return ""
	}
	return string(e.Value)
}

// unended checks whether sessions like the one about to be created were ended since its sign-in began. It returns what
// else was reported about the user. A note from before a time counts only if since is not after it.
func (r *revokedSubjects) unended(ctx context.Context, s *Record, since time.Time) (said Signalled, err error) {
	keys, reported := r.about(s)
	return r.read(ctx, keys, reported, max(s.began().UnixMilli(), since.UnixMilli()))
}

// about returns the keys under which something may be noted that concerns a session that is created, and those of them
// under which something is reported that does not end it.
func (r *revokedSubjects) about(s *Record) (keys, reported []Key) {
	reported = []Key{signalledKey(s.Identity)}
	keys = []Key{endedKey(personBucket(s.Identity))}
	if s.ProviderSession != "" {
		keys = append(keys, endedKey(providerSessionBucket(s.Identity.Issuer, s.ProviderSession)))
	} else {
		keys = append(keys, endedKey(unnamedBucket(s.Identity)))
	}
	for _, name := range s.KnownAs {
		keys = append(keys, endedKey(knownAsBucket(s.Identity.Issuer, name)))
		reported = append(reported, signalledNamedKey(s.Identity.Issuer, name))
	}
	return append(keys, reported...), reported
}

// read reads notes for noted.
func (r *revokedSubjects) read(ctx context.Context, keys, reported []Key, began int64) (said Signalled, err error) {
	notes, err := r.store.GetAll(ctx, keys...)
	if err != nil {
		return said, err
	}
	return r.noted(ctx, notes, reported, began)
}

// noted returns what was reported in some notes: those with a key of reported. It returns the error for something that
// began then, in milliseconds since 1970, if one of the others ends it.
func (r *revokedSubjects) noted(ctx context.Context, notes []Entry, reported []Key, began int64) (said Signalled, err error) {
	for _, e := range notes {
		if slices.Contains(reported, e.Key) {
			one, err := readSignalled(e.Value)
			if err != nil {
				return said, err
			}
			said.take(one)
			continue
		}
		if at, ok := endedAt(e); !ok || began < at {
			return said, r.revoked(ctx, e)
		}
	}
	return said, nil
}

// noteSignalled adds to what was reported about a user, for sign-ins in progress and later ones. As with noteEnd, it runs
// before the sessions of the user are searched. about is signalledKey or signalledNamedKey.
func (r *revokedSubjects) noteSignalled(ctx context.Context, about Key, said Signalled) error {
	now := r.now()
	e := &Entry{Key: about, Value: said.encode(), Expires: said.lasts(now)}
	return r.note(ctx, e, func(old Entry) bool {
		all, unread := readSignalled(old.Value)
		if unread != nil {
			all = Signalled{}
		}
		if !all.take(said) {
			return false
		}
		e.Value, e.Expires = all.encode(), all.lasts(now)
		return true
	})
}

func signalledKey(who Identity) Key { return HashKey("sg", who.Issuer, who.Subject) }

// signalledNamedKey is for a report that names the user by a name; see Record.KnownAs.
func signalledNamedKey(issuer, name string) Key { return HashKey("sk", issuer, name) }

// A note of what was reported has the form of a record with nothing else in it.
func (g Signalled) encode() []byte {
	plain, _ := (&Record{Signalled: g}).encode()
	return plain
}

func readSignalled(value []byte) (Signalled, error) {
	s, err := decodeFields(value)
	if err != nil {
		return Signalled{}, err
	}
	return s.Signalled, nil
}

func endedAt(e Entry) (at int64, ok bool) {
	if len(e.Value) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(e.Value)), true //nolint:gosec // as written
}

// tokensEndedKey is where it is noted that the tokens of a user end: those that Latchkey issues to programs, see package
// apitoken. They outlive sign-ins, so the note lasts as long as a mark.
func tokensEndedKey(of bucket) Key { return HashKey("et", string(of.index), of.tag) }

// noteTime notes a time. An earlier one gives way.
func (r *revokedSubjects) noteTime(ctx context.Context, key Key, when, until time.Time) error {
	at := ceilMilli(when)
	e := &Entry{Key: key, Value: timeNoted(when), Expires: until}
	return r.note(ctx, e, func(old Entry) bool {
		known, ok := endedAt(old)
		return !ok || known < at
	})
}

func endedKey(of bucket) Key { return HashKey("e", string(of.index), of.tag) }

// unnamedBucket is for sessions of a user whose provider session is unknown. Nothing is listed in it: they are found by
// the user.
func unnamedBucket(who Identity) bucket { return bucketOf("u", who.Issuer, who.Subject) }

// Signalled is what a provider has reported about a user outside of a sign-in. It only ever restricts.
type Signalled struct {
	// Reauthenticate is when a credential of the user was changed or withdrawn: an authentication from before does not
	// count any more. Weakened is when the strength of the user's authentication was lowered: what an earlier sign-in
	// proved beyond the identity does not count. Zero: never.
	Reauthenticate, Weakened time.Time
	// Recheck is when the provider's claims about the user changed: what it stated before is to be renewed at the next
	// request. Zero: never.
	Recheck time.Time
	// UserRisk, SignInRisk and Compliant are reported in addition to what the provider states in its claims.
	UserRisk, SignInRisk, Compliant Stated
}

// Stated is a value that is valid until a time.
type Stated struct {
	Value string
	Until time.Time
	// Since is when it was stated; zero in records of earlier versions. From is the name of the stream that stated it, and
	// only explains.
	Since time.Time
	From  string
}

// laterThan reports whether a value replaces another one: it was stated later or, at the same time, it restricts more.
// Many reports are dated to the second only. What is unknown of old records is compared by the end of its validity.
func (s Stated) laterThan(old Stated) bool {
	at := s.Since.Compare(old.Since)
	if s.Since.IsZero() || old.Since.IsZero() {
		at = s.Until.Compare(old.Until)
	}
	return at > 0 || at == 0 && strictness[s.Value] > strictness[old.Value]
}

// strictness orders the values of the reported risks and of the state of a device.
var strictness = map[string]int{"low": 1, "medium": 2, "high": 3, "true": 1, "false": 2}

// At returns the value at a time, empty if none is valid then.
func (s Stated) At(now time.Time) string {
	if now.Before(s.Until) {
		return s.Value
	}
	return ""
}

// With returns what counts after something else was reported.
func (g Signalled) With(said Signalled) Signalled {
	g.take(said)
	return g
}

// take takes up what was reported later, and reports whether anything was.
func (g *Signalled) take(said Signalled) (changed bool) {
	for _, one := range [][2]*time.Time{
		{&g.Reauthenticate, &said.Reauthenticate}, {&g.Weakened, &said.Weakened}, {&g.Recheck, &said.Recheck},
	} {
		if one[1].After(*one[0]) {
			*one[0], changed = *one[1], true
		}
	}
	for _, one := range [][2]*Stated{{&g.UserRisk, &said.UserRisk}, {&g.SignInRisk, &said.SignInRisk}, {&g.Compliant, &said.Compliant}} {
		if one[1].laterThan(*one[0]) {
			*one[0], changed = *one[1], true
		}
	}
	return changed
}

// rounded returns it as it is stored.
func (g Signalled) rounded() Signalled {
	s := Record{Signalled: g}
	s.roundTimes()
	return s.Signalled
}

// lasts returns until when what was reported must be remembered: for sign-ins in progress at that time, and for the tokens
// of programs, which live for up to a year.
func (g *Signalled) lasts(now time.Time) time.Time {
	until := now.Add(markLife)
	for _, one := range []Stated{g.UserRisk, g.SignInRisk, g.Compliant} {
		if one.Until.After(until) {
			until = one.Until
		}
	}
	return until
}

// authenticated returns when the user authenticated; if the provider does not state it, when the sign-in began.
func (s *Record) authenticated() time.Time {
	if s.AuthTime.IsZero() {
		return s.began()
	}
	return s.AuthTime
}

// Renounced reports whether the user must authenticate again, because a credential changed since.
func (s *Record) Renounced() bool { return s.authenticated().Before(s.Signalled.Reauthenticate) }

// Weakened reports whether what the sign-in proved beyond the identity does not count any more.
func (s *Record) Weakened() bool { return s.authenticated().Before(s.Signalled.Weakened) }

// Outdated reports whether the provider's claims have changed since it last stated them.
func (s *Record) Outdated() bool { return s.LastAnswer().Before(s.Signalled.Recheck) }
