package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ManagerConfig is what a Manager works with. Store and Keys are required.
type ManagerConfig struct {
	Store  Store
	Keys   *KeyRing
	Limits Limits // zero: DefaultLimits
	Now    func() time.Time
	// OnTouchError is told when a last use could not be written. That never fails a request: at worst an idle limit
	// strikes a little early. Nil: nobody is told.
	OnTouchError func(error)
}

// Manager creates, loads, tightens and ends sessions. It is safe for concurrent use; Close it when done.
type Manager struct {
	vault   Vault
	limits  Limits
	now     func() time.Time
	onError func(error)

	touches  chan touch
	touching sync.Map // ID -> struct{}: a write of its last use is under way
	stop     chan struct{}
	done     chan struct{}
	closing  sync.Once
}

// NewManager starts a manager: one goroutine that writes last uses.
func NewManager(c ManagerConfig) *Manager {
	m := &Manager{
		vault:   Vault{Store: c.Store, Keys: c.Keys},
		limits:  c.Limits,
		now:     c.Now,
		onError: c.OnTouchError,
		touches: make(chan touch, touchQueue),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	if m.limits == (Limits{}) {
		m.limits = DefaultLimits
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.onError == nil {
		m.onError = func(error) {}
	}
	go m.writeTouches()
	return m
}

// Limits returns the limits in force now.
func (m *Manager) Limits() Limits { return m.limits }

// Create makes a session of a draft: it gives it a fresh id, its start, its first use and the limit of its kind, seals
// the tokens under a fresh secret, and writes it. Whatever session the browser presented before is not touched; End it.
func (m *Manager) Create(ctx context.Context, draft Session, tokens Tokens) (*Session, Token, error) {
	token := NewToken()
	s := draft
	s.ID = token.ID
	// To the millisecond, as it is stored: what Create returns is what Load will return.
	s.Created = m.now().UTC().Truncate(time.Millisecond)
	s.LastUsed = s.Created
	s.Limit = m.limits.Of(s.Kind)
	s.sealedTokens = nil
	key := s.ID.Key()
	if !tokens.empty() {
		sealed, err := m.vault.Keys.sealTokens(token.Secret, pack(tokens.encode()), string(key))
		if err != nil {
			return nil, Token{}, fmt.Errorf("sealing tokens: %w", err)
		}
		s.sealedTokens = sealed
	}
	// Listed before it exists: a session that nobody could find to revoke must never be (A45).
	for _, index := range s.indexes() {
		if err := m.vault.Store.Enlist(ctx, index, key, s.MaxEnd(m.limits)); err != nil {
			return nil, Token{}, fmt.Errorf("listing session: %w", err)
		}
	}
	if err := m.vault.Put(ctx, key, s.encode(), s.Ends(m.limits)); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	s.Version = 1
	return &s, token, nil
}

// Load returns the session of a token. ErrNotFound: it does not exist, was ended or revoked. ErrExpired: a limit has
// passed. Any other error says nothing about the session: the store could not be asked, or the record was sealed under
// a key that this ring has not.
func (m *Manager) Load(ctx context.Context, token Token) (*Session, error) {
	s, err := m.load(ctx, token.ID.Key())
	if err != nil {
		return nil, err
	}
	if s.ID != token.ID {
		return nil, errMalformed
	}
	if err := s.Check(m.now(), m.limits); err != nil {
		return nil, err
	}
	return s, nil
}

func (m *Manager) load(ctx context.Context, key Key) (*Session, error) {
	plain, version, err := m.vault.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	s, err := decodeSession(plain)
	if err != nil {
		return nil, err
	}
	s.Version = version
	return s, nil
}

// Tokens opens the provider's tokens of a session with the secret of its cookie.
func (m *Manager) Tokens(s *Session, token Token) (Tokens, error) {
	return m.tokensAt(s, token, s.ID.Key())
}

func (m *Manager) tokensAt(s *Session, token Token, place Key) (Tokens, error) {
	if len(s.sealedTokens) == 0 {
		return Tokens{}, nil
	}
	packed, err := m.vault.Keys.openTokens(token.Secret, s.sealedTokens, string(place))
	if err != nil {
		return Tokens{}, fmt.Errorf("opening tokens: %w", err)
	}
	plain, err := unpack(packed)
	if err != nil {
		return Tokens{}, err
	}
	return decodeTokens(plain)
}

// Tighten makes a persistent session a browser session, for a reason that its record keeps (X16). The caller gives the
// browser a cookie without a lifetime. Tightening what is a browser session already changes nothing.
func (m *Manager) Tighten(ctx context.Context, s *Session, reason string) (*Session, error) {
	return m.update(ctx, s.ID.Key(), func(s *Session) bool {
		if s.Kind == Browser {
			return false
		}
		s.Kind, s.KindReason = Browser, reason
		s.Limit = s.Limit.tighter(m.limits.Browser)
		return true
	})
}

// End ends a session: the record dies in the store, and with it every copy of the cookie (K4, A22). Ending one that is
// gone already is no error; ErrUnavailable means that it may still live.
func (m *Manager) End(ctx context.Context, s *Session) error {
	if _, err := m.vault.Store.Remove(ctx, s.ID.Key()); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending session: %w", err)
	}
	for _, index := range s.indexes() {
		// The record is gone, which is what counts; a stale listing is dropped by whoever meets it.
		_ = m.vault.Store.Delist(ctx, index, s.ID.Key())
	}
	return nil
}

// EndID ends the session of an id, as End does, without having loaded it.
func (m *Manager) EndID(ctx context.Context, id ID) error {
	s, err := m.load(ctx, id.Key())
	switch {
	case err == nil:
		return m.End(ctx, s)
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed):
		return fmt.Errorf("ending session: %w", err)
	}
	// It is there but cannot be read, so its listings are unknown; they point at nothing from here on.
	if _, err := m.vault.Store.Remove(ctx, id.Key()); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending session: %w", err)
	}
	return nil
}

// maxListed bounds how many sessions of one person are looked at.
const maxListed = 10_000

// Of returns the live sessions of a person, in the order in which they end at the latest.
func (m *Manager) Of(ctx context.Context, who Identity) ([]*Session, error) {
	index := identityIndex(who)
	keys, err := m.vault.Store.Members(ctx, index, time.Time{}, maxListed)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var live []*Session
	for _, key := range keys {
		s, err := m.load(ctx, key)
		switch {
		case errors.Is(err, ErrNotFound):
			_ = m.vault.Store.Delist(ctx, index, key)
		case err != nil:
			return nil, fmt.Errorf("listing sessions: %w", err)
		case s.Identity == who && s.Check(m.now(), m.limits) == nil:
			live = append(live, s)
		}
	}
	return live, nil
}

// EndAll ends every session of a person, whatever browser holds it, and returns how many.
func (m *Manager) EndAll(ctx context.Context, who Identity) (int, error) {
	sessions, err := m.Of(ctx, who)
	if err != nil {
		return 0, err
	}
	for i, s := range sessions {
		if err := m.End(ctx, s); err != nil {
			return i, err
		}
	}
	return len(sessions), nil
}

// updateTries bounds how often a write that met another version is tried again.
const updateTries = 4

// update changes a record by compare-and-set. change reports whether there is anything to write.
func (m *Manager) update(ctx context.Context, key Key, change func(*Session) bool) (*Session, error) {
	for try := 1; ; try++ {
		s, err := m.load(ctx, key)
		if err != nil {
			return nil, err
		}
		if !change(s) {
			return s, nil
		}
		s.Version, err = m.vault.Replace(ctx, key, s.encode(), s.Version, s.Ends(m.limits))
		switch {
		case err == nil:
			return s, nil
		case !errors.Is(err, ErrConflict) || try == updateTries:
			return nil, fmt.Errorf("writing session: %w", err)
		}
	}
}

func identityIndex(who Identity) Key { return HashKey("i", who.Issuer, who.Subject) }

func (s *Session) indexes() []Key {
	in := []Key{identityIndex(s.Identity)}
	if s.ProviderSession != "" {
		in = append(in, HashKey("j", s.Identity.Issuer, s.ProviderSession))
	}
	return in
}

// Close writes what is queued and stops. It does not close the store.
func (m *Manager) Close() {
	m.closing.Do(func() { close(m.stop) })
	<-m.done
}
