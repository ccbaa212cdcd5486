package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// NoteAttempt records that the refresh token of a session is about to be sent to its provider. unanswered reports that
// it was already sent and the answer was not processed, because the process or the connection failed. The provider may
// then have used the token and refuse it from now on, although nothing is wrong with the user. The note is kept until
// the given time. After an error the token should not be sent.
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

// AttemptAnswered removes the note: the provider has answered, and the answer is in the store or is final. If the note
// cannot be removed, a later refusal counts as less certain than it is, as long as the note is kept.
func (r *Coordinator) AttemptAnswered(ctx context.Context, s *session.Record) {
	_, _ = r.store.Remove(ctx, attemptKey(s))
}

// NoteRefusal records that the provider refuses the refresh token of a session with an error that may have another
// cause. again reports that it has done so before, for this token, at any replica. The note is kept until the given
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

// attemptKey returns a key for the tokens in the record, in this session only.
func attemptKey(s *session.Record) session.Key {
	return session.HashKey("ra", string(s.ID[:]), string(s.SealedTokens()))
}

func refusalKey(s *session.Record) session.Key {
	return session.HashKey("rf", string(s.ID[:]), string(s.SealedTokens()))
}
