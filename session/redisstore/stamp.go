package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
)

var _ session.Stamps = (*Store)(nil)

// stampSize is how much of an entry shows its stamp.
const stampSize = headerSize + len(session.Stamp{}.Head)

// question is the memory of a call of Stamp. It is used again once the call has its answer.
type question struct {
	lookup
	name   string
	args   [4]any
	answer [stampSize + len("\r\n")]byte
}

var questions = sync.Pool{New: func() any {
	q := new(question)
	q.turns = make(chan turn, 1)
	q.args = [...]any{"getrange", &q.name, "0", strconv.Itoa(stampSize - 1)}
	return q
}}

// Stamp reads the beginning of an entry with GETRANGE, on the way with other look-ups.
func (s *Store) Stamp(ctx context.Context, key session.Key) (st session.Stamp, err error) {
	switch {
	case s.closed.Load():
		return st, session.ErrClosed
	case ctx.Err() != nil:
		return st, fmt.Errorf("%w: %w", session.ErrUnavailable, ctx.Err())
	}
	if err := session.CheckKey(key); err != nil {
		return st, err
	}
	name, term := s.names.entryKey(key), s.guard.Term()
	lane, err := s.lanes.of(ctx, name)
	if err != nil {
		return st, s.answer(err)
	}
	q := questions.Get().(*question)
	q.name = name
	get := redis.NewZeroCopyStringCmd(ctx, q.answer[:], q.args[:]...)
	q.Cmder = get
	if err := lane.ask(ctx, &q.lookup); err != nil {
		return st, s.answer(err)
	}
	defer questions.Put(q)
	n, err := get.Result()
	switch {
	case err != nil:
		return st, s.answer(err)
	case n == 0:
		return st, s.absent(ctx, term)
	case n < headerSize:
		return st, fmt.Errorf("%w: redis: an entry of %d bytes is not ours", session.ErrUnavailable, n)
	}
	st.Version = binary.BigEndian.Uint64(q.answer[:])
	copy(st.Head[:], q.answer[headerSize:n])
	return st, nil
}
