package signout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Name is that of the case, by which it is chosen.
const Name = "sign-out at another replica, Redis"

// A Latency is how long a session that one replica ended went on at another.
type Latency struct {
	// Asked counts from when the first replica was asked to end it, Told from when it had answered that it is ended.
	Asked, Told []time.Duration // sorted, once Sort was called
}

// Measure ends so many sessions at one of two replicas and watches the other one refuse them.
func Measure(ctx context.Context, r *rig.Rig, times int) (*Latency, error) {
	r.Note("%d sessions are ended at another replica", times)
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	people, _, err := r.RedisWith(ctx, redis, times, rig.Renewable)
	if err != nil {
		return nil, err
	}
	s := rig.Setup{Name: Name, InRedis: true}
	here, err := r.Gateway(ctx, s, redis, "")
	if err != nil {
		return nil, err
	}
	there, err := r.Gateway(ctx, s, redis, "")
	if err != nil {
		return nil, err
	}
	r.Use(there, people)
	if err := there.Client.Everybody(ctx, 1); err != nil { // so that it listens to the feed by now
		return nil, err
	}
	l := &Latency{}
	for _, p := range people {
		if err := l.Add(ctx, there, p, func() (time.Time, error) { return endAt(ctx, here, p) }); err != nil {
			return nil, err
		}
	}
	l.Sort()
	return l, nil
}

// Add ends a session with end, which returns when that was confirmed, and notes how long another replica served it.
func (l *Latency) Add(ctx context.Context, there *rig.Gateway, p rig.Person, end func() (time.Time, error)) error {
	asked, told, err := revokeOne(ctx, there, p, end)
	if err != nil {
		return err
	}
	l.Asked, l.Told = append(l.Asked, asked), append(l.Told, told)
	return nil
}

// Sort is called when all are there.
func (l *Latency) Sort() {
	slices.Sort(l.Asked)
	slices.Sort(l.Told)
}

// endAt ends the sessions of a person by the admin API of a replica.
func endAt(ctx context.Context, here *rig.Gateway, p rig.Person) (answered time.Time, err error) {
	end := fmt.Sprintf("http://%s/latchkey/users/%s/%s/sessions", here.Admin, url.PathEscape(here.Issuer), p.Subject)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, end, http.NoBody)
	if err != nil {
		return time.Time{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return time.Time{}, err
	}
	answered = time.Now()
	body, err := io.ReadAll(resp.Body)
	if closing := resp.Body.Close(); err != nil || closing != nil || string(body) != "{\"ended\":1}\n" {
		return time.Time{}, errors.Join(fmt.Errorf("ending a session: %s, %q", resp.Status, body), err, closing)
	}
	return answered, nil
}

// revokeOne ends a session while a client sends requests to a replica without a pause.
func revokeOne(ctx context.Context, there *rig.Gateway, p rig.Person, end func() (time.Time, error)) (asked, told time.Duration, err error) {
	known, refused := make(chan struct{}), make(chan time.Time, 1)
	failed := make(chan error, 1)
	go func() {
		at, err := untilRefused(ctx, there.Site, p, known)
		if err != nil {
			failed <- err
			return
		}
		refused <- at
	}()
	select {
	case <-known:
	case err := <-failed:
		return 0, 0, err
	}
	start := time.Now()
	answered, err := end()
	if err != nil {
		return 0, 0, err
	}
	select {
	case at := <-refused:
		return at.Sub(start), max(0, at.Sub(answered)), nil
	case err := <-failed:
		return 0, 0, err
	}
}

// untilRefused asks with a session until that is no longer good, and returns when the refusal came. It tells known when
// the session was good for the first time.
func untilRefused(ctx context.Context, site string, p rig.Person, known chan<- struct{}) (time.Time, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", site)
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(rig.AnswerTimeout)); err != nil {
		return time.Time{}, err
	}
	reader, request := bufio.NewReader(conn), rig.BrowserRequest(site, p.Cookies)
	for first := true; ; first = false {
		if _, err := conn.Write(request); err != nil {
			return time.Time{}, err
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return time.Time{}, err
		}
		at := time.Now()
		if err := resp.Body.Close(); err != nil {
			return time.Time{}, err
		}
		switch {
		case resp.StatusCode == http.StatusOK:
			if first {
				close(known)
			}
		case first:
			return time.Time{}, fmt.Errorf("the session was no good before it was ended: %s", resp.Status)
		default:
			return at, nil
		}
	}
}

// Write prints it.
func (l *Latency) Write(p *rig.Printer) {
	at := func(sorted []time.Duration, share float64) float64 {
		return rig.Milliseconds(rig.Percentile(sorted, share))
	}
	p.Printf("- A session that one replica ends is refused by another %.1f ms (median) and %.1f ms (p99) after the first was asked; %.1f and\n", at(l.Asked, 0.5), at(l.Asked, 0.99), at(l.Told, 0.5))
	p.Printf("  %.1f ms after it answered. %d sessions, Redis, a client that asks the other without a pause.\n", at(l.Told, 0.99), len(l.Told))
}
