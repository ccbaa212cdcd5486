package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// manyBound is the number of bound sessions for which the writes are promised, at most promisedWrites a second.
const manyBound, promisedWrites = 100_000, 250

// steady lets so many bound sessions refresh, each after the same time again, evenly spread, as the default cache_recheck has it:
// what Redis is asked for meanwhile, and what that takes of a core.
func steady(ctx context.Context, o options, out, notes io.Writer) (err error) {
	r, err := openRig(o, notes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	n := o.refreshing
	redis, err := r.startRedis(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "%d bound sessions are written to Redis\n", n)
	devices, err := r.boundIn(ctx, redis, n)
	if err != nil {
		return err
	}
	c, err := r.gateway(ctx, variant{name: "steady", inRedis: true, recheck: "5s", bound: true}, redis, "")
	if err != nil {
		return err
	}
	fmt.Fprintln(notes, "each gets its first challenge")
	if err := refreshAll(ctx, devices, c.site, connections[0]); err != nil {
		return err
	}
	before, err := c.settled(ctx)
	if err != nil {
		return err
	}
	callsBefore, err := redisCalls(ctx, redis.address)
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "they refresh, for %v\n", o.lasting)
	took, worst, refreshed, err := paced(ctx, devices, c.site, redis.address, o.every, o.lasting)
	if err != nil {
		return err
	}
	callsAfter, err := redisCalls(ctx, redis.address)
	if err != nil {
		return err
	}
	after, err := c.settled(ctx)
	if err != nil {
		return err
	}
	reads, writes := callsAfter.since(callsBefore)
	p := &printer{w: out}
	p.printf("%d bound sessions, each refreshing every %v, for %v: %d refreshes.\n\n", n, o.every, took.Round(time.Second), refreshed)
	p.printf("- Redis: %.1f writes a second (%.0f in the worst), %.2f a refresh, and %.2f reads.\n",
		float64(writes)/took.Seconds(), worst, float64(writes)/float64(refreshed), float64(reads)/float64(refreshed))
	p.printf("- For %d sessions that is %.0f writes a second; promised are %d.\n", manyBound, float64(writes)/float64(refreshed)*manyBound/o.every.Seconds(), promisedWrites)
	p.printf("- Gateway and Redis: %.2f ms of CPU a refresh, %.1f %% of a core.\n",
		milliseconds(after.own-before.own)/float64(refreshed), 100*(after.own-before.own).Seconds()/took.Seconds())
	return p.err
}

// paced refreshes devices one after the other, evenly, and returns the most writes that Redis had in a second.
func paced(ctx context.Context, devices []*device, site string, redis string, every, lasting time.Duration) (took time.Duration, worst float64, refreshed int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections[0], DisableCompression: true}, Timeout: answerTimeout}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	began := time.Now()
	next := time.NewTicker(every / time.Duration(len(devices)))
	defer next.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last, err := redisCalls(ctx, redis)
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
				if err := d.refresh(ctx, client, site); err != nil {
					cancel(fmt.Errorf("refreshing: %w", err))
				}
			})
		case at := <-second.C:
			now, err := redisCalls(ctx, redis)
			if err != nil {
				return 0, 0, 0, err
			}
			_, writes := now.since(last)
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
