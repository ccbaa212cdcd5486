package rig

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

var stacks = regexp.MustCompile(`(?m)^# Stack = (\d+) /`)

var heapNumber = regexp.MustCompile(`(?m)^# (HeapAlloc|HeapObjects|TotalAlloc|Mallocs) = (\d+)$`)

// Heap is what a gateway says of its heap: the bytes and pieces in use after its garbage was collected, and those that it
// has ever taken. Stack is what the stacks of its goroutines take.
type Heap struct{ InUse, PiecesInUse, Bytes, Pieces, Stack int64 }

// Heap asks a gateway for the state of its heap, garbage collected.
func (g *Gateway) Heap(ctx context.Context) (Heap, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin+"/debug/pprof/heap?gc=1&debug=1", http.NoBody)
	if err != nil {
		return Heap{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Heap{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Heap{}, err
	}
	found := map[string]int64{}
	for _, line := range heapNumber.FindAllSubmatch(body, -1) {
		if found[string(line[1])], err = strconv.ParseInt(string(line[2]), 10, 64); err != nil {
			return Heap{}, err
		}
	}
	stack := stacks.FindSubmatch(body)
	if len(found) != 4 || stack == nil {
		return Heap{}, fmt.Errorf("the gateway does not say how much memory it uses: %s", resp.Status)
	}
	inStacks, err := strconv.ParseInt(string(stack[1]), 10, 64)
	return Heap{
		InUse: found["HeapAlloc"], PiecesInUse: found["HeapObjects"], Bytes: found["TotalAlloc"], Pieces: found["Mallocs"], Stack: inStacks,
	}, err
}

// Memory is an amount of it: pieces, and the bytes of all of them.
type Memory struct{ Bytes, Pieces float64 }

// Garbage sends so many requests and asks what they took. Nothing else that a machine does changes the answer, but there
// must be many beside what a question to the admin endpoint takes itself.
func (g *Gateway) Garbage(ctx context.Context, requests int64) (Memory, error) {
	before, err := g.Heap(ctx)
	if err != nil {
		return Memory{}, err
	}
	end := g.Client.next.Load() + requests
	t, err := g.Client.Load(ctx, AtOnce, func() bool { return g.Client.next.Load() >= end })
	if err != nil {
		return Memory{}, err
	}
	after, err := g.Heap(ctx)
	n := float64(t.Answered)
	return Memory{Bytes: float64(after.Bytes-before.Bytes) / n, Pieces: float64(after.Pieces-before.Pieces) / n}, err
}
