package access

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Environment is shared by all parts of a Service: the configuration, and what is derived from it.
type Environment struct {
	Config
	ByName map[string]*oidc.Provider
	// SignInHostname is the host of SignInHost, as a Visit has it.
	SignInHostname string
	tasks          tasks
	// Pending keeps data that waits for a browser to come back.
	Pending *pending.Keeper
	// Tokens keeps the tokens that programs get.
	Tokens *apitoken.Keeper
}

// NewEnvironment returns an environment for a configuration with its defaults filled in.
func NewEnvironment(c Config) *Environment {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Prompt.AbandonAfter <= 0 {
		c.Prompt.AbandonAfter = defaultAbandonAfter
	}
	c.Binds.place = sitePrefix + c.Binds.Site
	if c.MaxSessions <= 0 {
		c.MaxSessions = DefaultMaxSessions
	}
	s := &Environment{Config: c, ByName: make(map[string]*oidc.Provider, len(c.Providers))}
	for _, p := range c.Providers {
		s.ByName[p.Name] = p
	}
	if u, err := url.Parse(c.SignInHost); err == nil {
		s.SignInHostname = strings.ToLower(u.Hostname())
	}
	s.Pending = pending.New(pending.Config{Store: c.Store, Keys: c.Keys, Now: c.Now, Max: c.MaxPending})
	s.Tokens = apitoken.New(apitoken.Config{Vault: session.Vault{Store: c.Store, Keys: c.Keys}, Sessions: c.Sessions, Now: c.Now})
	return s
}

// Waiting returns how many sign-ins wait for the answer to "Stay signed in?", at the last count.
func (s *Environment) Waiting() int { return s.Pending.Waiting() }

// ProvidersOf returns the providers of a site, in the site's order.
func (s *Environment) ProvidersOf(site *Site) []*oidc.Provider {
	if len(site.Providers) == 0 {
		return s.Providers[:1]
	}
	list := make([]*oidc.Provider, 0, len(site.Providers))
	for _, name := range site.Providers {
		if p := s.ByName[name]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// Takes reports whether a site accepts a session; see Site.Takes.
func (s *Environment) Takes(site *Site, who *session.Record) bool {
	return site.Takes(s.Providers, who.Provider, who.Identity.Issuer)
}

// SameLimits reports whether the answer to "Stay signed in?" changes nothing at a visit: all sessions have the same limits,
// or a "Yes" needs a binding, which no browser makes on plain http.
func (s *Environment) SameLimits(v *Visit) bool {
	return s.Sessions.Limits().Same() || s.Binds.On && s.Binds.Required && !v.Secure
}

// Detach returns a context for store and provider calls that outlives the client's connection: if the client
// disconnects, a shared look-up must not fail, and a code that can be redeemed only once must not be lost.
func Detach(r *http.Request, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), limit)
}

// StoreTimeout is how long one request waits for the store.
const StoreTimeout = 3 * time.Second

// tasks is the background work.
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

// halt cancels the context of the work and waits for it to end.
func (t *tasks) halt() {
	t.mu.Lock()
	if t.ctx != nil {
		t.stop()
		t.ctx = nil
	}
	t.mu.Unlock()
	t.work.Wait()
}

// run runs work until it is done or halt cancels its context. It returns false, and does nothing, unless start was
// called.
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

// StartTasks starts the background work.
func (s *Environment) StartTasks() { s.tasks.start() }

// StopTasks ends the background work and waits for it.
func (s *Environment) StopTasks() { s.tasks.halt() }

// Background runs work until it is done or StopTasks cancels its context. After StopTasks it returns false and does
// nothing.
func (s *Environment) Background(work func(context.Context)) bool { return s.tasks.run(work) }

// ReturnTarget is browser.ReturnPath that also accepts pages of other sites that sign users in here.
func (s *Environment) ReturnTarget(raw string) string {
	origin, path := browser.CutOrigin(raw)
	if origin != "" && (s.SiteFor == nil || s.SiteFor("", origin) == nil) {
		return browser.Home
	}
	return origin + browser.ReturnPath(path)
}

// HandsOver reports whether a site uses the sign-in host.
func (s *Environment) HandsOver(v *Visit) bool {
	return s.SignInHostname != "" && v.Host != s.SignInHostname
}

// Revocation returns the work that revokes a refresh token at the provider (RFC 7009). The session no longer needs the
// token, so no request waits for it and a failure is only logged.
func (s *Environment) Revocation(p *oidc.Provider, have *session.Record, refresh string) func(context.Context) {
	return func(ctx context.Context) {
		if err := p.Revoke(ctx, refresh); err != nil {
			s.Logger.Warn("refresh token not revoked at the provider", zap.String("provider", p.Name),
				zap.String("session", have.ID.Short()), zap.Error(oidc.Truncated(err)))
		}
	}
}

// ProviderOf returns the provider of a session; nil if it is not configured, or its metadata is not known now. A
// session is never used with a provider of another issuer, even if the provider has the same name.
func (s *Environment) ProviderOf(have *session.Record) *oidc.Provider {
	p := s.ByName[have.Provider]
	if p == nil || p.Issuer != have.Identity.Issuer || p.Known() == nil {
		return nil
	}
	return p
}
