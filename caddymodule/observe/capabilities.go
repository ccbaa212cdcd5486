package observe

import (
	"context"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// Store returns a store whose requests are measured, and are part of the trace of the request that causes them. It has
// the optional parts of s and no others: session.Feed, session.Stamps and journal.Journal.
func Store(s session.Store) session.Store {
	w := &watched{next: s}
	feed, feeds := s.(session.Feed)
	stamps, hasStamps := s.(session.Stamps)
	log, keeps := s.(journal.Journal)
	st := watchedStamps{stamps}
	switch {
	case feeds && hasStamps && keeps:
		return struct {
			*watched
			session.Feed
			watchedStamps
			journal.Journal
		}{w, feed, st, log}
	case feeds && hasStamps:
		return struct {
			*watched
			session.Feed
			watchedStamps
		}{w, feed, st}
	case feeds && keeps:
		return struct {
			*watched
			session.Feed
			journal.Journal
		}{w, feed, log}
	case hasStamps && keeps:
		return struct {
			*watched
			watchedStamps
			journal.Journal
		}{w, st, log}
	case feeds:
		return struct {
			*watched
			session.Feed
		}{w, feed}
	case hasStamps:
		return struct {
			*watched
			watchedStamps
		}{w, st}
	case keeps:
		return struct {
			*watched
			journal.Journal
		}{w, log}
	}
	return w
}

type watchedStamps struct{ next session.Stamps }

// Stamp implements session.Stamps.
func (w watchedStamps) Stamp(ctx context.Context, key session.Key) (session.Stamp, error) {
	s := begin(ctx, stamp)
	is, err := w.next.Stamp(ctx, key)
	s.end(stamp, err)
	return is, err
}

// AppendsInStep implements journal.InSteps.
func (w *watched) AppendsInStep() bool {
	in, ok := w.next.(journal.InSteps)
	return ok && in.AppendsInStep()
}
