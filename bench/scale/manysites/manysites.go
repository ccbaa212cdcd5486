package manysites

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Size is how large the run is.
type Size struct{ Sites, Policies, Reloads int }

// Sized is the run at a share of its full size.
func Sized(share float64) Size {
	part := func(n int) int { return max(2, int(share*float64(n))) }
	return Size{Sites: part(1000), Policies: part(100), Reloads: part(10)}
}

// measured is what was seen of one kind of configuration.
type measured struct {
	// first and last are the memory after the first load and after all others.
	first, last memory
	// json and adapted are the CPU of each load: of JSON, and of a Caddyfile, which the server adapts first.
	json, adapted []float64
}

// memory is what a process takes, in bytes: of the machine's memory as it stands, and in its heap once its garbage is
// collected.
type memory struct{ resident, heap int64 }

// Run measures all of it. Each kind of configuration has a process, and they reload in turns.
func Run(ctx context.Context, r *rig.Rig, size Size, out io.Writer) error {
	var servers [len(names)]*rig.Gateway
	var texts, configs [len(names)][]byte
	var seen [len(names)]measured
	for k := range names {
		a, err := r.Place()
		if err != nil {
			return err
		}
		text := caddyfile(kind(k), a, size)
		if servers[k], err = r.Caddy(ctx, r.Options.Binary, a, text); err != nil {
			return fmt.Errorf("%s: %w", names[k], err)
		}
		texts[k] = []byte(text)
		if configs[k], err = running(ctx, servers[k]); err != nil {
			return err
		}
		if seen[k].first, err = taken(ctx, servers[k]); err != nil {
			return err
		}
	}
	load := func(k int, kind string, body []byte, to *[]float64) error {
		t, err := servers[k].During(ctx, 1, func() error { return reload(ctx, servers[k], kind, body) })
		*to = append(*to, rig.Milliseconds(t.CPU))
		return err
	}
	for range size.Reloads {
		for k := range names {
			if err := load(k, "application/json", configs[k], &seen[k].json); err != nil {
				return err
			}
		}
	}
	for k := range names {
		var err error
		if seen[k].last, err = taken(ctx, servers[k]); err != nil {
			return err
		}
	}
	for range size.Reloads {
		for k := range names {
			if err := load(k, "text/caddyfile", texts[k], &seen[k].adapted); err != nil {
				return err
			}
		}
	}
	return report(size, seen[:], out)
}

// taken is the memory of a server.
func taken(ctx context.Context, g *rig.Gateway) (m memory, err error) {
	if _, err = g.Settled(ctx); err != nil {
		return m, err
	}
	if m.resident, err = g.Processes[0].RSS(); err != nil {
		return m, err
	}
	heap, err := g.Heap(ctx)
	if err == nil { // what has a finalizer is freed by the second collection
		heap, err = g.Heap(ctx)
	}
	m.heap = heap.InUse
	return m, err
}

// running is the configuration that a server runs, in JSON.
func running(ctx context.Context, g *rig.Gateway) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin+"/config/", http.NoBody)
	if err != nil {
		return nil, err
	}
	return answer(req)
}

// reload loads a configuration, also if it is the one that runs.
func reload(ctx context.Context, g *rig.Gateway, kind string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Admin+"/load", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Cache-Control", "must-revalidate")
	_, err = answer(req)
	return err
}

func answer(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, body)
	}
	return body, err
}
