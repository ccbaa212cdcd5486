package main

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
)

// latency is how long a session that one replica ended went on at another.
type latency struct {
	times int
	// asked counts from when the first replica was asked to end it, told from when it had answered that it is ended.
	asked, told []time.Duration // sorted
}

// revoke ends sessions at one of two replicas and watches the other one refuse them.
func (r *rig) revoke(ctx context.Context, times int) (*latency, error) {
	fmt.Fprintf(r.notes, "%d sessions are ended at another replica\n", times)
	redis, err := r.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	people, _, err := r.redisWith(ctx, redis, times, renewable)
	if err != nil {
		return nil, err
	}
	v := variant{inRedis: true}
	here, err := r.gateway(ctx, v, redis, "")
	if err != nil {
		return nil, err
	}
	there, err := r.gateway(ctx, v, redis, "")
	if err != nil {
		return nil, err
	}
	r.use(there, people)
	if err := there.client.everybody(ctx, 1); err != nil { // so that it listens to the feed by now
		return nil, err
	}
	l := &latency{times: times}
	for _, p := range people {
		if err := l.add(ctx, there, p, func() (time.Time, error) { return endAt(ctx, here, p) }); err != nil {
			return nil, err
		}
	}
	l.sort()
	return l, nil
}

// add ends a session with end, which returns when that was confirmed, and notes how long another replica served it.
func (l *latency) add(ctx context.Context, there *running, p person, end func() (time.Time, error)) error {
	asked, told, err := revokeOne(ctx, there, p, end)
	if err != nil {
		return err
	}
	l.asked, l.told = append(l.asked, asked), append(l.told, told)
	return nil
}

func (l *latency) sort() {
	slices.Sort(l.asked)
	slices.Sort(l.told)
}

// endAt ends the sessions of a person by the admin API of a replica.
func endAt(ctx context.Context, here *running, p person) (answered time.Time, err error) {
	end := fmt.Sprintf("http://%s/latchkey/users/%s/%s/sessions", here.admin, url.PathEscape(here.issuer), p.subject)
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
func revokeOne(ctx context.Context, there *running, p person, end func() (time.Time, error)) (asked, told time.Duration, err error) {
	known, refused := make(chan struct{}), make(chan time.Time, 1)
	failed := make(chan error, 1)
	go func() {
		at, err := untilRefused(ctx, there.site, p, known)
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
func untilRefused(ctx context.Context, site string, p person, known chan<- struct{}) (time.Time, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", site)
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return time.Time{}, err
	}
	reader, request := bufio.NewReader(conn), browserRequest(site, p.cookies)
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
