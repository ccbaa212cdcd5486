package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// The results of replaceScript.
const (
	gone         = int64(0)
	replaced     = int64(1)
	otherVersion = int64(-1)
)

// script is a script with its text, which go-redis does not export.
type script struct {
	*redis.Script
	text string
}

func newScript(text string) script { return script{redis.NewScript(text), text} }

// Each script but stepScript has one key, so it works in a cluster. The scripts compare bytes exactly.
var (
	// replaceScript: old version, new value, TTL in ms.
	replaceScript = newScript(`
local version = redis.call('GETRANGE', KEYS[1], 0, 7)
if version == '' then return 0 end
if version ~= ARGV[1] then return -1 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

	removeScript = newScript(`
local value = redis.call('GET', KEYS[1])
if value then redis.call('DEL', KEYS[1]) end
return value`)
)

// onceCmd is a command that is not sent again after a failure with an unknown result: a second Create would fail
// because of the first, and a second Remove would find nothing.
type onceCmd struct{ *redis.Cmd }

// NoRetry tells the client not to retry the command.
func (onceCmd) NoRetry() bool { return true }

// once sends a command that writes key.
func (s *Store) once(ctx context.Context, key string, args ...any) (any, error) {
	cmd := onceCmd{redis.NewCmd(ctx, args...)}
	if err := s.write(ctx, key, cmd); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// write sends a command: with others that come together if there is one server and no replica to wait for.
func (s *Store) write(ctx context.Context, key string, cmd onceCmd) error {
	if s.writes == nil {
		return s.guard.Write(ctx, key, cmd)
	}
	q := &lookup{Cmder: cmd, turns: make(chan turn, 1), once: true}
	if err := s.writes.ask(ctx, q); err != nil {
		return err
	}
	return q.Err()
}

// again is once for commands that may be repeated.
func (s *Store) again(ctx context.Context, key string, args ...any) (any, error) {
	cmd := redis.NewCmd(ctx, args...)
	if err := s.guard.Write(ctx, key, cmd); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// run runs a script on its key, by its hash, or by its text on a server that does not have it yet.
func (s *Store) run(ctx context.Context, send func(context.Context, string, ...any) (any, error), script script, key string, args ...any) (any, error) {
	return s.runOn(ctx, send, script, []string{key}, args...)
}

// runOn is run for a script with several keys, which a cluster would refuse.
func (s *Store) runOn(ctx context.Context, send func(context.Context, string, ...any) (any, error), script script, keys []string, args ...any) (any, error) {
	all := make([]any, 3, 3+len(keys)+len(args))
	all[0], all[1], all[2] = "evalsha", script.Hash(), len(keys)
	for _, key := range keys {
		all = append(all, key)
	}
	all = append(all, args...)
	v, err := send(ctx, keys[0], all...)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // so it was not executed
		all[0], all[1] = "eval", script.text
		v, err = send(ctx, keys[0], all...)
	}
	return v, err
}
