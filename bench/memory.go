package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"github.com/redis/go-redis/v9"
)

var (
	heapAlloc  = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	usedMemory = regexp.MustCompile(`(?m)^used_memory:(\d+)`)
)

// heap asks a gateway for the bytes that are in use after its garbage was collected.
func heap(ctx context.Context, admin string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/debug/pprof/heap?gc=1&debug=1", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	found := heapAlloc.FindSubmatch(body)
	if found == nil {
		return 0, fmt.Errorf("the gateway does not say how much memory it uses: %s", resp.Status)
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}

// kept is what a Redis holds: in all, and of that the sign-in log, which is a stream.
type kept struct{ all, log int64 }

func (s *server) kept(ctx context.Context) (kept, error) {
	client := redis.NewClient(&redis.Options{Addr: s.address})
	defer client.Close()
	info, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return kept{}, err
	}
	found := usedMemory.FindStringSubmatch(info)
	if found == nil {
		return kept{}, errors.New("redis does not say how much memory it uses")
	}
	var k kept
	if k.all, err = strconv.ParseInt(found[1], 10, 64); err != nil {
		return kept{}, err
	}
	streams := client.ScanType(ctx, 0, "*", 1000, "stream").Iterator()
	for streams.Next(ctx) {
		bytes, err := client.MemoryUsage(ctx, streams.Val(), 0).Result()
		if err != nil {
			return kept{}, err
		}
		k.log += bytes
	}
	return k, streams.Err()
}
