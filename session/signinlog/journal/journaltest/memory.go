package journaltest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// Memory is a journal that forgets everything with its process. It is for tests.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	streams map[string]*stream
	fail    error
	late    bool // an Append is carried out and answers fail all the same
	closed  bool
}

type stream struct {
	entries []journal.Entry
	owners  map[journal.Position]string
	last    journal.Position
	until   time.Time
}

var _ journal.Journal = (*Memory)(nil)

// NewMemory returns an empty journal that lives by the given clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, streams: map[string]*stream{}}
}

// Fail makes every call answer err, or ends that if err is nil.
func (m *Memory) Fail(err error) { m.set(func() { m.fail, m.late = err, false }) }

// FailAfter makes every call answer err although an Append is carried out: the answer is lost on its way.
func (m *Memory) FailAfter(err error) { m.set(func() { m.fail, m.late = err, true }) }

// Close makes every later call answer session.ErrClosed.
func (m *Memory) Close() { m.set(func() { m.closed = true }) }

func (m *Memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// Streams returns the names of the streams that have entries, in order.
func (m *Memory) Streams() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.streams {
		if m.live(name) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// live is the stream, or nil if it is empty or has ended.
func (m *Memory) live(name string) *stream {
	if s := m.streams[name]; s != nil && len(s.entries) > 0 && s.until.UnixMilli() > m.now().UnixMilli() {
		return s
	}
	return nil
}

func (m *Memory) begin(ctx context.Context, check error) error {
	switch {
	case m.closed:
		return session.ErrClosed
	case ctx.Err() != nil:
		return session.ErrUnavailable
	case check != nil:
		return check
	case m.late:
		return nil
	}
	return m.fail
}

// end is what a call answers that was carried out.
func (m *Memory) end() error {
	if m.late {
		return m.fail
	}
	return nil
}

// Append implements journal.Journal.
func (m *Memory) Append(ctx context.Context, name string, b journal.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if err := m.begin(ctx, journal.CheckBatch(name, b, now)); err != nil {
		return err
	}
	s := m.streams[name]
	if s == nil {
		s = &stream{owners: map[journal.Position]string{}}
		m.streams[name] = s
	}
	if m.live(name) == nil {
		s.entries = nil
	}
	s.until = b.Until
	if b.Again {
		newest := s.entries[max(0, len(s.entries)-journal.AgainWindow):]
		if slices.ContainsFunc(newest, func(e journal.Entry) bool { return bytes.Equal(e.Value, b.Values[0]) }) {
			return m.end()
		}
	}
	for i, v := range b.Values {
		s.last = journal.Position{Milli: max(s.last.Milli, uint64(now.UnixMilli())), Seq: s.last.Seq + 1} //nolint:gosec // after 1970
		s.entries = append(s.entries, journal.Entry{Position: s.last, Value: bytes.Clone(v)})
		if len(b.Owners) > 0 {
			s.owners[s.last] = b.Owners[i]
		}
	}
	s.entries = s.entries[max(0, len(s.entries)-b.Most):]
	return m.end()
}

// Owned implements journal.Owners.
func (m *Memory) Owned(ctx context.Context, owner string, limit int) (found []journal.OwnedEntry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, journal.CheckOwned(owner, limit)); err != nil {
		return nil, err
	}
	for name := range m.streams {
		s := m.live(name)
		for i := 0; s != nil && i < len(s.entries); i++ {
			if e := s.entries[i]; s.owners[e.Position] == owner {
				found = append(found, journal.OwnedEntry{Entry: journal.Entry{Position: e.Position, Value: bytes.Clone(e.Value)}, Stream: name})
			}
		}
	}
	slices.SortFunc(found, func(a, b journal.OwnedEntry) int { return b.Position.Compare(a.Position) })
	return found[:min(limit, len(found))], m.end()
}

// Before implements journal.Journal.
func (m *Memory) Before(ctx context.Context, name string, p journal.Position, limit int) ([]journal.Entry, error) {
	found, err := m.read(ctx, name, limit, func(all []journal.Entry) []journal.Entry {
		if !p.IsZero() {
			i, _ := find(all, p)
			all = all[:i]
		}
		return all[max(0, len(all)-limit):]
	})
	slices.Reverse(found)
	return found, err
}

// After implements journal.Journal.
func (m *Memory) After(ctx context.Context, name string, p journal.Position, limit int) ([]journal.Entry, error) {
	return m.read(ctx, name, limit, func(all []journal.Entry) []journal.Entry {
		i, found := find(all, p)
		if found {
			i++
		}
		return all[i:min(i+limit, len(all))]
	})
}

func find(all []journal.Entry, p journal.Position) (int, bool) {
	return slices.BinarySearchFunc(all, p, func(e journal.Entry, p journal.Position) int { return e.Position.Compare(p) })
}

func (m *Memory) read(ctx context.Context, name string, limit int, part func([]journal.Entry) []journal.Entry) (found []journal.Entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, journal.CheckRead(name, limit)); err != nil {
		return nil, err
	}
	if m.late {
		return nil, m.fail
	}
	if s := m.live(name); s != nil {
		for _, e := range part(s.entries) {
			found = append(found, journal.Entry{Position: e.Position, Value: bytes.Clone(e.Value)})
		}
	}
	return found, nil
}

// Len implements journal.Journal.
func (m *Memory) Len(ctx context.Context, name string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, journal.CheckStream(name)); err != nil {
		return 0, err
	}
	if s := m.live(name); s != nil {
		return len(s.entries), nil
	}
	return 0, nil
}

// memoryTrim is how many entries Memory removes at once: few, so that a caller that forgets to repeat a Trim fails the suite.
const memoryTrim = 100

// Trim implements journal.Journal.
func (m *Memory) Trim(ctx context.Context, name string, keep int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, journal.CheckTrim(name, keep)); err != nil {
		return 0, err
	}
	s := m.live(name)
	if s == nil {
		return 0, nil
	}
	n := min(memoryTrim, max(0, len(s.entries)-keep))
	s.entries = s.entries[n:]
	return n, nil
}
