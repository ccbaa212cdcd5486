package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// idleTime is how long the idle streams are watched.
const idleTime = 20 * time.Second

// endTimeout is when the run stops to wait for streams to end.
const endTimeout = time.Minute

// many is what a run with many streams over two gateways brought.
type many struct {
	each int // streams of a kind
	// idle is the CPU of both gateways and of Redis while nothing happens, of one core.
	idle, idleRedis float64
	rss             int64
	kept            int // streams that were open after both gateways had reloaded their configuration
	// ended is from when the end of all sessions was asked for to the end of the last stream.
	ended time.Duration
}

func measureMany(ctx context.Context, r *rig.Rig, redis *rig.Redis, people []rig.Person) (m many, err error) {
	m.each = len(people)
	setup := rig.Setup{Name: "gateway", InRedis: true} // the store is asked again as it comes
	var gateways []*rig.Gateway
	var streams []io.ReadCloser
	defer func() { closeAll(streams) }()
	for i := range 2 {
		g, err := gateway(ctx, r, setup, redis)
		if err != nil {
			return m, err
		}
		gateways = append(gateways, g)
		c, half := newClient(g.Site), people[i*len(people)/2:(i+1)*len(people)/2]
		for _, k := range []kind{webSocket, eventsH2} {
			r.Note("%d streams at gateway %d: %s", len(half), i+1, kindNames[k])
			opened, err := c.openAll(ctx, k, half)
			streams = append(streams, opened...)
			if err != nil {
				return m, err
			}
		}
	}
	var open atomic.Int64
	open.Store(int64(len(streams)))
	var all sync.WaitGroup
	for _, s := range streams {
		all.Go(func() {
			_, _ = io.Copy(io.Discard, s)
			open.Add(-1)
		})
	}
	r.Note("idle for %v", idleTime)
	if m.idle, m.idleRedis, err = idle(ctx, gateways, redis); err != nil {
		return m, err
	}
	for _, g := range gateways {
		rss, err := g.Processes[0].RSS()
		if err != nil {
			return m, err
		}
		m.rss += rss
		if err := post(ctx, g, "/load", "text/caddyfile", caddyfile(setup, g.Addresses)); err != nil {
			return m, err
		}
	}
	m.kept = int(open.Load())
	began := time.Now()
	if err := post(ctx, gateways[0], "/latchkey/revoke-before", "application/json", `{"before":"0s"}`); err != nil {
		return m, err
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	select {
	case <-over:
		m.ended = time.Since(began)
	case <-time.After(endTimeout):
		err = fmt.Errorf("%d streams of %d are open %v after all sessions were ended", open.Load(), len(streams), endTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return m, err
}

// idle is which part of a core the gateways take, and Redis.
func idle(ctx context.Context, gateways []*rig.Gateway, redis *rig.Redis) (ours, theirs float64, err error) {
	used := func() (ours, theirs time.Duration, err error) {
		for _, g := range gateways {
			cpu, err := g.Processes[0].CPU()
			if err != nil {
				return 0, 0, err
			}
			ours += cpu
		}
		theirs, err = redis.Process.CPU()
		return ours, theirs, err
	}
	oursBefore, theirsBefore, err := used()
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	oursAfter, theirsAfter, err := used()
	return float64(oursAfter-oursBefore) / float64(idleTime), float64(theirsAfter-theirsBefore) / float64(idleTime), err
}

// post asks the admin endpoint of a gateway. A configuration is loaded even if it is the one that runs.
func post(ctx context.Context, g *rig.Gateway, path, contentType, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Admin+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Cache-Control", "must-revalidate")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("%s: %s, %s", path, resp.Status, text))
	}
	return errors.Join(err, resp.Body.Close())
}
