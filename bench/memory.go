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
	heapNumber = regexp.MustCompile(`(?m)^# (HeapAlloc|HeapObjects|TotalAlloc|Mallocs) = (\d+)$`)
	usedMemory = regexp.MustCompile(`(?m)^used_memory:(\d+)`)
)

// heapState is what a gateway says of its heap: the bytes and pieces in use after its garbage was collected, and those
// that it has ever taken.
type heapState struct{ inUse, piecesInUse, bytes, pieces int64 }

// heap asks a gateway for the state of its heap, garbage collected.
func heap(ctx context.Context, admin string) (heapState, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/debug/pprof/heap?gc=1&debug=1", http.NoBody)
	if err != nil {
		return heapState{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return heapState{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return heapState{}, err
	}
	found := map[string]int64{}
	for _, line := range heapNumber.FindAllSubmatch(body, -1) {
		if found[string(line[1])], err = strconv.ParseInt(string(line[2]), 10, 64); err != nil {
			return heapState{}, err
		}
	}
	if len(found) != 4 {
		return heapState{}, fmt.Errorf("the gateway does not say how much memory it uses: %s", resp.Status)
	}
	return heapState{inUse: found["HeapAlloc"], piecesInUse: found["HeapObjects"], bytes: found["TotalAlloc"], pieces: found["Mallocs"]}, nil
}

// pieces of memory, and the bytes of all of them.
type memory struct{ bytes, pieces float64 }

// garbage sends so many requests and asks what they took. Nothing else that a machine does changes the answer, but there
// must be many beside what a question to the admin endpoint takes itself.
func (c *running) garbage(ctx context.Context, requests int64) (memory, error) {
	before, err := heap(ctx, c.admin)
	if err != nil {
		return memory{}, err
	}
	end := c.client.next.Load() + requests
	t, err := c.client.load(ctx, connections[0], func() bool { return c.client.next.Load() >= end })
	if err != nil {
		return memory{}, err
	}
	after, err := heap(ctx, c.admin)
	n := float64(t.answered)
	return memory{bytes: float64(after.bytes-before.bytes) / n, pieces: float64(after.pieces-before.pieces) / n}, err
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
