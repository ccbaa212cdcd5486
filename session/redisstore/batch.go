package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/failover"
)

// unlist removes listings in one round trip. A listing that remains refers to nothing; a later caller that finds it
// removes it. ended: their entry has ended with this, so their owner is forgotten.
func (s *Store) unlist(ctx context.Context, from []session.Listing, ended bool) {
	if len(from) == 0 {
		return
	}
	p := s.client.Pipeline()
	for _, l := range from {
		members := []any{string(l.Member)}
		if l.Owner != "" && ended {
			members = append(members, string(l.Owner))
		}
		p.ZRem(ctx, s.names.indexKey(l.Index), members...)
	}
	_, _ = p.Exec(ctx)
}

// GetAll reads entries with one GET each, in one round trip to each node. A cluster would refuse MGET.
func (s *Store) GetAll(ctx context.Context, keys ...session.Key) ([]session.Entry, error) {
	ctx, cancel, err := s.begin(ctx, func() error {
		var errs []error
		for _, key := range keys {
			errs = append(errs, session.CheckKey(key))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return nil, err
	}
	defer cancel()
	if len(keys) == 0 {
		return nil, nil
	}
	term := s.guard.Term()
	p := s.client.Pipeline()
	answers := make([]*redis.StringCmd, len(keys))
	for i, key := range keys {
		answers[i] = p.Get(ctx, s.names.entryKey(key))
	}
	if sent, err := p.Exec(ctx); failover.Unsent(err, sent) {
		return nil, s.answer(err)
	}
	var found []session.Entry
	for i, key := range keys {
		data, err := answers[i].Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, s.answer(err)
		}
		e, err := decode(key, data)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	if err := s.guard.StillMaster(ctx, term); err != nil { // as in absent
		return nil, s.answer(err)
	}
	return found, nil
}
