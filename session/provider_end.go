package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

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
