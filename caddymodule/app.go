package caddymodule

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/certmagic"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

func init() {
	caddy.RegisterModule(new(App))
}

// appRuntime is what an App works with once it is provisioned.
type appRuntime struct {
	ctx     caddy.Context
	logger  *zap.Logger
	storage certmagic.Storage
	module  StoreModule
	shared  *sharedStore
	events  *caddyevents.App

	providers []*oidc.Provider
	icons     map[string]pages.Image
	prompt    signin.PromptConfig
	pages     *pages.Pages
	limits    session.Limits
	networks  []policy.Network
	policies  []policy.Policy
	tenant    *policy.Set // networks and policies without those of sites
	matchers  *matchers
	// finestIdle is the shortest max_idle of any policy and time before any warning of an idle sign-out, of any site that is
	// provisioned; zero if there is none.
	finestIdle time.Duration

	// Apps of a configuration start in no fixed order, so the first request may come before Start: whoever is first
	// opens what is needed.
	mu       sync.Mutex
	service  *signin.Service
	ready    atomic.Pointer[signin.Service] // the same, for requests
	sessions *session.Manager
	signIns  *signinlog.Log // nil if none is kept
	records  signinlog.Sink // where entries of the sign-in log go; nil before the service is made
	repeats  *signinlog.Repeats
	keeper   *ringKeeper // nil if the configuration lists the keys
	stopped  bool
	sites    []*Handler // that are provisioned, for explanations

	said     findings
	reminder reminder
}

// App is Latchkey's global configuration: where people sign in, where sessions live and how long, and the policies
// that hold for every site. Sites use it through the handler `latchkey`.
type App struct {
	AppConfig

	rt appRuntime
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey", New: func() caddy.Module { return new(App) }}
}

// Provision checks and compiles the configuration. It opens, dials and writes nothing, because `validate` ends here.
func (a *App) Provision(ctx caddy.Context) error {
	a.rt.ctx, a.rt.logger, a.rt.storage = ctx, ctx.Logger(), ctx.Storage()
	if err := a.check(); err != nil {
		return err
	}
	if err := a.fillIn(); err != nil {
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
	if _, err := a.resolveKeys(); err != nil {
		return err
	}
	a.rt.limits = session.Limits{
		Browser:    a.Session.Browser.or(session.DefaultLimits.Browser),
		Persistent: a.Session.Persistent.or(session.DefaultLimits.Persistent),
	}
	if err := a.provisionPrompt(); err != nil {
		return err
	}
	if err := a.provisionBrand(); err != nil {
		return err
	}
	if err := a.provisionPolicies(ctx); err != nil {
		return err
	}
	return a.provisionStore(ctx)
}

// fillIn replaces the placeholders of the configuration, and checks what has come of them.
func (a *AppConfig) fillIn() error {
	for _, p := range a.Providers {
		if _, err := fillIn(p); err != nil {
			return fmt.Errorf("provider %q: %w", p.name(), err)
		}
		// A placeholder may hold several scopes; none has a blank in it.
		p.Scopes = strings.Fields(strings.Join(p.Scopes, " "))
	}
	if _, err := fillIn(a); err != nil {
		return err
	}
	return a.check()
}

func (a *App) provisionProviders() error {
	for _, p := range a.Providers {
		compiled, err := p.compile(a.rt.logger, wrapTransport)
		if err != nil {
			return fmt.Errorf("provider %q: %w", p.name(), err)
		}
		compiled.HeaderClaims = a.headerClaims
		a.rt.providers = append(a.rt.providers, compiled)
		if err := a.provisionIcon(p); err != nil {
			return fmt.Errorf("provider %q: %w", p.name(), err)
		}
	}
	return nil
}

// wrapTransport makes the calls to a provider visible to Caddy's tracing.
func wrapTransport(next http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(next) }

func (a *App) resolveKeys() ([][]byte, error) {
	secrets := make([][]byte, 0, len(a.Keys))
	for i, key := range a.Keys {
		secret, err := resolve(fmt.Sprintf("keys: key %d", i+1), key)
		if err != nil {
			return nil, err
		}
		if !hasPlaceholder(key) {
			a.rt.logger.Warn("a key stands in the configuration itself; use {env.NAME} or {file./path}", zap.Int("key", i+1))
		}
		secrets = append(secrets, []byte(secret))
	}
	if len(secrets) > 0 {
		if _, err := keyring.New(secrets...); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
	}
	return secrets, nil
}

// or fills in the defaults.
func (l Limits) or(def session.Limit) session.Limit {
	if l.IdleLimit != 0 {
		def.Idle = time.Duration(l.IdleLimit)
	}
	if l.MaxLifetime != 0 {
		def.Max = time.Duration(l.MaxLifetime)
	}
	return def
}

func (c *SessionConfig) recheck() time.Duration {
	if c.Recheck == nil {
		return defaultRecheck
	}
	return time.Duration(*c.Recheck)
}

const (
	defaultRecheck        = time.Hour
	defaultRememberAnswer = 180 * 24 * time.Hour
	defaultSharedUsers    = 2
	defaultSharedWindow   = 7 * 24 * time.Hour
	// maxPromptText bounds the text under the question.
	maxPromptText = 2048
)

func (a *App) provisionPrompt() error {
	p := signin.PromptConfig{
		RememberAnswer: defaultRememberAnswer,
		Suppress:       prompt.DefaultSuppress,
		SharedUsers:    defaultSharedUsers,
		SharedWindow:   defaultSharedWindow,
	}
	if s := a.StaySignedIn; s != nil {
		p.Off, p.AbandonAfter = s.Off, time.Duration(s.AbandonAfter)
		if s.RememberAnswer != nil {
			p.RememberAnswer = time.Duration(*s.RememberAnswer)
		}
		if s.SharedDevice != nil {
			p.SharedUsers, p.SharedWindow = s.SharedDevice.Users, time.Duration(s.SharedDevice.Within)
		}
		p.Suppress = suppress(s.Suppress)
		if s.Text != "" {
			text, err := readFile(s.Text, maxPromptText)
			if err != nil {
				return fmt.Errorf("stay_signed_in: text: %w", err)
			}
			if len(text) > maxPromptText {
				return fmt.Errorf("stay_signed_in: text: %s is longer than %d bytes", s.Text, maxPromptText)
			}
			p.Text = string(text)
		}
	}
	a.rt.prompt = p
	return nil
}

func suppress(words []string) prompt.Suppress {
	if len(words) == 0 {
		return prompt.DefaultSuppress
	}
	return prompt.Suppress{
		Guest:        slices.Contains(words, "guest"),
		HighRisk:     slices.Contains(words, "high_risk"),
		SharedDevice: slices.Contains(words, "shared_device"),
		IWA:          slices.Contains(words, "iwa"),
		Consent:      slices.Contains(words, "consent"),
	}
}

func (a *App) provisionStore(ctx caddy.Context) error {
	if a.StoreRaw != nil {
		mod, err := ctx.LoadModule(a, "StoreRaw")
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		a.rt.module = mod.(StoreModule)
	} else {
		file := new(FileStore)
		if err := file.Provision(ctx); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		a.rt.module = file
	}
	shared, err := acquireStore(a.rt.module)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	a.rt.shared = shared
	return nil
}

// Start opens the store and begins to look for the providers. An error here leaves the old configuration running.
func (a *App) Start() error {
	if a.SignInHost != nil && a.siteFor("", a.SignInHost.Origin) == nil {
		return a.errUnserved()
	}
	_, err := a.signin()
	if err == nil {
		running.add(a)
		a.warnOfApps()
		a.rt.reminder.start(a)
	}
	return err
}

// signin returns the service, and makes it on the first call.
func (a *App) signin() (*signin.Service, error) {
	if service := a.rt.ready.Load(); service != nil {
		return service, nil
	}
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	if a.rt.service != nil {
		return a.rt.service, nil
	}
	if a.rt.stopped {
		return nil, session.ErrClosed
	}
	ring, err := a.openRing()
	if err != nil {
		return nil, err
	}
	store, err := a.rt.shared.open(a.rt.module, a.rt.logger)
	if err != nil {
		return nil, err
	}
	log, err := a.openSignInLog(store, ring)
	if err != nil {
		return nil, err
	}
	a.rt.records = log
	a.rt.sessions = a.newManager(store, ring)
	a.rt.service = signin.New(signin.Config{
		Providers: a.rt.providers,
		Sessions:  a.rt.sessions,
		Store:     store,
		Keys:      ring,
		Pages:     a.rt.pages,
		Log:       log,
		SignIns:   a.signInReader(),
		Clients:   clients{a.rt.tenant},
		Prompt:    a.rt.prompt,
		Recheck:   a.Session.recheck(),
		RateLimit: a.RateLimit.rate(),

		MaxSessions: a.Session.MaxSessions,

		OnLimited: func(endpoint string) { rateLimited.WithLabelValues(endpoint).Inc() },
		OnRenewal: func(provider, result string) { renewals.WithLabelValues(provider, result).Inc() },
		Notify:    a.emit,
		Logger:    a.rt.logger,

		SignInHost: a.SignInHost.origin(),
		SiteFor:    a.siteFor,
	})
	a.rt.service.Start()
	if a.rt.keeper != nil {
		a.rt.keeper.start()
	}
	a.rt.ready.Store(a.rt.service)
	return a.rt.service, nil
}

// Stop ends the background work. Requests that are under way keep their sessions and the store until Cleanup.
func (a *App) Stop() error {
	running.remove(a)
	a.rt.reminder.stop()
	a.stopService()
	return nil
}

// stopService waits for the background work, and lets requests go on meanwhile.
func (a *App) stopService() {
	a.rt.mu.Lock()
	service, keeper := a.rt.service, a.rt.keeper
	a.rt.mu.Unlock()
	if service == nil {
		return
	}
	service.Stop()
	if keeper != nil {
		keeper.close()
	}
}

// Cleanup lets go of the store, also after a Provision that failed half-way. It ends the background work as well: Caddy
// stops no app that has not started, and a request may have come before the start of another app failed.
func (a *App) Cleanup() error {
	a.rt.mu.Lock()
	a.rt.stopped = true
	a.rt.mu.Unlock()
	a.stopService()
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	if a.rt.sessions != nil {
		a.rt.sessions.Close()
	}
	a.closeSignInLog()
	shared := a.rt.shared
	if shared == nil {
		return nil
	}
	a.rt.shared = nil // given up once, however often this is called
	return shared.release()
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
