package session

import (
	"context"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// ManagerConfig configures a Manager. Store and Keys are required.
type ManagerConfig struct {
	Store Store
	Keys  *keyring.Ring
	// Limits are the current limits; a zero value means the one of DefaultLimits.
	Limits Limits
	Now    func() time.Time // nil: time.Now
	// Cache is a cache that outlives the manager, for the next manager with the same store and keys. Nil: the manager
	// makes its own.
	Cache *Cache
	// Recheck is how long a cached session is used without reading from the store. Zero: every Load reads.
	Recheck time.Duration
	// OutageGrace is how long a cached session continues while the store cannot be read, counted from the last answer
	// about it. Zero: not at all.
	OutageGrace time.Duration
	// OnOutage is called once with the error when the store stops answering, and once with nil when it answers again.
	// It is called from a request's goroutine and must not block. It may be nil.
	OnOutage func(error)
	// OnFeedError is called when a message to other replicas could not be sent; they notice the change within their
	// Recheck. The rules of OnOutage apply.
	OnFeedError func(error)
	// OnKeys is called when another replica has changed the key ring, and must not block. It may be nil.
	OnKeys func()
	// OnTouchError is called when a last use could not be written. No request fails because of it; at worst an idle
	// limit ends a session slightly early. It may be called from a request's goroutine and must not block. It may be
	// nil.
	OnTouchError func(error)
}

// Manager creates, loads, changes and ends sessions. It is safe for concurrent use; Close it when done.
//
// Its own code only starts, stops and receives the messages of other replicas. Each part has one purpose:
//
// loader decides whether a session may be used (load.go)
//
//	writer      changes and removes a record (write.go)
//
// creator creates sessions, from a sign-in or to replace another (create.go)
// renewer writes changes of a session that continues (renew.go)
// ender ends those of a user, or of a provider's session (end.go)
// lister finds those of a user, or all (list.go)
// lastUses writes when they were used, and ends idle ones (last_use.go)
// streams watches the open streams of sessions (watch.go)
//
//	revocations ends what began before a time (revoke_before.go)
//
// replay repeats writes that a failover has lost (replay_writes.go)
// health tracks whether the store answers (health.go)
// announcer notifies other replicas (feed.go)
//
// The comment of Cache states the rules between them.
type Manager struct {
	*loader
	*writer
	*creator
	*renewer
	*ender
	*lister
	*lastUses
	*streams
	*revocations
	*replay
	*health
	*announcer

	cache  *Cache
	onKeys func()
	stop   chan struct{}
	cancel context.CancelFunc
	closed sync.Once
}

// NewManager starts a manager. Its goroutines write last uses, watch open streams, and listen to the store's Feed if it
// has one.
func NewManager(c ManagerConfig) *Manager {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Cache == nil {
		c.Cache = NewCache(CacheConfig{})
	}
	m := &Manager{cache: c.Cache, onKeys: c.OnKeys, stop: make(chan struct{})}
	if m.onKeys == nil {
		m.onKeys = func() {}
	}
	m.connect(c)
	m.cache.entries.forgetReady()
	m.start()
	return m
}

// connect creates the parts; each one uses only those created before it.
func (m *Manager) connect(c ManagerConfig) {
	vault, subjects := Vault{Store: c.Store, Keys: c.Keys}, &revokedSubjects{store: c.Store, now: c.Now}
	feed, _ := c.Store.(Feed)
	stamps, _ := c.Store.(Stamps)
	m.announcer = &announcer{tokens: &m.cache.tokens, feed: feed, name: NewRandom(9), onError: orIgnore(c.OnFeedError)}
	m.health = &health{store: c.Store, now: c.Now, grace: c.OutageGrace, tell: orIgnore(c.OnOutage), since: c.Now()}
	m.revocations = &revocations{
		store: c.Store, now: c.Now, recheck: c.Recheck, grace: c.OutageGrace,
		list: &m.cache.revocations, entries: m.cache.entries, health: m.health, announcer: m.announcer,
	}
	m.loader = &loader{
		vault: vault, stamps: stamps, limits: c.Limits.orDefaults(), now: c.Now, recheck: c.Recheck, grace: c.OutageGrace,
		entries: m.cache.entries, health: m.health, revocations: m.revocations,
	}
	m.writer = &writer{loader: m.loader, announcer: m.announcer, writes: &m.cache.writes}
	m.creator = &creator{writer: m.writer, subjects: subjects}
	m.renewer = &renewer{writer: m.writer, subjects: subjects}
	m.ender = &ender{writer: m.writer, subjects: subjects}
	m.lister = &lister{loader: m.loader}
	m.lastUses = &lastUses{
		writer: m.writer, queue: make(chan touch, touchQueue), stop: m.stop, done: make(chan struct{}), onError: orIgnore(c.OnTouchError),
	}
	m.streams = &streams{loader: m.loader, watches: &m.cache.watches, uses: m.lastUses}
	m.replay = &replay{writer: m.writer, due: make(chan struct{}, 1)}
}

func (m *Manager) start() {
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	if feed := m.announcer.feed; feed != nil {
		m.streams.background.Go(func() { follow(ctx, feed, m.heard, m.replay.gap) })
		m.streams.background.Go(func() { m.replay.run(ctx) })
	}
	m.streams.background.Go(func() { m.streams.run(ctx) })
	m.streams.background.Go(func() { m.health.probe(ctx) })
	go m.lastUses.run()
}

func orIgnore(tell func(error)) func(error) {
	if tell == nil {
		return func(error) {}
	}
	return tell
}

// Limits returns the limits in force now.
func (m *Manager) Limits() Limits { return m.loader.limits }

// Keys returns the key ring.
func (m *Manager) Keys() *keyring.Ring { return m.loader.vault.Keys }

// Tokens opens the provider's tokens of a session with the secret of its cookie.
func (m *Manager) Tokens(r *Record, token Token) (Tokens, error) {
	return m.loader.vault.Tokens(r, token)
}

// Known returns the size of the cache.
func (m *Manager) Known() Known { return m.cache.known() }

// heard handles a message of another replica. The only effect is that cached data is read again.
func (m *Manager) heard(message string) {
	h, ok := m.announcer.hear(message)
	switch {
	case !ok:
	case h.what == wordChanged:
		m.cache.entries.drop(h.session)
	case h.what == wordKeys:
		m.onKeys()
	case h.what == wordTokens:
		m.cache.tokens.Add(1)
	default:
		m.cache.entries.doubt()
	}
}

// TokenStamp returns a number that changes when tokens of programs may have been revoked anywhere. A caller takes it before
// it reads a token.
func (m *Manager) TokenStamp() uint64 { return m.cache.entries.doubts.Load() + m.cache.tokens.Load() }

// TokenFresh reports whether a token that was read with a stamp, at a time, need not be read again: the rule for sessions,
// ManagerConfig.Recheck, counts for tokens too.
func (m *Manager) TokenFresh(stamp uint64, read time.Time) bool {
	age := m.loader.now().Sub(read)
	return stamp == m.TokenStamp() && age >= 0 && age < m.loader.recheck
}

// TokenSpared reports whether a token that was read at a time goes on while the store does not answer:
// ManagerConfig.OutageGrace. stamp is that of then: a token that may have been revoked since does not go on.
func (m *Manager) TokenSpared(stamp uint64, read time.Time) bool {
	age := m.loader.now().Sub(read)
	return stamp == m.TokenStamp() && age >= 0 && age < m.loader.grace
}

// Close writes what is queued and stops, within about ten seconds even if the store does not answer. It does not close
// the store.
func (m *Manager) Close() {
	m.closed.Do(func() { close(m.stop); m.cancel() })
	<-m.lastUses.done
	m.streams.background.Wait()
}
