package guess

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// cost is what one request of a flood takes of the gateway that gets it, and of its Redis, while there are no users.
type cost struct {
	cpu    time.Duration
	memory rig.Memory
}

// String is empty for no request.
func (c cost) String() string {
	if c == (cost{}) {
		return ""
	}
	return fmt.Sprintf("%d µs, %.1f KB in %.0f pieces", c.cpu.Microseconds(), c.memory.Bytes/1000, c.memory.Pieces)
}

// costs measures what every kind costs, after the turns, so that it changes none of them: asking a gateway for its memory has it
// collect its garbage.
func (m *measurement) costs(ctx context.Context) error {
	m.cost = make([]cost, len(m.kinds))
	for i, k := range m.kinds {
		if k.requests == nil || k.gateway.Admin == "" { // the floor does not say what it takes
			continue
		}
		c, err := m.costOf(ctx, k.gateway, m.files[i])
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		m.cost[i] = c
	}
	return nil
}

func (m *measurement) costOf(ctx context.Context, g *rig.Gateway, flood string) (cost, error) {
	before, err := g.Heap(ctx)
	if err != nil {
		return cost{}, err
	}
	var status map[int]int
	t, err := g.During(ctx, 0, func() (err error) {
		status, err = beside(ctx, flood, func() error {
			select {
			case <-ctx.Done():
			case <-time.After(m.options.Slice):
			}
			return ctx.Err()
		})
		return err
	})
	if err != nil {
		return cost{}, err
	}
	after, err := g.Heap(ctx)
	n := 0
	for _, of := range status {
		n += of
	}
	return cost{
		cpu:    t.CPU / time.Duration(n),
		memory: rig.Memory{Bytes: float64(after.Bytes-before.Bytes) / float64(n), Pieces: float64(after.Pieces-before.Pieces) / float64(n)},
	}, err
}
