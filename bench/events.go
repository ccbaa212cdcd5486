package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// eventsOwed is how many events a second one core is to carry out. toldOwed is how soon another replica is to refuse a
	// session that an event ended, counted from the acknowledgement, for 99 of 100.
	eventsOwed = 500
	toldOwed   = 50 * time.Millisecond
)

// events pushes events: about users with a session, so that each ends one, and forged ones. What counts is the CPU of gateway and
// Redis.
func events(ctx context.Context, o options, out, notes io.Writer) (err error) {
	r, err := openRig(o, notes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	redis, err := r.startRedis(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(notes, "%d sessions are written to Redis\n", o.events+o.revocations)
	people, _, err := r.redisWith(ctx, redis, o.events+o.revocations, renewable)
	if err != nil {
		return err
	}
	v := variant{name: "events", inRedis: true, signals: true}
	here, err := r.gateway(ctx, v, redis, "")
	if err != nil {
		return err
	}
	there, err := r.gateway(ctx, v, redis, "")
	if err != nil {
		return err
	}
	first, rest := people[:o.revocations], people[o.revocations:]
	r.use(there, first)
	if err := there.client.everybody(ctx, 1); err != nil { // so that it listens to the feed by now
		return err
	}
	l := &latency{times: len(first)}
	fmt.Fprintf(notes, "%d events, one after the other; another replica is asked meanwhile\n", len(first))
	for _, p := range first {
		event, err := r.provider.event(p.subject, eventAudience)
		if err != nil {
			return err
		}
		if err := l.add(ctx, there, p, func() (time.Time, error) {
			err := pushEvent(ctx, http.DefaultClient, here.site, event, http.StatusAccepted)
			return time.Now(), err
		}); err != nil {
			return err
		}
	}
	l.sort()
	fmt.Fprintf(notes, "%d events, %d at once\n", len(rest), connections[0])
	callsBefore, err := redisCalls(ctx, redis.address)
	if err != nil {
		return err
	}
	genuine, err := r.pushAll(ctx, here, rest, eventAudience, http.StatusAccepted)
	if err != nil {
		return err
	}
	callsAfter, err := redisCalls(ctx, redis.address)
	if err != nil {
		return err
	}
	reads, writes := callsAfter.since(callsBefore)
	forged, err := r.pushAll(ctx, here, rest, "https://other.example.com", http.StatusBadRequest)
	if err != nil {
		return err
	}
	if err := r.profileEvents(ctx, here, rest); err != nil {
		return err
	}
	p := &printer{w: out}
	each := genuine.cpu / time.Duration(genuine.answered)
	p.printf("%d events that end a session, on one core with Redis.\n\n", genuine.answered)
	p.printf("- Gateway and Redis: %.2f ms of CPU an event, which is %.0f events a second of one core; owed are %d.\n", milliseconds(each), float64(time.Second)/float64(each), eventsOwed)
	p.printf("- Redis: %.1f reads and %.1f writes an event.\n", float64(reads)/float64(genuine.answered), float64(writes)/float64(genuine.answered))
	p.printf("- Wall time: %.0f events a second.\n", float64(genuine.answered)/genuine.elapsed.Seconds())
	p.printf("- An event for another receiver: %.3f ms of CPU, the request included.\n", milliseconds(forged.cpu/time.Duration(forged.answered)))
	p.printf("- Another replica refuses the session after the acknowledgement: %v at the median, %v for 99 of 100; owed are %v. After the push: %v and %v.\n",
		at(l.told, .5), at(l.told, .99), toldOwed, at(l.asked, .5), at(l.asked, .99))
	return p.err
}

func at(sorted []time.Duration, share float64) time.Duration {
	return sorted[int(share*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// pushAll pushes an event about each person.
func (r *rig) pushAll(ctx context.Context, c *running, people []person, audience string, want int) (turn, error) {
	events := make([]string, len(people))
	for i, p := range people {
		var err error
		if events[i], err = r.provider.event(p.subject, audience); err != nil {
			return turn{}, err
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections[0], DisableCompression: true}, Timeout: answerTimeout}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before, err := c.settled(ctx)
	if err != nil {
		return turn{}, err
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	started := time.Now()
	for range connections[0] {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(events)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := pushEvent(ctx, client, c.site, events[i], want); err != nil {
					cancel(fmt.Errorf("pushing an event: %w", err))
				}
			}
		})
	}
	wait.Wait()
	elapsed := time.Since(started)
	if err := context.Cause(ctx); err != nil {
		return turn{}, err
	}
	after, err := c.settled(ctx)
	return turn{answered: len(events), elapsed: elapsed, cpu: after.own - before.own}, err
}

// profileEvents writes where a gateway spends its time on events about users whose sessions have ended.
func (r *rig) profileEvents(ctx context.Context, c *running, people []person) error {
	if r.options.profile == "" {
		return nil
	}
	if err := os.MkdirAll(r.options.profile, 0o750); err != nil {
		return err
	}
	return r.profileDuring(ctx, c, "all", func(ctx context.Context) error {
		for started := time.Now(); time.Since(started) < profileTime; {
			if _, err := r.pushAll(ctx, c, people[:min(len(people), 500)], eventAudience, http.StatusAccepted); err != nil {
				return err
			}
		}
		return nil
	})
}

func pushEvent(ctx context.Context, client *http.Client, site, event string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+site+"/.latchkey/events/hub", strings.NewReader(event))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Authorization", "Bearer "+pushSecret)
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

// event is a signed event that the account of a user is disabled.
func (p *provider) event(subject, audience string) (string, error) {
	options := (&jose.SignerOptions{}).WithType("secevent+jwt").WithHeader("kid", "bench-1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, options)
	if err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.Signed(signer).Claims(map[string]any{
		"iss": p.issuer, "aud": audience, "iat": now.Unix(), "jti": rand.Text(),
		"sub_id": map[string]string{"format": "iss_sub", "iss": p.issuer, "sub": subject},
		"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{"event_timestamp": now.UnixMilli()}},
	}).Serialize()
}
