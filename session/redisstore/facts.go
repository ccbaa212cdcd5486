package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Facts are what a server says of itself, for an operator. What it does not tell is empty.
type Facts struct {
	// Version is Redis's, or the one that Valkey is compatible with.
	Version string
	// Time is the server's clock.
	Time time.Time
}

// Facts asks the server, or any node of a cluster. The error is that of a server that does not answer.
func (s *Store) Facts(ctx context.Context) (f Facts, err error) {
	if err := s.Ping(ctx); err != nil {
		return f, err
	}
	ctx, cancel, err := s.begin(ctx, func() error { return nil })
	if err != nil {
		return f, err
	}
	defer cancel()
	if info, err := s.client.Info(ctx, "server").Result(); err == nil {
		f.Version, f.Time = versionField(info), timeField(info)
	}
	if f.Time.IsZero() { // servers of long ago; the user that the documentation makes may not use TIME
		if now, err := s.client.Time(ctx).Result(); err == nil {
			f.Time = now
		}
	}
	return f, nil
}

// timeField is the clock of a server, as INFO has it; zero if it has not.
func timeField(info string) time.Time {
	if usec, err := strconv.ParseInt(infoField(info, "server_time_usec"), 10, 64); err == nil && usec > 0 {
		return time.UnixMicro(usec)
	}
	return time.Time{}
}

func versionField(info string) string {
	for line := range strings.SplitSeq(info, "\n") {
		version, ok := strings.CutPrefix(strings.TrimRight(line, "\r"), "redis_version:")
		if ok && len(version) <= 32 && strings.Trim(version, "0123456789.") == "" {
			return version
		}
	}
	return ""
}
