package redisstore

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxLookups is how many look-ups may wait for one server.
	maxLookups = 8192
	// maxTrips is how many trips to one server may be under way at the same time.
	maxTrips = 4
	// tripLag is how long a look-up waits for a trip that is under way. After that another one begins, so that a server
	// far away, or a connection that hangs, does not hold up the look-ups that come later.
	tripLag = 2 * time.Millisecond
	// tripTimeout is the timeout of a trip, its retry included. A look-up waits for the end of one trip at most, and takes
	// part in the next.
	tripTimeout = callTimeout / 2
)

// A lane takes look-ups, or writes, to one server. What is said of look-ups here holds for writes. Those that come while a trip is under way share the next one: many commands, one
// write, one read, and one change between the processes. A command is always sent after its look-up began, and the end
// of one caller's context ends no trip.
//
// A trip is led by one of its look-ups, in the goroutine of that caller, and the leader names the leader of the next. So
// a look-up that comes alone costs no change of the goroutine.
type lane struct {
	client redis.UniversalClient

	mu      sync.Mutex
	waiting []*lookup
	spare   []*lookup   // the memory of waiting, for the next trip
	trips   int         // under way, or about to be
	late    *time.Timer // of tripLag
}

func newLane(client redis.UniversalClient) *lane {
	l := &lane{client: client}
	l.late = time.AfterFunc(time.Hour, l.another)
	l.late.Stop()
	return l
}

// lookup is a command that waits for its trip.
type lookup struct {
	redis.Cmder
	// turns has room for one value. The caller gets lead at most once, and then answered once the command has its answer.
	turns chan turn
	// leads: the caller waits until the end, so it can lead a trip.
	leads bool
	// once: the command is a write that is not sent again after a failure with an unknown result. Nothing else is on its
	// lane, because a trip is sent again as a whole or not at all.
	once bool
}

type turn bool

const (
	answered turn = false
	lead     turn = true
)

// NoRetry tells the client whether the command may be sent again after a failure: one that only reads may.
func (q *lookup) NoRetry() bool { return q.once }

// The errors of a look-up that was not sent: its empty answer must not be taken for one of the server.
var (
	errLookups = errors.New("too many look-ups wait for the server")
	errUnsent  = errors.New("not sent")
)

// ask sends the command of a look-up with others, and returns when it has its answer, which can be an error. An error of
// ask itself is that of ctx, or says that too many wait. Then the look-up is not to be touched any more.
func (l *lane) ask(ctx context.Context, q *lookup) error {
	q.SetErr(errUnsent)
	q.leads = ctx.Done() == nil || q.once // a write returns within the timeout of a trip
	if err := l.add(q); err != nil {
		return err
	}
	for {
		select {
		case turn := <-q.turns:
			if turn == answered {
				return nil
			}
			l.lead()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *lane) add(q *lookup) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= maxLookups {
		return errLookups
	}
	l.waiting = append(l.waiting, q)
	switch {
	case l.trips == 0:
		l.begin()
	case len(l.waiting) == 1 && l.trips < maxTrips:
		l.late.Reset(tripLag)
	}
	return nil
}

// begin names the leader of another trip: the first look-up that can lead, else a new goroutine. The caller has the lock,
// and there are look-ups that wait.
func (l *lane) begin() {
	l.trips++
	for _, q := range l.waiting {
		if q.leads {
			q.leads = false // it is named once
			q.turns <- lead
			return
		}
	}
	go l.lead()
}

// lead makes one trip with all look-ups that wait, and begins the next if more have come meanwhile.
func (l *lane) lead() {
	runtime.Gosched() // requests that are about to ask come along
	l.mu.Lock()
	trip := l.waiting
	l.waiting, l.spare = l.spare[:0], nil
	l.mu.Unlock()
	defer l.end(trip)
	l.send(trip)
}

// end tells the callers of a trip, and begins the next.
func (l *lane) end(trip []*lookup) {
	for _, q := range trip {
		q.turns <- answered
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trips--
	if len(l.waiting) > 0 {
		l.begin()
	}
	if l.spare == nil {
		clear(trip)
		l.spare = trip
	}
}

// another begins a trip beside those that take long.
func (l *lane) another() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 && l.trips > 0 && l.trips < maxTrips {
		l.begin()
	}
}

// send sends the commands of look-ups, each of which gets an answer or an error.
func (l *lane) send(trip []*lookup) {
	ctx := deadline{context.Background(), time.Now().Add(tripTimeout)}
	switch len(trip) {
	case 0: // another trip has taken them
	case 1:
		_ = l.client.Process(ctx, trip[0])
	default:
		p := l.client.Pipeline()
		for _, q := range trip {
			_ = p.Process(ctx, q)
		}
		if _, err := p.Exec(ctx); err != nil {
			for _, q := range trip {
				if q.Err() == errUnsent { //nolint:errorlint // as set by ask
					q.SetErr(err)
				}
			}
		}
	}
}

// deadline is a context that ends at a time without a timer. The client turns it into the deadlines of its connection.
type deadline struct {
	context.Context
	at time.Time
}

// Deadline implements context.Context.
func (d deadline) Deadline() (time.Time, bool) { return d.at, true }
