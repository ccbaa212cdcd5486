package app

import (
	"context"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
)

// PreviewSignal says what an event of a provider would do to the live sessions of a running app. Nothing of it is done. An
// *explain.QueryError is a mistake in the query.
func PreviewSignal(ctx context.Context, a *App, q *explain.SignalQuery, now time.Time) (*explain.SignalImpact, error) {
	if _, err := a.openService(); err != nil {
		return nil, err
	}
	report, err := a.streams.Imagine(q.Stream, now)
	if err != nil {
		return nil, &explain.QueryError{Err: err}
	}
	if err := q.Fill(report); err != nil {
		return nil, &explain.QueryError{Err: err}
	}
	preview, err := a.ready.Load().Actor().Preview(ctx, report)
	if err != nil {
		return nil, err
	}
	estate := a.Estate()
	return estate.OfSignal(preview, report, now), nil
}

// maxReported is how many sessions are read to find what was reported about a user.
const maxReported = 20_000

// Reported sets what streams have reported about the user of a query: with the user's live sessions, and for sign-ins in
// progress.
func Reported(ctx context.Context, a *App, q *explain.Query) error {
	name := q.Called()
	if len(a.Signals) == 0 || name == "" {
		return nil
	}
	if _, err := a.openService(); err != nil {
		return err
	}
	users := map[session.Identity]bool{}
	for _, p := range a.Providers {
		if q.Subject != "" && (q.Provider == "" || q.Provider == p.Called()) {
			users[session.Identity{Issuer: p.Issuer, Subject: q.Subject}] = true
		}
	}
	_, err := a.sessions.All(ctx, maxReported, func(s *session.Record) bool {
		if (q.Provider == "" || s.Provider == q.Provider) && s.IsCalled(name) {
			q.Signalled = q.Signalled.With(s.Signalled)
			users[s.Identity] = true
		}
		return true
	})
	for who := range users {
		if err != nil {
			break
		}
		var said session.Signalled
		if said, err = a.sessions.Reported(ctx, who); err == nil {
			q.Signalled = q.Signalled.With(said)
		}
	}
	return err
}
