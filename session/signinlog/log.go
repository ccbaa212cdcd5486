package signinlog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// Defaults and limits of a log.
const (
	DefaultKeep       = 30 * 24 * time.Hour
	DefaultMaxEntries = 100_000
	// MaxKeep is the longest that records can be kept.
	MaxKeep = 400 * 24 * time.Hour
	// MaxMaxEntries is the largest number of records that can be kept.
	MaxMaxEntries = 10_000_000
)

const (
	// queueSize is how many records can wait while the store is slow or unavailable. Further ones are lost, and
	// counted.
	queueSize = 2048
	// batchSize is the largest number of records in one write.
	batchSize = 128
	// gatherFor is how long a record waits for others to share its write.
	gatherFor = 20 * time.Millisecond
	// appendTimeout is the timeout of one attempt to write.
	appendTimeout = 5 * time.Second
	// shortestRetry and longestRetry are the pauses between attempts; hurriedRetry is the longest while Close waits.
	shortestRetry = 100 * time.Millisecond
	longestRetry  = 5 * time.Second
	hurriedRetry  = 500 * time.Millisecond
	// retryFor is how long a batch is tried. It is written to the day of the first attempt, so it must not be tried at
	// a time when that day is not expected to grow any more.
	retryFor = 6 * time.Hour
	// closeTimeout is the timeout of Close.
	closeTimeout = 5 * time.Second
)

// Config sets where a Log keeps records and how many. Journal and Keys are required.
type Config struct {
	Journal journal.Journal
	Keys    *keyring.Ring
	// Keep is how long a record is kept; default DefaultKeep, at most MaxKeep.
	Keep time.Duration
	// MaxEntries is how many records are kept; the oldest are removed first. Default DefaultMaxEntries. For up to a
	// minute there may be twice as many.
	MaxEntries int
	// Logger gets one message when records cannot be stored, and one when they can again. Default: none.
	Logger *zap.Logger
	Now    func() time.Time
}

// Log keeps records in a journal, and reads them. It is a Sink: a sign-in never waits for it and never fails because of
// it. Records are written in the background, in their order. Records that cannot be written are counted.
type Log struct {
	Config

	maxScan int

	inStep bool // the journal appends in steps of its store
	queue  chan *Record
	stop   chan struct{}   // closed when Close begins
	ctx    context.Context // ends when Close stops waiting
	abort  context.CancelFunc
	work   sync.WaitGroup

	mu     sync.RWMutex // guards closed against a Write that is adding to the queue
	closed bool

	waiting      atomic.Int64 // records that are in the queue or being written
	stored, lost atomic.Uint64
	troubled     atomic.Bool
	dirty        atomic.Bool // something was stored since the keeper's last check
	shares       shares
	// Used only by the writer: how many lost records it has reported, and whether Close waits for it.
	reported uint64
	hurried  bool
}

// Open starts a log. It runs goroutines until Close.
func Open(c Config) *Log {
	if c.Keep <= 0 {
		c.Keep = DefaultKeep
	}
	if c.MaxEntries <= 0 {
		c.MaxEntries = DefaultMaxEntries
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Keep = min(c.Keep, MaxKeep)
	l := &Log{Config: c, maxScan: maxScan, queue: make(chan *Record, queueSize), stop: make(chan struct{})}
	if in, ok := c.Journal.(journal.InSteps); ok {
		l.inStep = in.AppendsInStep()
	}
	l.shares = shares{each: shareOf(c.MaxEntries), logger: c.Logger}
	l.ctx, l.abort = context.WithCancel(context.Background())
	l.work.Go(l.writer)
	l.work.Go(l.keeper)
	return l
}

// Write implements Sink. It never blocks.
func (l *Log) Write(r Record) {
	if r.Unproven {
		return
	}
	if r.share == inStore {
		l.stored.Add(1)
		l.dirty.Store(true)
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.lost.Add(1)
		return
	}
	select {
	case l.queue <- &r:
		l.waiting.Add(1)
	default:
		l.lost.Add(1)
		l.trouble(errors.New("the store is slower than the sign-ins"))
	}
}

// Prepare implements Preparer. It has a record wait behind those that are not written yet, so that all stay in their order.
func (l *Log) Prepare(r *Record) *session.Appended {
	if !l.inStep || r.Unproven || l.waiting.Load() > 0 || l.stopping() != nil {
		return nil
	}
	now := l.Now()
	if r.share = admitted; !l.shares.admit(*r, now) {
		r.share = refused
		return nil
	}
	p, d := partOf(*r), dayOf(now)
	stream := d.stream(p)
	value, err := l.seal(stream, *r)
	if err != nil {
		return nil // Write reports it
	}
	return &session.Appended{
		Stream: session.Key(stream), Value: value, Owner: session.Key(owner(*r)), Until: (d + 1).start().Add(l.Keep), Most: l.most(p),
	}
}

// Close writes the waiting records, for a few seconds at most, and ends the log. Later records are lost.
func (l *Log) Close() {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if !again {
		close(l.stop)
	}
	timer := time.AfterFunc(closeTimeout, l.abort)
	defer timer.Stop()
	l.work.Wait()
	l.abort()
}

// Stats are the counts since Open.
type Stats struct {
	// Stored and Lost count records. Waiting is the number of records that are not written yet.
	Stored, Lost uint64
	// OverShare counts records that were not stored because their user or address had used its share of the day.
	OverShare uint64
	Waiting   int
	// Failing: records currently cannot be stored.
	Failing bool
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	return Stats{Stored: l.stored.Load(), Lost: l.lost.Load(), OverShare: l.shares.refused.Load(), Waiting: len(l.queue), Failing: l.troubled.Load()}
}

// trouble reports the start of a time in which records cannot be stored.
func (l *Log) trouble(err error) {
	if l.troubled.CompareAndSwap(false, true) {
		l.Logger.Warn("sign-ins cannot be stored; sign-ins go on, and are logged here", zap.Error(err))
	}
}

// recovered reports its end, when no record waits any more. Under permanent overload there is no end.
func (l *Log) recovered() {
	if len(l.queue) == 0 && l.troubled.CompareAndSwap(true, false) {
		lost := l.lost.Load()
		l.Logger.Info("sign-ins are stored again", zap.Uint64("lost", lost-l.reported))
		l.reported = lost
	}
}

// writer writes the waiting records until Close, and then the remaining ones.
func (l *Log) writer() {
	for {
		select {
		case r := <-l.queue:
			l.store(l.gather(r))
			continue
		case <-l.stop:
		}
		l.hurried = true
		for len(l.queue) > 0 {
			l.store(l.gather(<-l.queue))
		}
		return
	}
}

// gather collects waiting records and those that arrive within gatherFor: many records cost the store little more than
// one. After Close has begun it does not wait.
func (l *Log) gather(first *Record) []Record {
	batch := []Record{*first}
	moment := time.NewTimer(gatherFor)
	defer moment.Stop()
	for len(batch) < batchSize {
		select {
		case r := <-l.queue:
			batch = append(batch, *r)
			continue
		default:
		}
		select {
		case r := <-l.queue:
			batch = append(batch, *r)
		case <-moment.C:
			return batch
		case <-l.stop:
			return batch
		}
	}
	return batch
}

// store writes a batch, each part to its stream.
func (l *Log) store(records []Record) {
	var of [parts][]Record
	for _, r := range records {
		if r.share == admitted || r.share == 0 && l.shares.admit(r, l.Now()) {
			of[partOf(r)] = append(of[partOf(r)], r)
		}
	}
	for p, records := range of {
		if len(records) > 0 {
			l.storePart(part(p), records) //nolint:gosec // an index of parts
		}
	}
	l.waiting.Add(-int64(len(records)))
}

// storePart writes records to the stream of a part, and retries while the store is unavailable.
func (l *Log) storePart(p part, records []Record) {
	began := l.Now()
	d := dayOf(began)
	stream := d.stream(p)
	b := journal.Batch{Until: (d + 1).start().Add(l.Keep), Most: l.most(p), Patient: !l.hurried}
	for _, r := range records {
		value, err := l.seal(stream, r)
		if err != nil {
			l.lost.Add(1)
			l.trouble(err)
			continue
		}
		b.Values, b.Owners = append(b.Values, value), append(b.Owners, owner(r))
	}
	if len(b.Values) == 0 {
		return
	}
	for failures := 1; ; failures++ {
		try, cancel := context.WithTimeout(l.ctx, appendTimeout)
		err := l.Journal.Append(try, stream, b)
		cancel()
		if err == nil {
			l.stored.Add(uint64(len(b.Values)))
			l.dirty.Store(true)
			l.recovered()
			return
		}
		l.trouble(err)
		if !errors.Is(err, session.ErrUnavailable) || l.Now().Sub(began) > retryFor || !l.wait(l.backoff().After(failures)) {
			l.lost.Add(uint64(len(b.Values)))
			return
		}
		b.Again = true
	}
}

func (l *Log) backoff() retry.Backoff {
	if l.hurried {
		return retry.Backoff{First: shortestRetry, Longest: hurriedRetry}
	}
	return retry.Backoff{First: shortestRetry, Longest: longestRetry}
}

// wait pauses and reports whether there is time for another attempt. The start of Close shortens one pause.
func (l *Log) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	stop := l.stop
	if l.hurried {
		stop = nil
	}
	select {
	case <-timer.C:
	case <-stop:
		l.hurried = true
	case <-l.ctx.Done():
	}
	return l.ctx.Err() == nil
}
