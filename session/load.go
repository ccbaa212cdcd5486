package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// loader decides whether a session may be used, from the cache or by reading from the store. For requests it
// is the only place that checks a session against its limits and against revocations. The idle limit of a site is
// checked in package signin/access.
type loader struct {
	vault  Vault
	stamps Stamps // nil if the store has none
	limits Limits
	now    func() time.Time
	// recheck and grace are ManagerConfig.Recheck and OutageGrace.
	recheck, grace time.Duration

	entries     *entries
	health      *health
	revocations *revocations
}

// Load returns the session of a token. ErrNotFound: it does not exist, was ended or revoked. ErrExpired: a limit has
// passed; the error is an *Expired unless the store could not be read. Any other error says nothing about the session:
// the store could not be read, or the record was sealed with a key that this ring does not have.
//
// The store is read unless that happened within ManagerConfig.Recheck. While it cannot be read, a cached session
// continues for ManagerConfig.OutageGrace. A read does not end with ctx: a client that disconnects does not spoil the
// result for others that wait for it.
func (l *loader) Load(ctx context.Context, token Token) (*Session, error) {
	return l.byID(ctx, token.ID)
}

func (l *loader) byID(ctx context.Context, id ID) (*Session, error) {
	now, d := l.now(), id.digest()
	if err := l.revocations.settle(ctx, now); err != nil {
		return nil, err
	}
	known := l.entries.get(d)
	if known != nil && l.recheck > 0 && l.entries.fresh(known, now, l.recheck) && l.goesOn(&known.Session, now) {
		l.entries.shard(d).hits.Add(1)
		return &known.Session, nil
	}
	l.entries.shard(d).misses.Add(1)
	// The cached copy cannot decide on an idle limit, because the session may be in use elsewhere.
	s, err := l.ask(ctx, id, known, now)
	if err != nil {
		return l.stale(d, known, now, err)
	}
	if err := l.check(s, now); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload is Load that always reads from the store: for callers that act on what another replica may just have written.
func (l *loader) Reload(ctx context.Context, token Token) (*Session, error) {
	if err := l.revocations.settle(ctx, l.now()); err != nil {
		return nil, err
	}
	return l.refetch(ctx, token.ID)
}

// ReloadSince is Reload that is content with what has been read since a time, unless the session has been changed or ended
// since then, as far as is known here.
func (l *loader) ReloadSince(ctx context.Context, token Token, since time.Time) (*Session, error) {
	now := l.now()
	known := l.entries.get(token.ID.digest())
	if known != nil && l.entries.fresh(known, now, now.Sub(since)) && l.goesOn(&known.Session, now) {
		return &known.Session, nil
	}
	return l.Reload(ctx, token)
}

// refetch is Reload without a new read of the revocations.
func (l *loader) refetch(ctx context.Context, id ID) (*Session, error) {
	s, err := l.fetch(ctx, id, l.entries.get(id.digest()))
	if err != nil {
		return nil, err
	}
	if err := l.check(s, l.now()); err != nil {
		return nil, err
	}
	return s, nil
}

// check checks a session against everything that ends it without a write to its record. It returns nil exactly if
// goesOn returns true.
func (l *loader) check(s *Session, now time.Time) error {
	if l.revoked(s) {
		return ErrNotFound
	}
	span := s.span()
	if span.check(now, l.limits) == nil {
		return nil
	}
	r, err := s.Record()
	if err != nil {
		return err
	}
	return r.expired(l.limits)
}

// goesOn is check for callers that do not need the reason.
func (l *loader) goesOn(s *Session, now time.Time) bool {
	span := s.span()
	return span.check(now, l.limits) == nil && !l.revoked(s)
}

func (l *loader) revoked(s *Session) bool {
	return l.revocations.revoked(s.began, s.from.Value().mark, s.person)
}

// stale returns the cached session if the store did not answer, within OutageGrace and its limits.
func (l *loader) stale(d digest, known *entry, now time.Time, err error) (*Session, error) {
	if !unanswered(err) || known == nil || !known.within(now, l.grace) {
		return nil, err
	}
	span := known.span()
	switch {
	case l.entries.get(d) != known:
		return nil, err // the cached copy is known to be outdated
	case l.goesOn(&known.Session, now):
		return &known.Session, nil
	case l.revoked(&known.Session):
		return nil, ErrNotFound
	case !now.Before(span.maxEnd(l.limits)):
		return nil, ErrExpired
	}
	return nil, err // idle for too long, as far as the cached copy shows
}

// unanswered reports whether an error of a look-up says nothing about the session.
func unanswered(err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, keyring.ErrUnsealable) && !errors.Is(err, pack.ErrMalformed)
}

// ask returns the session as the store has it, or the reason why the store could not be read. Several requests share
// one read, unless each request must read.
func (l *loader) ask(ctx context.Context, id ID, known *entry, now time.Time) (*Session, error) {
	d := id.digest()
	if known != nil && l.lately(known, now) {
		if now.UnixNano()-known.failed.Load() >= int64(retryAfter) {
			if f, opened := l.entries.join(d); opened {
				go func() { _, _ = l.fetchShared(context.WithoutCancel(ctx), id, known, f) }()
			}
		}
		return nil, ErrUnavailable
	}
	if l.recheck <= 0 {
		return l.fetch(ctx, id, known)
	}
	f, opened := l.entries.join(d)
	if opened {
		// Another read may have ended since this request checked.
		if at, known := l.now(), l.entries.get(d); known != nil && l.entries.fresh(known, at, l.recheck) && l.goesOn(&known.Session, at) {
			f.session, f.err = &known.Session, nil
			l.entries.land(d, f)
			return &known.Session, nil
		}
		return l.fetchShared(ctx, id, known, f)
	}
	select {
	case <-f.done:
		return f.session, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// lately reports whether a read of this session has failed so recently that another one would only delay requests.
func (l *loader) lately(known *entry, now time.Time) bool {
	age := now.UnixNano() - known.failed.Load()
	return known.failed.Load() != 0 && age >= 0 && age < int64(retryUntil) && known.within(now, l.grace) &&
		uint64(known.failedDoubts.Load()) == l.entries.doubts.Load() //nolint:gosec // a count
}

// fetchShared is fetch for all requests that wait for f.
func (l *loader) fetchShared(ctx context.Context, id ID, known *entry, f *flight) (*Session, error) {
	defer l.entries.land(id.digest(), f)
	f.session, f.err = l.fetch(ctx, id, known)
	return f.session, f.err
}

// fetch reads from the store and caches the result. If the record may be unchanged, its stamp is read first: an unchanged
// one is neither sent nor opened again.
func (l *loader) fetch(ctx context.Context, id ID, known *entry) (*Session, error) {
	d := id.digest()
	key := d.key()
	g := l.entries.generation(d, l.now())
	if known != nil && l.stamps != nil {
		at, err := l.stamps.Stamp(context.Background(), key) // others may share the answer, and the store limits the time
		if err = l.answered(err, d, known, g); err != nil {
			return nil, err
		}
		if at == known.stamp() {
			known.confirm(g)
			return &known.Session, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	e, err := l.vault.Store.Get(ctx, key)
	if err = l.answered(err, d, known, g); err != nil {
		return nil, err
	}
	if known != nil && e.Stamp() == known.stamp() {
		known.confirm(g)
		return &known.Session, nil
	}
	_, fresh, err := l.open(e)
	if err != nil {
		l.entries.drop(d)
		return nil, err
	}
	l.entries.keep(fresh, g)
	return &fresh.Session, nil
}

// answered records whether the store has answered, and drops a session that it does not have. It returns err.
func (l *loader) answered(err error, d digest, known *entry, g generation) error {
	switch {
	case err == nil:
		l.health.answered()
	case errors.Is(err, ErrNotFound):
		l.health.answered()
		l.entries.drop(d)
	default:
		if known != nil {
			known.failedDoubts.Store(int64(g.doubts)) //nolint:gosec // a count
			known.failed.Store(l.now().UnixNano())
		}
		l.health.failed(err)
	}
	return err
}

// load reads a record from the store and not from the cache.
func (l *loader) load(ctx context.Context, key Key) (*Record, error) {
	e, err := l.vault.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	r, _, err := l.open(e)
	return r, err
}

// loadGood is load for a record whose session may be used. Its errors are those of Load.
func (l *loader) loadGood(ctx context.Context, key Key) (*Record, error) {
	r, err := l.load(ctx, key)
	if err == nil {
		err = l.check(r.session, l.now())
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (l *loader) open(e Entry) (*Record, *entry, error) {
	packed, err := l.vault.openPacked(e.Key, e.Value)
	if err != nil {
		return nil, nil, err
	}
	r, err := readRecord(packed)
	if err != nil {
		return nil, nil, err
	}
	if r.ID.Key() != e.Key {
		return nil, nil, fmt.Errorf("%w: another session's", pack.ErrMalformed)
	}
	r.Version = e.Version
	return r, r.asEntry(sealedRecord{sealed: e.Value, packed: packed}), nil
}
