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
	// queueSize is how many records wait while the store is slow or away. The next ones are lost, and counted.
	queueSize = 2048
	// batchSize is how many records one write takes along.
	batchSize = 128
	// gatherFor is how long a record waits for others that can go along.
	gatherFor = 20 * time.Millisecond
	// appendTimeout bounds one try to write.
	appendTimeout = 5 * time.Second
	// shortestRetry and longestRetry are the pauses between tries, hurriedRetry the longest while Close waits.
	shortestRetry = 100 * time.Millisecond
	longestRetry  = 5 * time.Second
	hurriedRetry  = 500 * time.Millisecond
	// retryFor is how long a batch is tried. It goes to the day on which it was first tried, so it must not be tried
	// into a time when nobody expects that day to grow.
	retryFor = 6 * time.Hour
	// closeTimeout bounds Close.
	closeTimeout = 5 * time.Second
)

// Config says where a Log keeps records and for how long. Journal and Keys are required.
type Config struct {
	Journal journal.Journal
	Keys    *keyring.Ring
	// Keep is how long a record is kept; default DefaultKeep, at most MaxKeep.
	Keep time.Duration
	// MaxEntries is how many records are kept, the oldest go first; default DefaultMaxEntries. It is a bound, not a
	// measure: up to as many again may be there for a minute.
	MaxEntries int
	// Logger hears once when records cannot be stored, and once when they can be again. Default: nobody.
	Logger *zap.Logger
	Now    func() time.Time
}

// Log keeps records in a journal, and reads them. It is a Sink: a sign-in waits for nothing, and no failure reaches it.
// Records are written in the background, in the order in which they came; what cannot be written is counted.
type Log struct {
	Config

	maxScan int

	queue chan Record
	stop  chan struct{}   // closed when Close begins
	ctx   context.Context // ends when Close waits no longer
	abort context.CancelFunc
	work  sync.WaitGroup

	mu     sync.RWMutex // guards closed against a Write that is just adding to the queue
	closed bool

	stored, lost atomic.Uint64
	troubled     atomic.Bool
	dirty        atomic.Bool // something was stored since the keeper looked
	shares       shares      // the writer's alone, but for its count
	// The writer's alone: how many lost records it has reported, and whether it knows that Close waits for it.
	reported uint64
	hurried  bool
}

// Open starts a log. It owns goroutines until Close.
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
	l := &Log{Config: c, maxScan: maxScan, queue: make(chan Record, queueSize), stop: make(chan struct{})}
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
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.lost.Add(1)
		return
	}
	select {
	case l.queue <- r:
	default:
		l.lost.Add(1)
		l.trouble(errors.New("the store is slower than the sign-ins"))
	}
}

// Close writes what waits, for a few seconds at most, and ends the log. Records that come later are lost.
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

// Stats is how storing goes, since Open.
type Stats struct {
	// Stored and Lost count records; Waiting is how many are not written yet.
	Stored, Lost uint64
	// OverShare counts records that were not stored because their person has had a share of the day's already.
	OverShare uint64
	Waiting   int
	// Failing: records cannot be stored at the moment.
	Failing bool
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	return Stats{Stored: l.stored.Load(), Lost: l.lost.Load(), OverShare: l.shares.refused.Load(), Waiting: len(l.queue), Failing: l.troubled.Load()}
}

// trouble reports the beginning of a time in which records cannot be stored.
func (l *Log) trouble(err error) {
	if l.troubled.CompareAndSwap(false, true) {
		l.Logger.Warn("sign-ins cannot be stored; sign-ins go on, and are logged here", zap.Error(err))
	}
}

// recovered reports its end, once nothing waits any more: under a load that is too much there is no end in between.
func (l *Log) recovered() {
	if len(l.queue) == 0 && l.troubled.CompareAndSwap(true, false) {
		lost := l.lost.Load()
		l.Logger.Info("sign-ins are stored again", zap.Uint64("lost", lost-l.reported))
		l.reported = lost
	}
}

// writer writes what waits until Close, and then what is left.
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

// gather takes what waits and what comes within a moment: many records cost the store little more than one. Once Close
// has begun it waits for nothing.
func (l *Log) gather(first Record) []Record {
	batch := []Record{first}
	moment := time.NewTimer(gatherFor)
	defer moment.Stop()
	for len(batch) < batchSize {
		select {
		case r := <-l.queue:
			batch = append(batch, r)
			continue
		default:
		}
		select {
		case r := <-l.queue:
			batch = append(batch, r)
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
		if l.shares.admit(r, l.Now()) {
			of[partOf(r)] = append(of[partOf(r)], r)
		}
	}
	for p, records := range of {
		if len(records) > 0 {
			l.storePart(part(p), records) //nolint:gosec // an index of parts
		}
	}
}

// storePart writes records to the stream of a part, and tries again for as long as the store is away.
func (l *Log) storePart(p part, records []Record) {
	began := l.Now()
	d := dayOf(began)
	stream := d.stream(p)
	b := journal.Batch{Until: (d + 1).start().Add(l.Keep), Most: l.most(p)}
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

// wait pauses and reports whether there is still time to try. The beginning of Close cuts one pause short.
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
