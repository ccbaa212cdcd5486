package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// cut is a client whose pipelines find no connection: go-redis then returns an error and gives none to the commands.
type cut struct{ on bool }

var errCut = errors.New("no connection")

func (*cut) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*cut) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (c *cut) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if c.on {
			return errCut
		}
		return next(ctx, cmds)
	}
}

// What could not be sent has not found anything out, and has written nothing.
func TestUnsentIsUnavailable(t *testing.T) {
	server := redistest.Start(t)
	s, err := Open(Config{URL: server.URL(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := new(cut)
	s.client.AddHook(c)
	until := time.Now().Add(time.Hour)
	entry := func(key session.Key) session.Entry {
		return session.Entry{Key: key, Value: []byte("value"), Expires: until}
	}
	note := func() error {
		b := journal.Batch{Values: [][]byte{[]byte("one")}, Owners: []string{"p:ada"}, Most: 10, Until: until}
		return s.answer(s.own(t.Context(), "log", []any{"1-1"}, b, time.Now()))
	}
	ask := map[string]func() error{
		"get all": func() error { _, err := s.GetAll(t.Context(), "s:old"); return err },
		"note":    note,
		"owned":   func() error { _, err := s.Owned(t.Context(), "p:ada", 5); return err },
	}
	if err := errors.Join(note(), s.Create(t.Context(), entry("s:old"))); err != nil {
		t.Fatal(err)
	}
	c.on = true
	for name, do := range ask {
		if err := do(); !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, errCut) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.on = false
	for name, do := range ask {
		if err := do(); err != nil {
			t.Errorf("afterwards, %s: %v", name, err)
		}
	}
}
