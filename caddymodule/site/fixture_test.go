package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver" // its matcher

	_ "github.com/latchkey-gateway/latchkey/caddymodule/caddyfile" // the words that adapt reads
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// fixture is a configuration with its sites as package app provisions them, with sessions in memory. Package app imports
// this one, so it cannot be used here.
type fixture struct {
	config  *config.App
	tenant  Tenant
	sites   []*Site
	ring    *keyring.Ring
	service *signin.Service
	stopped bool
}

// testContext is a context of Caddy's for a process that runs no server.
var testContext = sync.OnceValues(func() (caddy.Context, error) {
	return caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "PANIC"}},
	}}})
})

// newFixture makes the fixture of one site. Both configurations are read from their JSON, as from a file.
func newFixture(tb testing.TB, app *config.App, site *config.Site) *fixture {
	tb.Helper()
	f, err := provision(tb, toJSON(tb, app), toJSON(tb, site))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// fixtureOf makes the fixture of a Caddyfile. An error is one of the Caddyfile or of its configuration.
func fixtureOf(tb testing.TB, text string) (*fixture, error) {
	tb.Helper()
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	raw, _, err := adapter.Adapt([]byte(text), nil)
	if err != nil {
		return nil, err
	}
	var whole struct {
		Apps struct {
			Latchkey json.RawMessage `json:"latchkey"`
			HTTP     any             `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		tb.Fatal(err)
	}
	var sites [][]byte
	for _, handler := range latchkeyHandlers(whole.Apps.HTTP) {
		delete(handler, "handler")
		sites = append(sites, toJSON(tb, handler))
	}
	return provision(tb, whole.Apps.Latchkey, sites...)
}

// latchkeyHandlers are the handlers latchkey in a part of Caddy's configuration, wherever they stand.
func latchkeyHandlers(part any) (found []map[string]any) {
	switch part := part.(type) {
	case []any:
		for _, item := range part {
			found = append(found, latchkeyHandlers(item)...)
		}
	case map[string]any:
		if part["handler"] == "latchkey" {
			return []map[string]any{part}
		}
		for _, name := range slices.Sorted(maps.Keys(part)) {
			found = append(found, latchkeyHandlers(part[name])...)
		}
	}
	return found
}

func toJSON(tb testing.TB, v any) []byte {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// provision makes the fixture of an app and its sites. Errors are those of the configuration.
func provision(tb testing.TB, app []byte, sites ...[]byte) (*fixture, error) {
	tb.Helper()
	parent, err := testContext()
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(parent)
	tb.Cleanup(cancel)
	f := &fixture{config: new(config.App)}
	if err := caddy.StrictUnmarshalJSON(app, f.config); err != nil {
		return nil, err
	}
	html, err := f.compile(ctx)
	if err != nil {
		return nil, err
	}
	for _, raw := range sites {
		c := new(config.Site)
		if err := caddy.StrictUnmarshalJSON(raw, c); err != nil {
			return nil, err
		}
		h, err := New(ctx, c, &f.tenant)
		if err != nil {
			return nil, err
		}
		f.sites = append(f.sites, h)
	}
	if len(f.sites) == 0 {
		return nil, errors.New("the configuration has no site")
	}
	f.open(tb, ctx, html)
	return f, nil
}

// compile makes what the sites share, in the order of app.App.Provision.
func (f *fixture) compile(ctx caddy.Context) (*pages.Pages, error) {
	f.tenant.Config = f.config
	f.tenant.Service = func() (*signin.Service, error) {
		if f.stopped {
			return nil, session.ErrClosed
		}
		return f.service, nil
	}
	f.tenant.Current = func() *signin.Service { return nil }
	if err := f.config.Check(); err != nil {
		return nil, err
	}
	if err := f.config.FillIn(); err != nil {
		return nil, err
	}
	for _, p := range f.config.Providers {
		compiled, err := p.Compile(ctx.Logger(), nil)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", p.Called(), err)
		}
		f.tenant.Providers = append(f.tenant.Providers, compiled)
	}
	f.tenant.Limits = f.config.Session.Limits()
	var err error
	if f.tenant.Prompt, err = f.config.StaySignedIn.Prompt(); err != nil {
		return nil, err
	}
	brand, err := f.config.Brand.Load()
	if err != nil {
		return nil, err
	}
	if brand.Icons, err = f.config.Icons(); err != nil {
		return nil, err
	}
	html, err := pages.New(brand)
	if err != nil {
		return nil, err
	}
	return html, f.tenant.Compile(ctx)
}

// open makes the service, as app.App does for the first request.
func (f *fixture) open(tb testing.TB, ctx caddy.Context, html *pages.Pages) {
	tb.Helper()
	var err error
	if f.ring, err = keyring.New([]byte("a key for tests that has its thirty-two bytes")); err != nil {
		tb.Fatal(err)
	}
	limits := f.tenant.Limits
	limits.Finest = FinestIdle(f.tenant.Policies)
	for _, h := range f.sites {
		limits.Finest = Shorter(limits.Finest, h.FinestIdle())
	}
	store := storetest.NewMemory(nil)
	sessions := session.NewManager(session.ManagerConfig{
		Store: store, Keys: f.ring, Limits: limits,
		Recheck:     config.DurationOr(f.config.Session.CacheRecheck, config.DefaultCacheRecheck),
		OutageGrace: config.DurationOr(f.config.Session.OutageGrace, config.DefaultOutageGrace),
	})
	f.service = signin.New(access.Config{
		Providers: f.tenant.Providers, Sessions: sessions, Store: store, Keys: f.ring, Pages: html,
		Log: signinlog.Zap{Logger: ctx.Logger()}, Prompt: f.tenant.Prompt, Recheck: f.config.Session.RecheckEvery(),
		RateLimit: f.config.RateLimit.Rate(), MaxSessions: f.config.Session.MaxSessions, Logger: ctx.Logger(),
		Binds: f.config.Session.Binding.Access(),
	})
	f.service.Start()
	tb.Cleanup(func() {
		f.service.Stop()
		sessions.Close()
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
}

// stop has the configuration answer as one that has been cleaned up.
func (f *fixture) stop() { f.stopped = true }
