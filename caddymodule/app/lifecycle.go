package app

import (
	"fmt"
	"net/url"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/signals"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Provision checks and compiles the configuration. It opens, dials and writes nothing, because `validate` stops after
// it.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger, a.storage = ctx, ctx.Logger(), ctx.Storage()
	a.tenant.Config, a.tenant.Service, a.tenant.Current, a.tenant.Events = &a.App, a.openService, currentService, a
	if err := a.Check(); err != nil {
		return err
	}
	if err := a.FillIn(); err != nil {
		return err
	}
	if err := a.provisionEvents(ctx); err != nil {
		return err
	}
	if err := a.checkSignInSite(ctx); err != nil {
		return err
	}
	if err := a.provisionProviders(); err != nil {
		return err
	}
	var err error
	if a.streams, err = signals.New(&a.App, observe.Transmitter, signals.Counters{Event: countSignal, Poll: countPoll}, a.logger); err != nil {
		return err
	}
	if _, err := a.resolveKeys(); err != nil {
		return err
	}
	a.tenant.Limits = a.Session.Limits()
	if a.tenant.Prompt, err = a.StaySignedIn.Prompt(); err != nil {
		return err
	}
	if err := a.provisionPages(); err != nil {
		return err
	}
	if err := a.tenant.Compile(ctx); err != nil {
		return err
	}
	a.siteLinter = policy.NewSiteLinter(a.tenant.Networks, a.tenant.Policies)
	a.finestIdle = site.FinestIdle(a.tenant.Policies)
	return a.provisionStore(ctx)
}

// Start opens the store and starts to fetch the metadata of the providers. If it returns an error, the old
// configuration keeps running.
func (a *App) Start() error {
	if a.SignInHost != nil && a.siteFor("", a.SignInHost.Origin) == nil {
		return a.errUnserved()
	}
	_, err := a.openService()
	if err == nil {
		Enter(a)
		a.warnOfApps()
		a.reminder.start(a)
	}
	return err
}

// Stop ends the background work. Requests in flight keep their sessions and the store until Cleanup.
func (a *App) Stop() error {
	Leave(a)
	a.reminder.stop()
	a.stopService()
	return nil
}

// stopService waits for the background work to end. Requests can go on meanwhile.
func (a *App) stopService() {
	a.mu.Lock()
	service, keeper := a.service, a.keeper
	a.mu.Unlock()
	if service == nil {
		return
	}
	a.streams.Stop()
	service.Stop()
	if keeper != nil {
		keeper.Close()
	}
}

// Cleanup releases the store, also after a failed Provision. It also ends the background work, because Caddy does not
// stop an app that has not started, and a request may have come before the start of another app failed.
func (a *App) Cleanup() error {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.stopService()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions != nil {
		a.sessions.Close()
	}
	a.closeSignInLog()
	shared := a.shared
	if shared == nil {
		return nil
	}
	a.shared = nil // released once, even if Cleanup is called again
	return shared.Release()
}

// openService returns the service. The first call creates it.
func (a *App) openService() (*signin.Service, error) {
	if service := a.ready.Load(); service != nil {
		return service, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.service != nil {
		return a.service, nil
	}
	if a.stopped {
		return nil, session.ErrClosed
	}
	ring, err := a.openRing()
	if err != nil {
		return nil, err
	}
	store, err := a.shared.Open(a.module, a.logger)
	if err != nil {
		return nil, err
	}
	store = observe.Store(store)
	log, err := a.openSignInLog(store, ring)
	if err != nil {
		return nil, err
	}
	a.records = log
	a.sessions = a.newManager(store, ring)
	a.service = signin.New(access.Config{
		Providers: a.tenant.Providers,
		Sessions:  a.sessions,
		Store:     store,
		Keys:      ring,
		Pages:     a.pages,
		Log:       log,
		SignIns:   a.signInReader(),
		Clients:   deviceNames{a.tenant.Set},
		Prompt:    a.tenant.Prompt,
		Binds:     a.Session.Binding.Access(),
		Recheck:   a.Session.RecheckEvery(),
		RateLimit: a.RateLimit.Rate(),

		MaxSessions: a.Session.MaxSessions,

		OnLimited:  func(endpoint string) { rateLimited.WithLabelValues(endpoint).Inc() },
		OnRenewal:  func(provider, result string) { renewals.WithLabelValues(provider, result).Inc() },
		OnExchange: func(provider, result string) { exchanges.WithLabelValues(provider, result).Inc() },
		OnBinding:  func(step, result string) { bindings.WithLabelValues(step, result).Inc() },
		OnSignOut:  func(result string) { signOuts.WithLabelValues(result).Inc() },
		Notify:     a.Emit,
		Events:     a.streams,
		Logger:     a.logger,

		SignInHost: a.SignInHost.Address(),
		SiteFor:    a.siteFor,
		Siblings:   siblings(a),
		TokenApps:  func() []string { return TokenApps(a) },
	})
	a.tokens = a.service.Tokens
	a.streams.Start(a.service.Actor())
	a.service.Start()
	if a.keeper != nil {
		a.keeper.Start()
	}
	a.ready.Store(a.service)
	return a.service, nil
}

func (a *App) provisionProviders() error {
	for _, p := range a.Providers {
		asked := &observe.Provider{Name: p.Called()}
		compiled, err := p.Compile(a.logger, asked.Wrap)
		if err != nil {
			return fmt.Errorf("provider %q: %w", p.Called(), err)
		}
		asked.EndpointOf = func(u *url.URL) string { return oidc.EndpointOf(compiled, u) }
		a.asked = append(a.asked, asked)
		compiled.HeaderClaims = a.headerClaims
		compiled.KeepAccess = func() bool { return forwards(a, compiled.Name) }
		compiled.Claims.KnownAs = a.HasSignals(p)
		a.tenant.Providers = append(a.tenant.Providers, compiled)
	}
	return nil
}

// provisionPages reads the files of the brand and the icons of the providers, and creates the pages.
func (a *App) provisionPages() error {
	config, err := a.Brand.Load()
	if err != nil {
		return err
	}
	if config.Icons, err = a.Icons(); err != nil {
		return err
	}
	if a.pages, err = pages.New(config); err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	return nil
}

func (a *App) provisionStore(ctx caddy.Context) error {
	if a.StoreRaw != nil {
		mod, err := ctx.LoadModule(a, "StoreRaw")
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		a.module = mod.(store.Module)
	} else {
		file := new(store.File)
		if err := file.Provision(ctx); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		a.module = file
	}
	shared, err := store.Acquire(a.module)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	a.shared = shared
	return nil
}
