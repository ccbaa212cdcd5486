package signin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// environment is what every part of a Service works with: the configuration, and what follows from it.
type environment struct {
	Config
	byName map[string]*oidc.Provider
	// signInHost is the host of SignInHost, as a Visit has it.
	signInHost string
	tasks      tasks
	// pending is what waits for a browser to come back.
	pending *pending.Keeper
}

func newEnvironment(c Config) *environment {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Prompt.AbandonAfter <= 0 {
		c.Prompt.AbandonAfter = defaultAbandonAfter
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = DefaultMaxSessions
	}
	s := &environment{Config: c, byName: make(map[string]*oidc.Provider, len(c.Providers))}
	for _, p := range c.Providers {
		s.byName[p.Name] = p
	}
	if u, err := url.Parse(c.SignInHost); err == nil {
		s.signInHost = strings.ToLower(u.Hostname())
	}
	s.pending = pending.New(pending.Config{Store: c.Store, Keys: c.Keys, Now: c.Now, Max: c.MaxPending})
	return s
}

// Waiting is how many sign-ins wait for the answer to "Stay signed in?", as last counted.
func (s *environment) Waiting() int { return s.pending.Waiting() }

// providersOf returns the providers of a site, in the order in which it names them.
func (s *environment) providersOf(site *Site) []*oidc.Provider {
	if len(site.Providers) == 0 {
		return s.Providers[:1]
	}
	list := make([]*oidc.Provider, 0, len(site.Providers))
	for _, name := range site.Providers {
		if p := s.byName[name]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

func (s *environment) takes(site *Site, who *session.Record) bool {
	return site.Takes(s.Providers, who.Provider, who.Identity.Issuer)
}

// detach returns a context for store and provider calls that outlives the client's connection: one who disconnects
// must neither poison a look-up nor lose a code that can be redeemed once.
func detach(r *http.Request, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), limit)
}

// storeTimeout bounds what one request waits for the store.
const storeTimeout = 3 * time.Second

// tasks is the work that goes on behind the requests.
type tasks struct {
	mu   sync.Mutex // guards ctx: nil before start and after halt
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

func (t *tasks) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.stop = context.WithCancel(context.Background())
}

// halt ends the context of the work and waits for it.
func (t *tasks) halt() {
	t.mu.Lock()
	if t.ctx != nil {
		t.stop()
		t.ctx = nil
	}
	t.mu.Unlock()
	t.work.Wait()
}

// run runs work until it is done or halt ends its context. It reports false, and does nothing, unless start has begun.
func (t *tasks) run(work func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil {
		return false
	}
	ctx := t.ctx
	t.work.Go(func() { work(ctx) })
	return true
}

// startTasks begins the background work.
func (s *environment) startTasks() { s.tasks.start() }

// stopTasks ends the background work and waits for it.
func (s *environment) stopTasks() { s.tasks.halt() }

// background runs work until it is done or stopTasks ends its context. It reports false, and does nothing, after that.
func (s *environment) background(work func(context.Context)) bool { return s.tasks.run(work) }

// returnTarget is browser.ReturnPath for what may also be a page of another site that signs people in here.
func (s *environment) returnTarget(raw string) string {
	origin, path := browser.CutOrigin(raw)
	if origin != "" && (s.SiteFor == nil || s.SiteFor("", origin) == nil) {
		return browser.Home
	}
	return origin + browser.ReturnPath(path)
}

// handsOver reports whether a site leaves signing in to the sign-in host.
func (s *environment) handsOver(v *Visit) bool { return s.signInHost != "" && v.Host != s.signInHost }

// revocation takes back a refresh token at the provider (RFC 7009). The session does without it by then, so nobody waits
// for it and a failure is only noted.
func (s *environment) revocation(p *oidc.Provider, have *session.Record, refresh string) func(context.Context) {
	return func(ctx context.Context) {
		if err := p.Revoke(ctx, refresh); err != nil {
			s.Logger.Warn("refresh token not revoked at the provider", zap.String("provider", p.Name),
				zap.String("session", have.ID.Short()), zap.Error(oidc.Truncated(err)))
		}
	}
}

// providerOf returns the provider of a session; nil if it is not configured, or its metadata is not known now. A session is
// not sent to a provider of another issuer, whatever the configuration calls it.
func (s *environment) providerOf(have *session.Record) *oidc.Provider {
	p := s.byName[have.Provider]
	if p == nil || p.Issuer != have.Identity.Issuer || p.Known() == nil {
		return nil
	}
	return p
}
