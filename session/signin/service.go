package signin

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// Service signs users in and out. It is safe for concurrent use.
type Service struct {
	*environment
	*recorder
	*responder
	*authenticator
	*renewer
	*flows
	*prompts
	*forms
	*starter
	*finisher
	*signInEndpoint
	*signOutEndpoints
	accountPage *accountPage
	*scripts

	limiter *ratelimit.Limiter
	// flooded is when the log last said that a client is held off, in nanoseconds since 1970.
	flooded atomic.Int64
}

// New returns a service. Start begins its background work.
func New(c Config) *Service {
	s := &Service{environment: newEnvironment(c), limiter: ratelimit.New(c.RateLimit)}
	s.recorder = &recorder{s.environment}
	s.responder = &responder{s.environment}
	s.authenticator = &authenticator{s.environment, s.recorder}
	s.renewer = newRenewer(s.environment, s.recorder)
	s.flows = &flows{s.environment, s.recorder}
	browsers := &keeper{s.environment}
	s.prompts = &prompts{s.environment, s.recorder, browsers}
	s.forms = &forms{s.environment, s.responder, s.authenticator}
	s.starter = &starter{s.environment, s.responder, s.authenticator, s.renewer, s.flows, s.prompts, s.forms}
	s.finisher = &finisher{
		environment: s.environment, recorder: s.recorder, responder: s.responder, authenticator: s.authenticator,
		renewer: s.renewer, flows: s.flows, prompts: s.prompts, starter: s.starter,
	}
	s.signInEndpoint = &signInEndpoint{
		s.environment, s.recorder, s.responder, s.authenticator, s.flows, s.prompts, s.starter, s.finisher,
	}
	s.signOutEndpoints = &signOutEndpoints{
		environment: s.environment, recorder: s.recorder, responder: s.responder, authenticator: s.authenticator,
		flows: s.flows, prompts: s.prompts,
	}
	s.accountPage = newAccountPage(accountParts{
		Environment: s.environment, Recorder: s.recorder, Responder: s.responder, Authenticator: s.authenticator,
		Renewer: s.renewer, SignIn: s.starter, SignOut: s.signOutEndpoints, Remembered: browsers,
	})
	s.scripts = &scripts{s.environment, s.responder, s.authenticator}
	return s
}

// Start finds the providers' metadata and watches for abandoned prompts, until Stop.
func (s *Service) Start() {
	s.startTasks()
	for _, p := range s.Providers {
		s.background(p.Run)
	}
	s.background(s.watchAbandoned)
}

// Stop ends the background work and waits for it.
func (s *Service) Stop() {
	s.stopTasks()
	s.renewer.Close()
	for _, p := range s.Providers {
		p.CloseIdleConnections() // else each reload leaves some
	}
}

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
	"/me":         {"GET, POST", func(s *Service, w http.ResponseWriter, r *http.Request, v *Visit) { s.accountPage.Serve(w, r, v) }},
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

// unlimited are the endpoints that cost nothing and lead nowhere. All others are held to Config.RateLimit, each by
// itself, so that an endpoint that is added is limited unless somebody says otherwise (A21). A provider signs many people
// out at once and from one address, and may not try again: what a forged logout token costs is bounded by the key set. To
// ask for the state of a session costs as much as any request to the app, and people behind one address do so all day.
var unlimited = map[string]bool{"/signed-out": true, "/logout/backchannel": true, "/session": true, "/done": true}

// tooSoon answers what a browser asks before anybody has followed the link: every endpoint does something that only a
// person may begin, or belongs to what they have begun. The browser asks again when they do.
func (s *Service) tooSoon(w http.ResponseWriter, r *http.Request, v *Visit) bool {
	if !browser.Speculative(r.Header) {
		return false
	}
	writeProblem(w, r, problemJSON{
		Title: "Not before somebody asks", Status: http.StatusServiceUnavailable, Reason: "speculative", RequestID: v.RequestID,
	})
	return true
}

// limited answers a request whose client has asked for this endpoint too often, and reports whether it did. It comes
// before anything is opened, asked or written.
func (s *Service) limited(w http.ResponseWriter, r *http.Request, v *Visit, endpoint string) bool {
	if unlimited[endpoint] {
		return false
	}
	wait, ok := s.limiter.Allow(v.IP, endpoint, s.Now())
	if ok {
		return false
	}
	if s.OnLimited != nil {
		s.OnLimited(endpoint)
	}
	if s.quiet(&s.flooded) {
		s.Logger.Warn("too many requests from one address for an endpoint of sign-in; if it is a proxy's, configure trusted_proxies",
			zap.String("endpoint", endpoint), zap.Stringer("address", v.IP), zap.String("app", v.Site.App))
	}
	// No link back to where it came from: that may carry a code. A reload does it.
	s.problem(w, r, v, pages.Problem{Kind: pages.KindTooMany, RetryAfter: max(wait, time.Second), HomeURL: browser.Home})
	return true
}
