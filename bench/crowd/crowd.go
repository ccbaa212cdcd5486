package crowd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// connections are how many a crowd has open at most.
const connections = 32

// A Crowd sends so many requests a second to an address, each at a random time, over connections that stay open.
//
// Written on plain connections: net/http's client costs more than the answer that is measured.
type Crowd struct {
	Address  string
	Pace     int
	Requests [][]byte
}

// Answers are what a crowd got: how long each took, in milliseconds and sorted, and how many had a status.
type Answers struct {
	Took   []float64
	Status map[int]int
}

// Send sends requests until ctx ends, and reports whether it is ready once its connections are open.
func (c *Crowd) Send(ctx context.Context, ready func()) (*Answers, error) {
	failed, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	lines := make([]*line, connections)
	for i := range lines {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.Address)
		if err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		defer conn.Close()
		lines[i] = &line{Conn: conn, reader: bufio.NewReader(conn)}
	}
	ready()
	due := make(chan []byte, 1<<14)
	var wait sync.WaitGroup
	for _, l := range lines {
		wait.Go(func() {
			for request := range due {
				if err := l.ask(request); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	c.arrive(ctx, failed, due)
	close(due)
	wait.Wait()
	if err := context.Cause(failed); err != nil {
		return nil, fmt.Errorf("sending requests: %w", err)
	}
	return together(lines)
}

// arrive makes requests due at random times, as those of users who know nothing of each other: one at once, however soon ctx
// ends.
func (c *Crowd) arrive(ctx, failed context.Context, due chan<- []byte) {
	at := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := rand.IntN(len(c.Requests)); ; i++ { //nolint:gosec // no secret
		select {
		case due <- c.Requests[i%len(c.Requests)]:
		case <-failed.Done():
			return
		}
		at = at.Add(time.Duration(rand.ExpFloat64() / float64(c.Pace) * float64(time.Second))) //nolint:gosec // no secret
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		case <-failed.Done():
			return
		}
	}
}

func together(lines []*line) (*Answers, error) {
	all := &Answers{Status: map[int]int{}}
	for _, l := range lines {
		all.Took = append(all.Took, l.took...)
		for _, status := range l.status {
			all.Status[status]++
		}
	}
	if len(all.Took) == 0 {
		return nil, errors.New("no request was answered")
	}
	slices.Sort(all.Took)
	return all, nil
}

// line is one connection, and what came over it.
type line struct {
	net.Conn
	reader *bufio.Reader
	took   []float64
	status []int
}

func (l *line) ask(request []byte) error {
	began := time.Now()
	if err := l.SetDeadline(began.Add(rig.AnswerTimeout)); err != nil {
		return err
	}
	if _, err := l.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(l.reader, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	l.took, l.status = append(l.took, rig.Milliseconds(time.Since(began))), append(l.status, resp.StatusCode)
	return nil
}
