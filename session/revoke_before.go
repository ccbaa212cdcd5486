package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// Scope selects the sessions that a revoke-before mark ends. The zero value is all sessions; otherwise one of the
// fields is set.
type Scope struct {
	// Provider is the configured name of a provider.
	Provider string
	Person   Identity
	// App is the name of an app: sessions continue but are not accepted there any more.
	App string
}

const (
	// markLife is how long a mark is kept: longer than any session can live under any configuration.
	markLife = 401 * 24 * time.Hour
	// maxMarks is the largest number of marks. Use EndAll to end the sessions of single users.
	maxMarks = 10_000
	// marksStrict is the maximum age of the marks if every request reads its session from the store.
	marksStrict = time.Second
	markSize    = len(digest{}) + 8
)

// digest returns the hash that identifies the scope in the store.
func (s Scope) digest() (digest, error) {
	set := 0
	for _, is := range []bool{s.Provider != "", s.Person != Identity{}, s.App != ""} {
		if is {
			set++
		}
	}
	switch {
	case set > 1:
		return digest{}, errors.New("a revocation is for all users, a provider, a user or an app: for one of them")
	case s.Provider != "":
		return providerMark(s.Provider), nil
	case s.Person != Identity{}:
		return personMark(s.Person), nil
	case s.App != "":
		return hash("rb", "app", s.App), nil
	}
	return everybody, nil
}

var (
	everybody  = hash("rb", "everybody")
	marksIndex = HashKey("rb", "all")
)

// marks are all revoke-before marks as the store had them: the latest time of each scope, in milliseconds.
type marks struct {
	by     map[digest]int64
	known  map[Key]bool
	asked  int64 // nanoseconds since 1970
	doubts uint64
	failed *atomic.Int64 // when reading them last failed
}

// revocationList keeps the marks and lets one request at a time read them.
type revocationList struct {
	reading  sync.Mutex
	marks    atomic.Pointer[marks]
	failures atomic.Uint64 // number of failed reads
	failure  error         // error of the last failed read; guarded by reading
}

// revocations are the revoke-before marks of a store, as known to this process.
type revocations struct {
	store          Store
	now            func() time.Time
	recheck, grace time.Duration
	list           *revocationList
	entries        *entries
	health         *health
	announcer      *announcer
}

// RevokeBefore ends every session of the scope that began before a time: here at once, on other replicas when the feed
// reports it or within Recheck. Zero means now. A time in the future is refused, because no user could sign in until
// then. If several marks apply to a session, the latest counts (A77). After an error the sessions may not have ended.
func (r *revocations) RevokeBefore(ctx context.Context, scope Scope, before time.Time) error {
	now := r.now()
	if before.IsZero() {
		before = now
	}
	if before.After(now) {
		return errors.New("revoking sessions: the time lies ahead")
	}
	d, err := scope.digest()
	if err != nil {
		return fmt.Errorf("revoking sessions: %w", err)
	}
	// Starts of sessions are rounded down to whole milliseconds.
	at := ceilMilli(before)
	if len(r.list.view().known) >= maxMarks {
		return fmt.Errorf("revoking sessions: there are %d marks already", maxMarks)
	}
	key, value := mark(d, at)
	if err := r.writeMark(ctx, key, value, now.Add(markLife)); err != nil {
		return fmt.Errorf("revoking sessions: %w", err)
	}
	r.list.add(key, d, at)
	r.entries.doubt()
	r.announcer.tell(ctx, wordRevoked)
	return nil
}

// mark returns a mark in its stored form.
func mark(d digest, at int64) (Key, []byte) {
	value := binary.BigEndian.AppendUint64(d[:], uint64(at)) //nolint:gosec // dates after 1970
	return HashKey("rb", "mark", string(value)), value
}

func (r *revocations) writeMark(ctx context.Context, key Key, value []byte, until time.Time) error {
	err := r.store.Create(ctx, Entry{Key: key, Value: value, Expires: until})
	if err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	return r.store.Enlist(ctx, marksIndex, key, until)
}

// Admits reports whether a session that Load has returned may be used for an app: no mark of that app ends it there.
func (r *revocations) Admits(s *Session, app string) bool {
	set := r.list.view()
	if len(set.by) == 0 {
		return true
	}
	d, _ := Scope{App: app}.digest()
	return s.began >= set.by[d]
}

// Stands returns ErrRevoked if a mark ends a session that no store has (Record.Unstored), everywhere or for an app. Any
// other error means that this is not known. Vet also knows what no mark says.
func (r *revocations) Stands(ctx context.Context, s *Session, app string) error {
	if err := r.settle(ctx, r.now()); err != nil {
		return err
	}
	if r.revoked(s.began, s.from.Value().mark, s.person) || !r.Admits(s, app) {
		return ErrRevoked
	}
	return nil
}

// revoked reports whether a mark ends a session that began then, in milliseconds since 1970, at the provider and of the
// user with these digests.
func (r *revocations) revoked(began int64, provider, person digest) bool {
	set := r.list.view()
	return len(set.by) > 0 && began < set.latest(provider, person)
}

// latest returns the latest time of the marks that apply to a provider and a user; sessions that began before it are
// over.
func (set *marks) latest(provider, person digest) int64 {
	return max(set.by[everybody], set.by[provider], set.by[person])
}

var noMarks = &marks{}

func (l *revocationList) view() *marks {
	if set := l.marks.Load(); set != nil {
		return set
	}
	return noMarks
}

// add adds a mark that was just written; comparing shows whether it is the latest.
func (l *revocationList) add(key Key, d digest, at int64) {
	l.reading.Lock()
	defer l.reading.Unlock()
	next := *l.view()
	next.by, next.known = maps.Clone(next.by), maps.Clone(next.known)
	if next.by == nil {
		next = marks{by: map[digest]int64{}, known: map[Key]bool{}, failed: new(atomic.Int64)}
	}
	next.by[d], next.known[key] = max(next.by[d], at), true
	l.marks.Store(&next)
}

// settle ensures that the marks are recent enough to decide by. While the store cannot be read they are used for
// OutageGrace. Without any marks no session can be shown to be not revoked.
func (r *revocations) settle(ctx context.Context, now time.Time) error {
	l := r.list
	if r.settled(l.view(), now) {
		return nil
	}
	old := l.view()
	spare := old.asked != 0 && old.young(now, r.grace)
	if spare {
		if since := now.UnixNano() - old.failed.Load(); since >= 0 && since < int64(retryAfter) {
			return nil
		}
		if !l.reading.TryLock() {
			return nil // another request is reading them; if the store hangs, not all requests have to wait
		}
	} else {
		failures := l.failures.Load()
		l.reading.Lock()
		if l.failures.Load() != failures {
			// Requests that waited for a hanging store do not try it one after the other.
			defer l.reading.Unlock()
			return l.failure
		}
	}
	defer l.reading.Unlock()
	if r.settled(l.view(), now) {
		return nil
	}
	err := r.read(ctx)
	r.health.NoteFailure(err)
	if err != nil {
		l.failure = err
		l.failures.Add(1)
	}
	if err != nil && spare {
		old.failed.Store(now.UnixNano())
		return nil
	}
	return err
}

func (r *revocations) settled(set *marks, now time.Time) bool {
	return set.asked != 0 && set.doubts == r.entries.doubts.Load() && set.young(now, max(r.recheck, marksStrict))
}

func (set *marks) young(now time.Time, bound time.Duration) bool {
	age := now.UnixNano() - set.asked
	return age >= 0 && age < int64(bound)
}

// read reads new marks. A mark never changes, so known ones are not read again.
func (r *revocations) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	old := r.list.view()
	next := &marks{
		by: maps.Clone(old.by), known: map[Key]bool{}, asked: r.now().UnixNano(), doubts: r.entries.doubts.Load(),
		failed: new(atomic.Int64),
	}
	if next.by == nil {
		next.by = map[digest]int64{}
	}
	keys, err := r.store.Members(ctx, marksIndex, time.Time{}, 2*maxMarks)
	if err != nil {
		return fmt.Errorf("reading revocations: %w", err)
	}
	for _, key := range keys {
		if !old.known[key] {
			e, err := r.store.Get(ctx, key)
			switch {
			case errors.Is(err, ErrNotFound):
				continue
			case err != nil:
				return fmt.Errorf("reading revocations: %w", err)
			case len(e.Value) != markSize:
				return fmt.Errorf("reading revocations: %w: %w", ErrUnavailable, pack.ErrMalformed)
			}
			d := digest(e.Value[:len(digest{})])
			next.by[d] = max(next.by[d], int64(binary.BigEndian.Uint64(e.Value[len(d):]))) //nolint:gosec // as written
		}
		next.known[key] = true
	}
	r.list.marks.Store(next)
	return nil
}
