package refresh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// manyBound is the number of bound sessions for which the writes are promised, at most promisedWrites a second.
const manyBound, promisedWrites = 100_000, 250

// Pace is that of many sessions: each refreshes after Every again, and all of it lasts so long.
type Pace struct {
	Sessions       int
	Every, Lasting time.Duration
}

// Steady lets so many bound sessions refresh, each after the same time again, evenly spread, as the default cache_recheck has
// it: what Redis is asked for meanwhile, and what that takes of a core.
func Steady(ctx context.Context, r *rig.Rig, pace Pace, out io.Writer) error {
	n := pace.Sessions
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	r.Note("%d bound sessions are written to Redis", n)
	devices, err := r.BoundIn(ctx, redis, n)
	if err != nil {
		return err
	}
	g, err := r.Gateway(ctx, rig.Setup{Name: "steady", InRedis: true, Recheck: "5s", Bound: true}, redis, "")
	if err != nil {
		return err
	}
	r.Note("each gets its first challenge")
	if err := rig.RefreshAll(ctx, devices, g.Site, rig.AtOnce); err != nil {
		return err
	}
	before, err := g.Settled(ctx)
	if err != nil {
		return err
	}
	callsBefore, err := redis.Calls(ctx)
	if err != nil {
		return err
	}
	r.Note("they refresh, for %v", pace.Lasting)
	took, worst, refreshed, err := paced(ctx, devices, g.Site, redis, pace.Every, pace.Lasting)
	if err != nil {
		return err
	}
	callsAfter, err := redis.Calls(ctx)
	if err != nil {
		return err
	}
	after, err := g.Settled(ctx)
	if err != nil {
		return err
	}
	reads, writes := callsAfter.Since(callsBefore)
	p := &rig.Printer{W: out}
	p.Printf("%d bound sessions, each refreshing every %v, for %v: %d refreshes.\n\n", n, pace.Every, took.Round(time.Second), refreshed)
	p.Printf("- Redis: %.1f writes a second (%.0f in the worst), %.2f a refresh, and %.2f reads: %s.\n",
		float64(writes)/took.Seconds(), worst, float64(writes)/float64(refreshed), float64(reads)/float64(refreshed), callsAfter.List(callsBefore))
	p.Printf("- For %d sessions that is %.0f writes a second; promised are %d.\n", manyBound, float64(writes)/float64(refreshed)*manyBound/pace.Every.Seconds(), promisedWrites)
	p.Printf("- Gateway and Redis: %.2f ms of CPU a refresh, %.1f %% of a core.\n",
		rig.Milliseconds(after.Own-before.Own)/float64(refreshed), 100*(after.Own-before.Own).Seconds()/took.Seconds())
	return p.Err
}

// paced refreshes devices one after the other, evenly, and returns the most writes that Redis had in a second.
func paced(ctx context.Context, devices []*rig.Device, site string, redis *rig.Redis, every, lasting time.Duration) (took time.Duration, worst float64, refreshed int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: rig.AtOnce, DisableCompression: true}, Timeout: rig.AnswerTimeout}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	began := time.Now()
	next := time.NewTicker(every / time.Duration(len(devices)))
	defer next.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last, err := redis.Calls(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	lastAt := began
	for time.Since(began) < lasting && ctx.Err() == nil {
		select {
		case <-next.C:
			d := devices[refreshed%len(devices)]
			refreshed++
			wait.Go(func() {
				if err := d.Refresh(ctx, client, site); err != nil {
					cancel(fmt.Errorf("refreshing: %w", err))
				}
			})
		case at := <-second.C:
			now, err := redis.Calls(ctx)
			if err != nil {
				return 0, 0, 0, err
			}
			_, writes := now.Since(last)
			worst = max(worst, float64(writes)/at.Sub(lastAt).Seconds())
			last, lastAt = now, at
		case <-ctx.Done():
		}
	}
	wait.Wait()
	if refreshed == 0 && err == nil {
		err = errors.New("-for is too short for one refresh")
	}
	return time.Since(began), worst, refreshed, errors.Join(err, context.Cause(ctx))
}
