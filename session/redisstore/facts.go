package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Facts are what a server reports about itself, for an operator. What it does not report is empty.
type Facts struct {
	// Version is the version of Redis, or the Redis version with which a Valkey server is compatible.
	Version string
	// Time is the server's clock.
	Time time.Time
}

// Facts asks the server, or any node of a cluster. It returns an error if the server does not answer.
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
	if f.Time.IsZero() { // for old servers, or if the user from our documentation may not use TIME
		if now, err := s.client.Time(ctx).Result(); err == nil {
			f.Time = now
		}
	}
	return f, nil
}

// timeField returns the server's clock from INFO; zero if it is missing.
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
