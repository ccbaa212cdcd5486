package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ender ends the sessions that are listed for a user, or for a session at a provider.
type ender struct {
	*writer
	subjects *revokedSubjects
}

const (
	// surplusRead is the number of sessions, beyond the allowed ones, that one call of EndSurplus reads at most. If
	// there are more, the next sign-in continues.
	surplusRead = 1000
	// manySessions is the number of sessions from which EndAll writes a revocation mark before it removes them one by
	// one.
	manySessions = 500
	// endChunk is how many ended sessions are removed from their list at a time.
	endChunk = 100
)

// EndAll ends every session of a user, in all browsers, and returns how many were live. A sign-in in progress creates
// no session (ErrRevoked). Sessions that cannot be read here also end, for instance those that another replica has
// sealed with a newer key. If there are many sessions, it first writes a mark: from then on none of them is accepted
// anywhere, even if the caller's context ends before all records are removed.
func (en *ender) EndAll(ctx context.Context, who Identity) (int, error) {
	if keys, err := personBucket(who).sessions(ctx, en.vault.Store); err == nil && len(keys) >= manySessions {
		return en.endMany(ctx, who, len(keys))
	}
	return en.endEach(ctx, who)
}

// endMany ends the sessions of a user who has n of them.
func (en *ender) endMany(ctx context.Context, who Identity, n int) (int, error) {
	marked := en.revocations.RevokeBefore(ctx, Scope{Person: who}, time.Time{})
	ended, err := en.endEach(ctx, who)
	if marked == nil && err != nil && ctx.Err() != nil {
		return n, nil // the mark has also ended those whose records still exist
	}
	return ended, err
}

func (en *ender) endEach(ctx context.Context, who Identity) (int, error) {
	ended, err := en.endListed(ctx, personBucket(who), "", func(s *Record) verdict {
		if s.Identity != who {
			return foreign
		}
		return ends
	})
	return len(ended), err
}

// endOthersTries is how often EndOthers reads the list at most.
const endOthersTries = 8

// EndOthers ends every session of a user except one, and returns the short hashes of those that were live. A session
// that gets a new ID meanwhile ends too. A sign-in in progress elsewhere is not affected, because it is not a session
// yet; use EndAll for that. Sessions that cannot be read here also end.
func (en *ender) EndOthers(ctx context.Context, keep *Record) ([]string, error) {
	list, kept := personBucket(keep.Identity), keep.ID.Key()
	var ended []string
	// A session that gets a new ID is listed under it before the old one ends. So if the list contains only the kept
	// session, nothing more can appear.
	for range endOthersTries {
		keys, err := list.sessions(ctx, en.vault.Store)
		if err != nil {
			return ended, fmt.Errorf("listing sessions: %w", err)
		}
		var over []Key
		for _, key := range keys {
			if key == kept {
				continue
			}
			live, _, err := en.endOne(ctx, key, "", func(s *Record) verdict {
				if s.Identity != keep.Identity {
					return foreign
				}
				return ends
			})
			if err != nil {
				return ended, err
			}
			if live {
				ended = append(ended, shortOf(key))
			}
			over = append(over, key)
		}
		if len(over) == 0 {
			return ended, nil
		}
		if err := list.delist(ctx, en.vault.Store, over); err != nil {
			return ended, fmt.Errorf("ending sessions: %w", err)
		}
	}
	return ended, fmt.Errorf("ending sessions: %w", ErrConflict)
}

// EndSurplus ends the oldest sessions of a user who has more than most, and returns the ended ones. keep is the session
// that was just created, and stays; keys are what was listed then, Made.Listed. The result is valid even if there is an
// error.
func (en *ender) EndSurplus(ctx context.Context, keep *Record, keys []Key, most int) ([]*Record, error) {
	if len(keys) <= most {
		return nil, nil
	}
	list, kept := personBucket(keep.Identity), keep.ID.Key()
	var live []*Record
	var stale []Key
	for _, key := range keys[:min(len(keys), most+surplusRead)] {
		if key == kept {
			continue
		}
		s, err := en.load(ctx, key)
		switch {
		case err == nil && s.Identity == keep.Identity && en.check(s.session, en.now()) == nil:
			if s.KindReason != ForTokens {
				live = append(live, s)
			}
		case errors.Is(err, ErrNotFound):
			stale = append(stale, key)
		case err != nil && unanswered(err):
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
	}
	_ = list.delist(ctx, en.vault.Store, stale) // a later call finds them again
	slices.SortFunc(live, func(a, b *Record) int {
		return cmp.Or(a.Created.Compare(b.Created), a.LastUsed.Compare(b.LastUsed))
	})
	var ended []*Record
	for len(live)+1 > most && len(live) > 0 {
		err := en.end(ctx, live[0])
		switch {
		case err == nil:
			ended = append(ended, live[0])
		case !errors.Is(err, ErrNotFound):
			return ended, err
		}
		live = live[1:]
	}
	return ended, nil
}

// WhyEnded returns why a session has ended, as ProviderEnd.Why said; empty if that is not known.
func (en *ender) WhyEnded(ctx context.Context, id ID) string {
	return en.subjects.whyEnded(ctx, id.Key())
}

// verdict says what happens to a session in an owner's list.
type verdict uint8

const (
	ends    verdict = iota
	stays           // it belongs to the owner and continues
	foreign         // the listing is not ours; the session belongs to another user
)

// Ended is a session that was ended and may have been live. Identity and User are empty if its record could not be read.
type Ended struct {
	// Short is the short hash of the session.
	Short    string
	Identity Identity
	User     string
}

// endListed ends the sessions in an owner's list for which judge says so, and returns those that may have been live. why
// is ProviderEnd.Why.
func (en *ender) endListed(ctx context.Context, list bucket, why string, judge func(*Record) verdict) ([]Ended, error) {
	if err := en.subjects.noteEnd(ctx, list, why); err != nil {
		return nil, fmt.Errorf("ending sessions: %w", err)
	}
	return en.endFound(ctx, list, why, judge)
}

// endFound is endListed without the note that stops sign-ins in progress.
func (en *ender) endFound(ctx context.Context, list bucket, why string, judge func(*Record) verdict) ([]Ended, error) {
	keys, err := list.sessions(ctx, en.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var ended []Ended
	done := make([]Key, 0, min(len(keys), endChunk))
	for _, key := range keys {
		one := Ended{Short: shortOf(key)}
		live, over, err := en.endOne(ctx, key, why, func(s *Record) verdict {
			one.Identity, one.User = s.Identity, s.User
			return judge(s)
		})
		if err != nil {
			return ended, errors.Join(err, list.delist(context.WithoutCancel(ctx), en.vault.Store, done))
		}
		if live {
			ended = append(ended, one)
		}
		if over {
			done = append(done, key)
		}
		if len(done) == endChunk {
			if err := list.delist(ctx, en.vault.Store, done); err != nil {
				return ended, fmt.Errorf("ending sessions: %w", err)
			}
			done = done[:0]
		}
	}
	if err := list.delist(ctx, en.vault.Store, done); err != nil {
		return ended, fmt.Errorf("ending sessions: %w", err)
	}
	return ended, nil
}

// endOne ends a session in an index. It reports whether the session may have been live, and whether the index entry can
// be removed.
func (en *ender) endOne(ctx context.Context, key Key, why string, judge func(*Record) verdict) (live, over bool, err error) {
	s, err := en.load(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, true, nil
	}
	if err != nil {
		live, err = en.endUnread(ctx, key)
		return live, true, err
	}
	switch judge(s) {
	case foreign:
		return false, true, nil
	case stays:
		return false, false, nil
	}
	live = s.Check(en.now(), en.limits) == nil
	if live {
		en.subjects.tellEnd(ctx, key, why)
	}
	return live, true, en.End(ctx, s)
}

// ProviderEnd is a provider's message that a user has signed out there (OpenID Connect Back-Channel Logout 1.0).
type ProviderEnd struct {
	Issuer string
	// Subject is the user; empty if the provider names only its session.
	Subject string
	// ProviderSession is the provider's session that has ended (claim sid). Empty: all sessions of the user.
	ProviderSession string
	// At is the time of the message, by the provider's clock.
	At time.Time
	// Only selects sessions among those that are named; nil selects all.
	Only func(*Record) bool
	// Why is a word for the users: it comes back in a Revoked, and from WhyEnded for a day. Empty: nothing is told.
	Why string
}

// providerSkew is how far a provider's clock may be behind ours. It is used where only our clock recorded the start of
// a session.
const providerSkew = time.Minute

// EndByProvider ends the sessions that a provider reports as ended, and returns those that were live. With a ProviderSession these are the sessions that came from it; if a Subject is named, only those of this
// user, and also sessions of the user whose provider session is unknown. Without a ProviderSession they are all
// sessions of the user. Sessions that are found by the user end only if they began no later than At, so that a late
// message does not end newer sessions. A sign-in in progress to which the message applies creates no session
// (ErrRevoked). After an error some sessions may still live; calling again is safe.
func (en *ender) EndByProvider(ctx context.Context, e ProviderEnd) ([]Ended, error) {
	if e.Issuer == "" || e.Subject == "" && e.ProviderSession == "" || e.At.IsZero() {
		return nil, errors.New("ending sessions: whose, or when, is not said")
	}
	who := Identity{Issuer: e.Issuer, Subject: e.Subject}
	if e.ProviderSession == "" {
		return en.endListed(ctx, personBucket(who), e.Why, e.covers)
	}
	ended, err := en.endListed(ctx, providerSessionBucket(e.Issuer, e.ProviderSession), e.Why, e.covers)
	if err != nil || e.Subject == "" {
		return ended, err
	}
	if err := en.subjects.noteEnd(ctx, unnamedBucket(who), e.Why); err != nil {
		return ended, fmt.Errorf("ending sessions: %w", err)
	}
	unnamed, err := en.endFound(ctx, personBucket(who), e.Why, e.coversUnnamed)
	return append(ended, unnamed...), err
}

// EndNamed makes that a sign-in in progress of a user creates no session (ErrRevoked), by a name of the user; see
// Record.KnownAs. Sessions are found by Named, after this call. why is ProviderEnd.Why.
func (en *ender) EndNamed(ctx context.Context, issuer, name, why string) error {
	if err := en.subjects.noteEnd(ctx, knownAsBucket(issuer, name), why); err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return nil
}

// coversUnnamed is covers for sessions listed for the user, when the message names a session at the provider.
func (e *ProviderEnd) coversUnnamed(s *Record) verdict {
	if s.Identity.Issuer == e.Issuer && s.Identity.Subject == e.Subject && s.ProviderSession != "" {
		return stays
	}
	whole := *e
	whole.ProviderSession = ""
	return whole.covers(s)
}

// covers returns what happens to a listed session.
func (e *ProviderEnd) covers(s *Record) verdict {
	switch {
	case s.Identity.Issuer != e.Issuer || s.ProviderSession != e.ProviderSession && e.ProviderSession != "":
		return foreign
	case e.Subject != "" && s.Identity.Subject != e.Subject:
		if e.ProviderSession != "" {
			return stays // the provider's session belongs to another user than the message says
		}
		return foreign
	case e.Only != nil && !e.Only(s):
		return stays
	case e.ProviderSession != "":
		return ends
	}
	began := s.AuthTime
	if began.IsZero() {
		began = s.began().Add(-providerSkew)
	}
	if began.After(e.At) {
		return stays
	}
	return ends
}

// EndTokens ends every token that Latchkey has issued for a user until now.
func (en *ender) EndTokens(ctx context.Context, who Identity) error {
	return en.endTokens(ctx, personBucket(who))
}

// EndTokensNamed is EndTokens for the users that have a name; see Record.KnownAs.
func (en *ender) EndTokensNamed(ctx context.Context, issuer, name string) error {
	return en.endTokens(ctx, knownAsBucket(issuer, name))
}

func (en *ender) endTokens(ctx context.Context, of bucket) error {
	w := recentWrite{key: tokensEndedKey(of), at: en.now(), note: true}
	if err := en.subjects.noteTime(ctx, w.key, w.at, w.at.Add(markLife)); err != nil {
		return fmt.Errorf("ending tokens: %w", err)
	}
	en.writes.add(w)
	en.announcer.TellTokens(ctx)
	return nil
}
