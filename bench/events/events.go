package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/signout"
)

const (
	// eventsOwed is how many events a second one core is to carry out. toldOwed is how soon another replica is to refuse a
	// session that an event ended, counted from the acknowledgement, for 99 of 100.
	eventsOwed = 500
	toldOwed   = 50 * time.Millisecond
)

// Run pushes events: about users with a session, so that each ends one, and forged ones. What counts is the CPU of gateway and
// Redis of n events. Of as many as replicas says it is measured how soon another replica refuses the session.
func Run(ctx context.Context, r *rig.Rig, n, replicas int, out io.Writer) error {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	r.Note("%d sessions are written to Redis", n+replicas)
	people, _, err := r.RedisWith(ctx, redis, n+replicas, rig.Renewable)
	if err != nil {
		return err
	}
	v := rig.Setup{Name: "events", InRedis: true, Signals: true}
	here, err := r.Gateway(ctx, v, redis, "")
	if err != nil {
		return err
	}
	there, err := r.Gateway(ctx, v, redis, "")
	if err != nil {
		return err
	}
	first, rest := people[:replicas], people[replicas:]
	r.Use(there, first)
	if err := there.Client.Everybody(ctx, 1); err != nil { // so that it listens to the feed by now
		return err
	}
	l := &signout.Latency{}
	r.Note("%d events, one after the other; another replica is asked meanwhile", len(first))
	for _, p := range first {
		event, err := eventAbout(r.Provider, p.Subject, rig.EventAudience)
		if err != nil {
			return err
		}
		if err := l.Add(ctx, there, p, func() (time.Time, error) {
			err := pushEvent(ctx, http.DefaultClient, here.Site, event, http.StatusAccepted)
			return time.Now(), err
		}); err != nil {
			return err
		}
	}
	l.Sort()
	r.Note("%d events, %d at once", len(rest), rig.AtOnce)
	callsBefore, err := redis.Calls(ctx)
	if err != nil {
		return err
	}
	genuine, err := pushAll(ctx, r, here, rest, rig.EventAudience, http.StatusAccepted)
	if err != nil {
		return err
	}
	callsAfter, err := redis.Calls(ctx)
	if err != nil {
		return err
	}
	reads, writes := callsAfter.Since(callsBefore)
	forged, err := pushAll(ctx, r, here, rest, "https://other.example.com", http.StatusBadRequest)
	if err != nil {
		return err
	}
	if err := r.Profile(ctx, here, "all", func(ctx context.Context) error { // of events about users whose sessions have ended
		_, err := pushAll(ctx, r, here, rest[:min(len(rest), 500)], rig.EventAudience, http.StatusAccepted)
		return err
	}); err != nil {
		return err
	}
	p := &rig.Printer{W: out}
	each := genuine.CPU / time.Duration(genuine.Answered)
	p.Printf("%d events that end a session, on one core with Redis.\n\n", genuine.Answered)
	p.Printf("- Gateway and Redis: %.2f ms of CPU an event, which is %.0f events a second of one core; owed are %d.\n", rig.Milliseconds(each), float64(time.Second)/float64(each), eventsOwed)
	p.Printf("- Redis: %.1f reads and %.1f writes an event.\n", float64(reads)/float64(genuine.Answered), float64(writes)/float64(genuine.Answered))
	p.Printf("- Wall time: %.0f events a second.\n", float64(genuine.Answered)/genuine.Elapsed.Seconds())
	p.Printf("- An event for another receiver: %.3f ms of CPU, the request included.\n", rig.Milliseconds(forged.CPU/time.Duration(forged.Answered)))
	p.Printf("- Another replica refuses the session after the acknowledgement: %v at the median, %v for 99 of 100; owed are %v. After the push: %v and %v.\n",
		at(l.Told, .5), at(l.Told, .99), toldOwed, at(l.Asked, .5), at(l.Asked, .99))
	return p.Err
}

func at(sorted []time.Duration, share float64) time.Duration {
	return sorted[int(share*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// pushAll pushes an event about each person.
func pushAll(ctx context.Context, r *rig.Rig, g *rig.Gateway, people []rig.Person, audience string, want int) (rig.Turn, error) {
	events := make([]string, len(people))
	for i, p := range people {
		var err error
		if events[i], err = eventAbout(r.Provider, p.Subject, audience); err != nil {
			return rig.Turn{}, err
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: rig.AtOnce, DisableCompression: true}, Timeout: rig.AnswerTimeout}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if _, err := g.Settled(ctx); err != nil {
		return rig.Turn{}, err
	}
	return g.During(ctx, len(events), func() error {
		var next atomic.Int64
		var wait sync.WaitGroup
		for range rig.AtOnce {
			wait.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(events)) && ctx.Err() == nil; i = next.Add(1) - 1 {
					if err := pushEvent(ctx, client, g.Site, events[i], want); err != nil {
						cancel(fmt.Errorf("pushing an event: %w", err))
					}
				}
			})
		}
		wait.Wait()
		return context.Cause(ctx)
	})
}

func pushEvent(ctx context.Context, client *http.Client, site, event string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+site+"/.latchkey/events/hub", strings.NewReader(event))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Authorization", "Bearer "+rig.PushSecret)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<12))
	if closing := resp.Body.Close(); err != nil || closing != nil {
		return errors.Join(err, closing)
	}
	if resp.StatusCode != want {
		return fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return nil
}

// eventAbout is a signed event that the account of a user is disabled.
func eventAbout(p *rig.Provider, subject, audience string) (string, error) {
	now := time.Now()
	return p.Sign("secevent+jwt", map[string]any{
		"iss": p.Issuer, "aud": audience, "iat": now.Unix(), "jti": rand.Text(),
		"sub_id": map[string]string{"format": "iss_sub", "iss": p.Issuer, "sub": subject},
		"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{"event_timestamp": now.UnixMilli()}},
	})
}
