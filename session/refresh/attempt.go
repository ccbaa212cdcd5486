package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// NoteAttempt notes that the refresh token of a session is about to be sent to its provider. unanswered reports that it
// was sent before and that nobody took up the answer, because its process died or the connection did: the provider may
// have taken the token then, and refuse it from now on though nothing is wrong with the person. A note is kept until the
// given time. An error means that the token is better not sent.
func (r *Coordinator) NoteAttempt(ctx context.Context, s *session.Record, until time.Time) (unanswered bool, err error) {
	err = r.store.Create(ctx, session.Entry{Key: attemptKey(s), Value: []byte{1}, Expires: until})
	switch {
	case errors.Is(err, session.ErrConflict):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("noting renewal: %w", err)
	}
	return false, nil
}

// AttemptAnswered takes the note back: the provider has answered, and what it said is in the store or ends the matter. A
// note that cannot be taken back makes a later refusal less final than it could be, for as long as it is kept.
func (r *Coordinator) AttemptAnswered(ctx context.Context, s *session.Record) {
	_, _ = r.store.Remove(ctx, attemptKey(s))
}

// NoteRefusal notes that the provider does not take the refresh token of a session, in words that may be about something
// else. again reports that it has said so before: about this token, to whatever replica. A note is kept until the given
// time.
func (r *Coordinator) NoteRefusal(ctx context.Context, s *session.Record, until time.Time) (again bool, err error) {
	err = r.store.Create(ctx, session.Entry{Key: refusalKey(s), Value: []byte{1}, Expires: until})
	switch {
	case errors.Is(err, session.ErrConflict):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("noting refusal: %w", err)
	}
	return false, nil
}

// attemptKey names the attempt with the tokens that the record holds, in this session and no other.
func attemptKey(s *session.Record) session.Key {
	return session.HashKey("ra", string(s.ID[:]), string(s.SealedTokens()))
}

func refusalKey(s *session.Record) session.Key {
	return session.HashKey("rf", string(s.ID[:]), string(s.SealedTokens()))
}
