package session

import (
	"context"
	"sync"
	"time"

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

// Manager creates, loads, changes and ends sessions. It is safe for concurrent use; Close it when done.
//
// It has no code of its own but to start, to stop and to hear what other replicas tell. Each part has one reason:
//
//	loader      may a session be used (load.go)
//	writer      changes and removes a record (write.go)
//	creator     makes a session, of a sign-in or in the place of another (create.go)
//	renewer     writes what becomes of one that goes on (renew.go)
//	ender       ends those of a person, or of a provider's session (end.go)
//	lister      finds those of a person, or of all (list.go)
//	lastUses    writes when they were used, and ends those that were not (last_use.go)
//	streams     looks after what is open for them (watch.go)
//	revocations ends what began before a time (revoke_before.go)
//	replay      writes again what a failover has forgotten (replay_writes.go)
//	health      does the store answer (health.go)
//	announcer   tells other replicas (feed.go)
//
// Cache says which rules hold between them.
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

// NewManager starts a manager: goroutines that write last uses, look after open streams, and listen to the store's Feed
// if it has one.
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

// connect makes the parts, each of those below it.
func (m *Manager) connect(c ManagerConfig) {
	vault, subjects := Vault{Store: c.Store, Keys: c.Keys}, &revokedSubjects{store: c.Store, now: c.Now}
	feed, _ := c.Store.(Feed)
	m.announcer = &announcer{feed: feed, name: NewRandom(9), onError: orIgnore(c.OnFeedError)}
	m.health = &health{store: c.Store, now: c.Now, grace: c.OutageGrace, tell: orIgnore(c.OnOutage), since: c.Now()}
	m.revocations = &revocations{
		store: c.Store, now: c.Now, recheck: c.Recheck, grace: c.OutageGrace,
		list: &m.cache.revocations, entries: m.cache.entries, health: m.health, announcer: m.announcer,
	}
	m.loader = &loader{
		vault: vault, limits: c.Limits.orDefaults(), now: c.Now, recheck: c.Recheck, grace: c.OutageGrace,
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

// Known tells how much is known here without asking the store.
func (m *Manager) Known() Known { return m.cache.known() }

// heard takes a message of another replica. It only makes what is known be asked for again.
func (m *Manager) heard(message string) {
	h, ok := m.announcer.hear(message)
	switch {
	case !ok:
	case h.what == wordChanged:
		m.cache.entries.drop(h.session)
	case h.what == wordKeys:
		m.onKeys()
	default:
		m.cache.entries.doubt()
	}
}

// Close writes what is queued and stops, within about ten seconds even if the store does not answer. It does not close
// the store.
func (m *Manager) Close() {
	m.closed.Do(func() { close(m.stop); m.cancel() })
	<-m.lastUses.done
	m.streams.background.Wait()
}
