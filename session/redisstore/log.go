package redisstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

var logOnce sync.Once

// LogTo passes the Redis client's own messages (a failed connection, a changed master) to log, which must be safe for
// concurrent use. The client has one logger for the whole process, by default standard error. Therefore only the first
// call has an effect.
func LogTo(log func(message string)) {
	logOnce.Do(func() { redis.SetLogger(logger(log)) })
}

type logger func(string)

// Printf implements the client's logger.
func (l logger) Printf(_ context.Context, format string, v ...any) { l(fmt.Sprintf(format, v...)) }
