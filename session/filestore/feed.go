package filestore

import (
	"context"

	"github.com/latchkey-gateway/latchkey/session"
)

var _ session.Feed = (*Store)(nil)

// Publish implements session.Feed within this process, the only one that has the file open.
func (s *Store) Publish(ctx context.Context, message string) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	return s.feed.Publish(ctx, message)
}

// Subscribe implements session.Feed. It ends with ctx.
func (s *Store) Subscribe(ctx context.Context, on func(string), gap func()) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	return s.feed.Subscribe(ctx, on, gap)
}
