package signin

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Config is what a Service works with. Everything without a default is required.
type Config struct {
	// Providers: the first is the default.
	Providers []*Provider
	Sessions  *session.Manager
	Store     session.Store
	Keys      *keyring.Ring
	Pages     *pages.Pages
	Log       signinlog.Sink
	// SignIns is where people find their own sign-ins. Nil: none are kept.
	SignIns SignIns
	// Clients names browsers and networks for people. Nil: they are not named.
	Clients Clients
	Prompt  PromptConfig
	// Recheck is how old claims and groups may grow before they are asked for anew. Zero: they stay as at sign-in.
	Recheck time.Duration
	// MaxSessions is how many sessions one person may have; with one more the oldest ends. Zero: DefaultMaxSessions.
	MaxSessions int
	// RateLimit is how often one client may ask for each endpoint that costs something. Zero: as often as it likes.
	RateLimit ratelimit.Rate
	// OnLimited is told of each request that was held off, by its endpoint. It must not block. Nil: nobody is told.
	OnLimited func(endpoint string)
	// OnRenewal is told what came of each renewal of claims: the provider, and one of the Renewal constants. It must not
	// block. Nil: nobody is told.
	OnRenewal func(provider, result string)
	// Notify is told what happens to sessions, for whoever listens: see the Event constants. It must not block. Nil: nobody
	// is told.
	Notify func(event string, data map[string]any)
	// SignInHost is the origin of the host at which people sign in for all sites. Empty: each site does so by itself.
	SignInHost string
	// SiteFor returns the site that has an app's name and answers under an origin, of any name if it is empty; nil if the
	// configuration serves none. Required with SignInHost.
	SiteFor func(app, origin string) *Site
	Logger  *zap.Logger
	Now     func() time.Time
}

// PromptConfig is the tenant-wide word on "Stay signed in?".
type PromptConfig struct {
	// Off hides the prompt for all, and ends persistence at the next request (K7, X16).
	Off bool
	// RememberAnswer is how long "Don't show this again" holds (A10). Zero: no such checkbox.
	RememberAnswer time.Duration
	// AbandonAfter is when an unanswered prompt counts as abandoned (A8). Zero: 10 minutes.
	AbandonAfter time.Duration
	Suppress     Suppress
	// SharedUsers different people within SharedWindow on one browser make it a shared device (A7). Zero: never.
	SharedUsers  int
	SharedWindow time.Duration
	// Text is shown under the question.
	Text string
}

// DefaultMaxSessions is how many sessions a person may have where nothing else is said.
const DefaultMaxSessions = 100

const defaultAbandonAfter = 10 * time.Minute

// Service signs people in and out. It is safe for concurrent use.
type Service struct {
	Config
	byName map[string]*Provider
	// signInHost is the host of SignInHost, as a Visit has it.
	signInHost string

	renewing sync.Map // session.ID -> *renewal: its claims are being renewed
	paused   pauses
	renewals map[string]*providerRenewals // by the name of the provider
	// saidNothing is when the log last told that a front-channel logout ended nothing: provider and reason -> *retry.Seldom.
	saidNothing sync.Map

	limiter *ratelimit.Limiter
	// When the log last said that somebody is held off, that too many wait, in nanoseconds since 1970.
	flooded, crowded atomic.Int64

	mu   sync.Mutex // guards ctx: nil before Start and after Stop
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

// New returns a service. Start begins its background work.
func New(c Config) *Service {
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
	s := &Service{Config: c, byName: make(map[string]*Provider, len(c.Providers)), renewals: make(map[string]*providerRenewals, len(c.Providers)), limiter: ratelimit.New(c.RateLimit)}
	for _, p := range c.Providers {
		s.byName[p.Name], s.renewals[p.Name] = p, new(providerRenewals)
	}
	if u, err := url.Parse(c.SignInHost); err == nil {
		s.signInHost = strings.ToLower(u.Hostname())
	}
	return s
}

// Start finds the providers' metadata and watches for abandoned prompts, until Stop.
func (s *Service) Start() {
	s.mu.Lock()
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mu.Unlock()
	for _, p := range s.Providers {
		s.background(p.Run)
	}
	s.background(s.watchAbandoned)
}

// background runs work until it is done or Stop ends its context. It reports false, and does nothing, after Stop.
func (s *Service) background(work func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return false
	}
	ctx := s.ctx
	s.work.Go(func() { work(ctx) })
	return true
}

// Stop ends the background work and waits for it.
func (s *Service) Stop() {
	s.mu.Lock()
	if s.ctx != nil {
		s.stop()
		s.ctx = nil
	}
	s.mu.Unlock()
	s.work.Wait()
	for _, p := range s.Providers {
		p.CloseIdleConnections() // else each reload leaves some
	}
}

// Site is what one site says about sign-in.
type Site struct {
	// App is the name of the site in logs and on pages.
	App string
	// Providers are the names of the providers that people may choose from. Empty: the default provider alone.
	Providers []string
	// PromptOff hides the prompt on this site.
	PromptOff bool
	// PreservePost is how large a form may be, in bytes, to be kept through a sign-in. Zero keeps none.
	PreservePost int64
	// Idle are the rules that sign people out who do not use the site: that for all sites, and its own. Each session is held
	// to the one that ends it first.
	Idle []IdleSignOut
	// AppData is what the app stores in a browser for one user and is deleted with the session. Nil: the cache alone.
	AppData *appdata.Rule
	// Gate says who may come in.
	Gate Gate
}

// Gate decides at sign-in whether a person may come in at all, by everything but the route: what depends on the route
// is held against each request later. It must answer for every input: what it cannot decide it refuses.
type Gate interface {
	Admit(v *Visit, who *session.Record, asked Asked) Admission
}

// Asked is what a Gate has to know of the sign-in that it decides on. The zero value is that of a session as it is.
type Asked struct {
	// Policies asked for the sign-in at the page that it is for, by name. They are asked again although there is no
	// request to hold their routes against.
	Policies []string
	// Idle is for how long the person had not used the session, nor shown at the provider that they are there.
	Idle time.Duration
}

// Admission is what a Gate says.
type Admission struct {
	// Refusal is why the person may not come in; nil if they may. With a Demand it is why they may not come in yet.
	Refusal *Refusal
	// Demand is what a sign-in must achieve to satisfy the policies; nil if nothing more. Its Policies are those that
	// ask.
	Demand      *Demand
	Persistence Persistence
	// SharedNetwork: the request comes from a network marked as shared (A7).
	SharedNetwork bool
	PolicyStatus  string
	Policies      []signinlog.AppliedPolicy
}

// Visit is one request, as the gateway sees it.
type Visit struct {
	Site *Site
	// Origin is scheme, host and port as the browser knows them: what every URL of ours is built from. Host is the
	// host alone, canonical.
	Origin, Host string
	// Secure: the browser speaks https. If not, Host must be a loopback host, else nobody is signed in.
	Secure bool
	// Return is path and query that were asked for, before any rewriting.
	Return    string
	IP        netip.Addr
	RequestID string
	Cookies   browser.Cookies
	// Locales are the languages that the sign-in was asked to speak, canonical; empty for those of the browser.
	Locales string
	// Header is the header of the request, for the Gate, which is not given the request itself. Not to be changed.
	Header http.Header

	// begun is the state of the site's flow for which the sign-in host acts; see ownFlow.
	begun string
	// onBehalf: the sign-in host acts for Site, which has another host.
	onBehalf bool
}

func (v *Visit) usable() bool { return v.Secure || reach.IsLoopback(v.Host) }

// endpoint is one of ours.
type endpoint struct {
	methods string
	serve   func(*Service, http.ResponseWriter, *http.Request, *Visit)
}

// endpoints are all there are; whatever else is asked for under Base does not exist.
var endpoints = map[string]endpoint{
	"/sign-in":    {"GET, POST", (*Service).signIn},
	"/callback":   {"GET, POST", (*Service).callback},
	"/stay":       {"GET, POST", (*Service).stay},
	"/sign-out":   {"GET, POST", (*Service).signOut},
	"/signed-out": {"GET", (*Service).signedOut},
	"/finish":     {"GET", (*Service).finish},
	"/me":         {"GET, POST", (*Service).me},
	"/session":    {"GET, POST", (*Service).sessionState},
	"/done":       {"GET", (*Service).done},
	"/too-long":   {"GET", (*Service).tooLong},

	"/logout/backchannel":  {"POST", (*Service).backchannel},
	"/logout/frontchannel": {"GET", (*Service).frontchannel},
	"/keys":                {"GET", (*Service).keys},
}

// ServeHTTP answers a request for a path under Base. It never passes a request on.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request, v *Visit) {
	path := strings.TrimPrefix(r.URL.Path, browser.Base)
	if strings.HasPrefix(path, "/assets/") {
		s.Pages.Assets().ServeHTTP(w, r)
		return
	}
	if name, ok := strings.CutPrefix(path, callbackBase+"/"); ok && s.byName[name] != nil {
		path = callbackBase // of one provider; see callbackPath
	}
	e, ok := endpoints[path]
	switch {
	case !ok:
		s.problem(w, r, v, pages.Problem{Kind: pages.KindNotFound})
	case !allowed(e.methods, r.Method):
		w.Header().Set("Allow", e.methods)
		s.problem(w, r, v, pages.Problem{Kind: pages.KindMethod})
	case !v.usable():
		s.problem(w, r, v, pages.Problem{Kind: pages.KindInsecure})
	case s.tooSoon(w, r, v):
	case s.limited(w, r, v, path):
	default:
		if r.Method == http.MethodPost {
			// Whoever has pressed a button and closes the window has pressed it.
			r = r.WithContext(context.WithoutCancel(r.Context()))
		}
		e.serve(s, w, r, v)
	}
}

func allowed(methods, method string) bool {
	for m := range strings.SplitSeq(methods, ", ") {
		if m == method {
			return true
		}
	}
	return false
}

// providersOf returns the providers of a site, in the order in which it names them.
func (s *Service) providersOf(site *Site) []*Provider {
	if len(site.Providers) == 0 {
		return s.Providers[:1]
	}
	list := make([]*Provider, 0, len(site.Providers))
	for _, name := range site.Providers {
		if p := s.byName[name]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// Takes reports whether a site takes a session that was made with a provider: the site names the provider, and the
// provider is still at the issuer that the session is of. It is the one answer to this question; providers are all that
// are configured, the default one first.
func (site *Site) Takes(providers []*Provider, name, issuer string) bool {
	if len(site.Providers) == 0 {
		return providers[0].Name == name && providers[0].Issuer == issuer
	}
	if !slices.Contains(site.Providers, name) {
		return false
	}
	for _, p := range providers {
		if p.Name == name {
			return p.Issuer == issuer
		}
	}
	return false
}

func (s *Service) takes(site *Site, who *session.Record) bool {
	return site.Takes(s.Providers, who.Provider, who.Identity.Issuer)
}

// detach returns a context for store and provider calls that outlives the client's connection: one who disconnects
// must neither poison a look-up nor lose a code that can be redeemed once.
func detach(r *http.Request, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), limit)
}

// storeTimeout bounds what one request waits for the store.
const storeTimeout = 3 * time.Second
