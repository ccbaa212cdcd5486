package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ender ends the sessions that are listed for a person, or for a session at a provider.
type ender struct {
	*writer
	subjects *revokedSubjects
}

const (
	// surplusRead bounds how many sessions one EndSurplus looks at beyond those that a person may have. Where there are
	// more, the next sign-in goes on.
	surplusRead = 1000
	// manySessions is from how many on EndAll revokes a person's sessions by a mark before it removes them one by one.
	manySessions = 500
	// endChunk is how many ended sessions are taken off their list at a time.
	endChunk = 100
)

// EndAll ends every session of a person, whatever browser holds it, and returns how many were live; a sign-in that is
// under way makes none (ErrRevoked). It ends those as well that cannot be read here, for instance because another replica
// has sealed them under a newer key. Of many sessions a mark is written first: from there on none of them is admitted
// anywhere, also if the time of the caller ends before their records are removed.
func (en *ender) EndAll(ctx context.Context, who Identity) (int, error) {
	if keys, err := personBucket(who).sessions(ctx, en.vault.Store); err == nil && len(keys) >= manySessions {
		return en.endMany(ctx, who, len(keys))
	}
	return en.endEach(ctx, who)
}

// endMany ends the sessions of a person who has n of them.
func (en *ender) endMany(ctx context.Context, who Identity, n int) (int, error) {
	marked := en.revocations.RevokeBefore(ctx, Scope{Person: who}, time.Time{})
	ended, err := en.endEach(ctx, who)
	if marked == nil && err != nil && ctx.Err() != nil {
		return n, nil // the mark has ended those as well whose records are still there
	}
	return ended, err
}

func (en *ender) endEach(ctx context.Context, who Identity) (int, error) {
	ended, err := en.endListed(ctx, personBucket(who), func(s *Record) verdict {
		if s.Identity != who {
			return foreign
		}
		return ends
	})
	return len(ended), err
}

// endOthersTries bounds how often EndOthers looks again.
const endOthersTries = 8

// EndOthers ends every session of a person but one, and returns the short hashes of those that were live. A session that
// goes on under another id meanwhile ends as well; a sign-in that is under way elsewhere does not, for it is no session
// yet, and EndAll is for that. It ends those as well that cannot be read here.
func (en *ender) EndOthers(ctx context.Context, keep *Record) ([]string, error) {
	list, kept := personBucket(keep.Identity), keep.ID.Key()
	var ended []string
	// What goes on under another id is listed before it ends under the old one: a list in which nothing but the one that is
	// kept is left has nothing to come.
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
			live, _, err := en.endOne(ctx, key, func(s *Record) verdict {
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

// EndSurplus ends the oldest sessions of a person who has more than most, and returns those that it has ended. keep is
// the session that was just made, and stays. An error does not void what is returned beside it.
func (en *ender) EndSurplus(ctx context.Context, keep *Record, most int) ([]*Record, error) {
	list := personBucket(keep.Identity)
	keys, err := list.sessions(ctx, en.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	if len(keys) <= most {
		return nil, nil
	}
	kept := keep.ID.Key()
	var live []*Record
	var stale []Key
	for _, key := range keys[:min(len(keys), most+surplusRead)] {
		if key == kept {
			continue
		}
		s, err := en.load(ctx, key)
		switch {
		case err == nil && s.Identity == keep.Identity && en.check(s.session, en.now()) == nil:
			live = append(live, s)
		case errors.Is(err, ErrNotFound):
			stale = append(stale, key)
		case err != nil && unanswered(err):
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
	}
	_ = list.delist(ctx, en.vault.Store, stale) // they are met again otherwise
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

// verdict is what becomes of a session that is listed for an owner.
type verdict uint8

const (
	ends    verdict = iota
	stays           // it is the owner's, and goes on
	foreign         // a listing that we have not written; the session is somebody else's
)

// endListed ends the sessions that are listed for an owner, as far as judge says so, and returns the short hashes of those
// that may have been live.
func (en *ender) endListed(ctx context.Context, list bucket, judge func(*Record) verdict) ([]string, error) {
	if err := en.subjects.noteEnd(ctx, list); err != nil {
		return nil, fmt.Errorf("ending sessions: %w", err)
	}
	return en.endFound(ctx, list, judge)
}

// endFound is endListed without the note that holds off what is under way.
func (en *ender) endFound(ctx context.Context, list bucket, judge func(*Record) verdict) ([]string, error) {
	keys, err := list.sessions(ctx, en.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var ended []string
	done := make([]Key, 0, min(len(keys), endChunk))
	for _, key := range keys {
		live, over, err := en.endOne(ctx, key, judge)
		if err != nil {
			return ended, errors.Join(err, list.delist(context.WithoutCancel(ctx), en.vault.Store, done))
		}
		if live {
			ended = append(ended, shortOf(key))
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

// endOne ends a session that an index names. It reports whether it may have been live, and whether the index need not
// name it any more.
func (en *ender) endOne(ctx context.Context, key Key, judge func(*Record) verdict) (live, over bool, err error) {
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
	return s.Check(en.now(), en.limits) == nil, true, en.End(ctx, s)
}

// ProviderEnd is what a provider says when somebody has signed out there (OpenID Connect Back-Channel Logout 1.0).
type ProviderEnd struct {
	Issuer string
	// Subject is whose sessions end; empty if the provider names its session alone.
	Subject string
	// ProviderSession is the provider's session that has ended (claim sid). Empty: all of the person's.
	ProviderSession string
	// At is when the provider said so, by its own clock.
	At time.Time
}

// providerSkew is how far a provider's clock may be behind ours, where only ours says when a session began.
const providerSkew = time.Minute

// EndByProvider ends the sessions that a provider says are over and returns the short hashes of those that were live.
// With a ProviderSession these are the sessions that came of it, of this person if one is named; and if one is, also
// those of the person that do not know of which session at the provider they came. Without a ProviderSession they are
// all of the person. Of what is found by the person only sessions end that began no later than At: a message that comes
// late does not end what was begun since. A sign-in that is under way and that the end is about makes no session
// (ErrRevoked). An error means that some may still live; calling again is harmless.
func (en *ender) EndByProvider(ctx context.Context, e ProviderEnd) ([]string, error) {
	if e.Issuer == "" || e.Subject == "" && e.ProviderSession == "" || e.At.IsZero() {
		return nil, errors.New("ending sessions: whose, or when, is not said")
	}
	who := Identity{Issuer: e.Issuer, Subject: e.Subject}
	if e.ProviderSession == "" {
		return en.endListed(ctx, personBucket(who), e.covers)
	}
	ended, err := en.endListed(ctx, providerSessionBucket(e.Issuer, e.ProviderSession), e.covers)
	if err != nil || e.Subject == "" {
		return ended, err
	}
	if err := en.subjects.noteEnd(ctx, unnamedBucket(who)); err != nil {
		return ended, fmt.Errorf("ending sessions: %w", err)
	}
	unnamed, err := en.endFound(ctx, personBucket(who), e.coversUnnamed)
	return append(ended, unnamed...), err
}

// coversUnnamed is covers for what is listed for the person, where a session at the provider is named.
func (e *ProviderEnd) coversUnnamed(s *Record) verdict {
	if s.Identity.Issuer == e.Issuer && s.Identity.Subject == e.Subject && s.ProviderSession != "" {
		return stays
	}
	whole := *e
	whole.ProviderSession = ""
	return whole.covers(s)
}

// covers says what becomes of a session that is listed for the end.
func (e *ProviderEnd) covers(s *Record) verdict {
	switch {
	case s.Identity.Issuer != e.Issuer || s.ProviderSession != e.ProviderSession && e.ProviderSession != "":
		return foreign
	case e.Subject != "" && s.Identity.Subject != e.Subject:
		if e.ProviderSession != "" {
			return stays // the provider's session is another person's than it says
		}
		return foreign
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
