package redisstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

var logOnce sync.Once

// LogTo hands what the Redis client has to say for itself (a connection that failed, a master that changed) to log,
// which must be safe for concurrent use. The client has one log for the whole process and writes to standard error
// by default; so the first call counts, and later ones do nothing.
func LogTo(log func(message string)) {
	logOnce.Do(func() { redis.SetLogger(logger(log)) })
}

type logger func(string)

// Printf is what the client calls.
func (l logger) Printf(_ context.Context, format string, v ...any) { l(fmt.Sprintf(format, v...)) }
