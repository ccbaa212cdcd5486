package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// ManagerConfig is what a Manager works with. Store and Keys are required.
type ManagerConfig struct {
	Store Store
	Keys  *keyring.Ring
	// Limits are the limits in force; each value that is zero is taken from DefaultLimits.
	Limits Limits
	Now    func() time.Time // nil: time.Now
	// Cache is kept when the manager is not, for the next over the same store and keys. Nil: one of its own.
	Cache *Cache
	// Recheck is how long what is known of a session is used without asking the store. Zero: every Load asks.
	Recheck time.Duration
	// OutageGrace is how long a session that is known goes on when the store cannot be asked, counted from when it last
	// answered for it. Zero: not at all.
	OutageGrace time.Duration
	// MaxPending is how many sign-ins may wait for their answer in all; default 20,000.
	MaxPending int
	// OnOutage is told when the store stops answering, with its error, and with nil when it answers again: once each. It
	// is called from a request's goroutine and must not block. Nil: nobody is told.
	OnOutage func(error)
	// OnFeedError is told when a message to other replicas could not be sent; they find out within their Recheck. It is
	// called like OnOutage.
	OnFeedError func(error)
	// OnKeys is told when another replica has changed the key ring, and must not block. Nil: nobody is told.
	OnKeys func()
	// OnTouchError is told when a last use could not be written. That never fails a request: at worst an idle limit
	// strikes a little early. It may be called from a request's goroutine and must not block. Nil: nobody is told.
	OnTouchError func(error)
}

// Manager creates, loads, tightens and ends sessions. It is safe for concurrent use; Close it when done.
type Manager struct {
	vault   Vault
	limits  Limits
	now     func() time.Time
	onError func(error)

	cache       *Cache
	recheck     time.Duration
	grace       time.Duration
	health      health
	onOutage    func(error)
	feed        Feed // nil if the store has none
	name        string
	onFeedError func(error)
	onKeys      func()
	background  sync.WaitGroup
	cancel      context.CancelFunc

	maxPending       int
	pending, counted atomic.Int64 // how many wait for an answer, and when they were counted, in nanoseconds since 1970

	reasserts     chan struct{}
	gaps, lastGap atomic.Int64 // how many there were, and when the last was, in nanoseconds since 1970

	givingBack atomic.Int64 // leases, later than at once

	touches  chan touch
	touching sync.Map // ID -> time.Time: a write of this last use is under way
	idling   sync.Map // digest -> struct{}: whether it is to end for want of use is being asked
	stop     chan struct{}
	done     chan struct{}
	closing  sync.Once
}

// NewManager starts a manager: goroutines that write last uses, look after open streams, and listen to the store's Feed
// if it has one.
func NewManager(c ManagerConfig) *Manager {
	m := &Manager{
		vault:   Vault{Store: c.Store, Keys: c.Keys},
		limits:  c.Limits.orDefaults(),
		now:     c.Now,
		onError: orNobody(c.OnTouchError),
		cache:   c.Cache,
		recheck: c.Recheck,
		grace:   c.OutageGrace,
		name:    NewRandom(9),

		maxPending: cmp.Or(c.MaxPending, defaultMaxPending),

		onOutage:    orNobody(c.OnOutage),
		onFeedError: orNobody(c.OnFeedError),
		onKeys:      c.OnKeys,

		reasserts: make(chan struct{}, 1),
		touches:   make(chan touch, touchQueue),
		stop:      make(chan struct{}),
		done:      make(chan struct{}),
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.onKeys == nil {
		m.onKeys = func() {}
	}
	if m.cache == nil {
		m.cache = NewCache(CacheConfig{})
	}
	m.health.since = m.now()
	m.cache.forgetReady()
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	if feed, ok := c.Store.(Feed); ok {
		m.feed = feed
		m.background.Go(func() { m.follow(ctx, feed) })
		m.background.Go(func() { m.reassert(ctx) })
	}
	m.background.Go(func() { m.watch(ctx) })
	m.background.Go(func() { m.probe(ctx) })
	go m.writeTouches()
	return m
}

func orNobody(tell func(error)) func(error) {
	if tell == nil {
		return func(error) {}
	}
	return tell
}

// Limits returns the limits in force now.
func (m *Manager) Limits() Limits { return m.limits }

// Keys returns the key ring.
func (m *Manager) Keys() *keyring.Ring { return m.vault.Keys }

// recordGrowth is the room that a new record leaves for what is written to it later: apps and the reason of its kind.
// Without it a record could be created that no later write fits (A47).
const recordGrowth = 12 << 10

// Create makes a session of a draft: it gives it a fresh id, its start, its first use and the limit of its kind, seals
// the tokens under a fresh secret, and writes it. Whatever session the browser presented before is not touched; End it.
// What else is to be listed is listed along with it, and stays when it ends. A draft that Load would refuse is refused
// here: without issuer or subject, of no known kind, or too large. ErrRevoked if sessions like it were ended since
// Draft.Began.
func (m *Manager) Create(ctx context.Context, draft Record, tokens Tokens, also ...Listing) (*Record, Token, error) {
	draft.Created, draft.Limit = m.now(), m.limits.Of(draft.Kind)
	return m.create(ctx, draft, tokens, also...)
}

// Succeed makes a session as Create does that goes on where another of the same person ends: after a step-up it has a
// new id, and ends when the other would have at the latest (A13). It is no looser than the other in kind or limits,
// whatever the draft and the configuration say since (X21, X23, A16). The other is ended then; if it cannot be, it stays
// and there is no new one. ErrExpired if there is nothing left to go on with, ErrNotFound if the other was ended meanwhile:
// what somebody has revoked does not go on under another id.
func (m *Manager) Succeed(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	if draft.Identity != old.Identity {
		return nil, Token{}, errors.New("a session cannot go on as another person's")
	}
	if now := m.now(); old.Check(now, m.limits) != nil && now.Before(old.MaxEnd(m.limits)) {
		// As far as the caller knows it is over; its record may know of a later use, or be kept for its name alone.
		kept, err := m.load(ctx, old.ID.Key())
		if err == nil {
			err = m.check(kept, now)
		}
		if err != nil {
			return nil, Token{}, fmt.Errorf("succeeding session: %w", err)
		}
	}
	if old.Kind == Browser && draft.Kind != Browser {
		draft.Kind, draft.KindReason = old.Kind, old.KindReason
	}
	draft.Created, draft.Limit = old.Created, old.Limit.tighter(m.limits.Of(draft.Kind))
	draft.Began = old.Began
	return m.goOn(ctx, old, draft, tokens)
}

// goOn makes the session of a draft in the place of another: there are never both, and never neither.
func (m *Manager) goOn(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	s, token, err := m.create(ctx, draft, tokens)
	if err != nil {
		return nil, Token{}, err
	}
	if err := m.end(ctx, old); err != nil {
		m.discard(ctx, s)
		return nil, Token{}, err
	}
	return s, token, nil
}

func (m *Manager) create(ctx context.Context, draft Record, tokens Tokens, also ...Listing) (*Record, Token, error) {
	token := NewToken()
	s := draft.clone()
	s.ID, s.LastUsed = token.ID, m.now()
	s.roundTimes()
	key := s.ID.Key()
	var err error
	if s.sealedTokens, err = m.sealTokens(tokens, token.Secret, key); err != nil {
		return nil, Token{}, err
	}
	s.Renewable = tokens.Refresh != ""
	if err := s.valid(); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	if err := s.Check(m.now(), m.limits); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	if err := m.standing(ctx, s); err != nil {
		return nil, Token{}, err
	}
	asked := m.cache.question(s.ID.digest(), m.now())
	plain, tail := s.encode()
	// What is returned shares nothing with the draft; and what cannot be read is not written (A47).
	if s, err = decodeSession(plain); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	written, err := m.vault.sealRecord(key, plain, tail, MaxValue-recordGrowth)
	if err == nil {
		// No session is ever in use unlisted, so that nobody could find it to revoke it (A45): its token leaves this
		// function last.
		e := Entry{Key: key, Value: written.sealed, Expires: s.forgotten(m.limits)}
		if err = m.vault.Store.Create(ctx, e, append(s.listings(s.MaxEnd(m.limits)), also...)...); err != nil {
			m.discard(ctx, s)
		}
	}
	if err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	if err := m.unended(ctx, s); err != nil {
		m.discard(ctx, s)
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	s.Version = 1
	m.cache.keep(s.knownAs(written), asked)
	return s, token, nil
}

// discard removes a session that nobody has got, as well as it can.
func (m *Manager) discard(ctx context.Context, s *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
	defer cancel()
	_ = m.End(ctx, s)
}

func (m *Manager) sealTokens(t Tokens, secret Secret, key Key) ([]byte, error) {
	if t.empty() {
		return nil, nil
	}
	packed, err := pack.ShortLived(t.encode())
	if err != nil {
		return nil, fmt.Errorf("sealing tokens: %w", err)
	}
	sealed, err := m.vault.Keys.SealWithSecret(secret[:], packed, string(key))
	if err != nil {
		return nil, fmt.Errorf("sealing tokens: %w", err)
	}
	return sealed, nil
}

// Tokens opens the provider's tokens of a session with the secret of its cookie.
func (m *Manager) Tokens(s *Record, token Token) (Tokens, error) {
	return m.tokensAt(s, token, s.ID.Key())
}

func (m *Manager) tokensAt(s *Record, token Token, place Key) (Tokens, error) {
	if len(s.sealedTokens) == 0 {
		return Tokens{}, nil
	}
	packed, err := m.vault.Keys.OpenWithSecret(token.Secret[:], s.sealedTokens, string(place))
	if err != nil {
		return Tokens{}, fmt.Errorf("opening tokens: %w", err)
	}
	plain, err := pack.Unpack(packed)
	if err != nil {
		return Tokens{}, err
	}
	return decodeTokens(plain)
}

// Tighten makes a persistent session a browser session, for a reason that its record keeps (X16). The caller gives the
// browser a cookie without a lifetime. Tightening what is a browser session already changes nothing. If the session has
// outlived the limits of a browser session it is ended, and the answer is ErrExpired.
func (m *Manager) Tighten(ctx context.Context, s *Record, reason string) (*Record, error) {
	tight, err := m.rewrite(ctx, s.ID, func(s *Record) bool {
		if s.Kind == Browser {
			return false
		}
		s.Kind, s.KindReason = Browser, reason
		s.Limit = s.Limit.tighter(m.limits.Browser)
		return true
	})
	if errors.Is(err, ErrExpired) {
		if err := m.End(ctx, s); err != nil {
			return nil, err
		}
	}
	return tight, err
}

// rewrite is update for what the next request of any replica is to see.
func (m *Manager) rewrite(ctx context.Context, id ID, change func(*Record) bool) (*Record, error) {
	s, err := m.update(ctx, id, change)
	if err == nil {
		m.tell(ctx, wordChanged, string(id.Key()))
	}
	return s, err
}

// updateTries bounds how often a write that met another version is tried again.
const updateTries = 4

// update changes a record by compare-and-set. change reports whether there is anything to write. ErrExpired, and nothing
// written, if the session would have ended already.
func (m *Manager) update(ctx context.Context, id ID, change func(*Record) bool) (*Record, error) {
	d, key := id.digest(), id.Key()
	for try := 1; ; try++ {
		asked := m.cache.question(d, m.now())
		s, err := m.load(ctx, key)
		if err != nil {
			return nil, err
		}
		if !change(s) {
			return s, nil
		}
		if err := s.Check(m.now(), m.limits); err != nil {
			return nil, err
		}
		var written record
		plain, tail := s.encode()
		s.Version, written, err = m.vault.replace(ctx, key, plain, tail, s.Version, s.forgotten(m.limits))
		switch {
		case err == nil:
			m.cache.wrote(s.knownAs(written), asked)
			return s, nil
		case !errors.Is(err, ErrConflict) || try == updateTries:
			return nil, fmt.Errorf("writing session: %w", err)
		}
	}
}

// Close writes what is queued and stops, within about ten seconds even if the store does not answer. It does not close
// the store.
func (m *Manager) Close() {
	m.closing.Do(func() { close(m.stop); m.cancel() })
	<-m.done
	m.background.Wait()
}
