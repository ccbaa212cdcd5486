package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/accesstoken"
	"github.com/latchkey-gateway/latchkey/session/signin/account"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// Service signs users in and out. It is safe for concurrent use.
type Service struct {
	*access.Environment
	*access.Recorder
	*access.Responder
	*access.Authenticator
	renewer *renew.Renewer
	tokens  *accesstoken.Keeper
	binder  *bound.Binder
	actor   *signals.Actor
	*flows
	*prompts
	*forms
	*starter
	*finisher
	*signInEndpoint
	*signOutEndpoints
	accountPage *account.Page
	*scripts

	*limits
}

// New returns a service. Start begins its background work.
func New(c access.Config) *Service {
	s := &Service{Environment: access.NewEnvironment(c)}
	s.Recorder = &access.Recorder{Environment: s.Environment}
	s.Responder = &access.Responder{Environment: s.Environment}
	s.limits = &limits{Environment: s.Environment, Recorder: s.Recorder, Responder: s.Responder, requests: ratelimit.NewRequests(c.RateLimit)}
	s.Authenticator = &access.Authenticator{Environment: s.Environment, Recorder: s.Recorder}
	s.renewer = renew.New(s.Environment, s.Recorder)
	s.Environment.Tokens.Renew = s.renewer.RenewFor
	s.tokens = accesstoken.New(s.Environment, s.renewer)
	s.binder = bound.New(s.Environment, s.Authenticator)
	s.actor = &signals.Actor{Environment: s.Environment, Recorder: s.Recorder}
	s.flows = &flows{s.Environment, s.Recorder}
	browsers := &remembered.Keeper{Environment: s.Environment}
	s.prompts = &prompts{s.Environment, s.Recorder, browsers}
	s.forms = &forms{s.Environment, s.Responder, s.Authenticator}
	s.starter = &starter{s.Environment, s.Responder, s.Authenticator, s.renewer, s.flows, s.prompts, s.forms, s.limits}
	s.finisher = &finisher{
		Environment: s.Environment, Recorder: s.Recorder, Responder: s.Responder, Authenticator: s.Authenticator,
		renewer: s.renewer, binder: s.binder, flows: s.flows, prompts: s.prompts, starter: s.starter,
	}
	s.signInEndpoint = &signInEndpoint{
		s.Environment, s.Recorder, s.Responder, s.Authenticator, s.flows, s.prompts, s.starter, s.finisher,
	}
	s.signOutEndpoints = &signOutEndpoints{
		Environment: s.Environment, Recorder: s.Recorder, Responder: s.Responder, Authenticator: s.Authenticator,
		flows: s.flows, prompts: s.prompts, actor: s.actor,
	}
	s.accountPage = account.New(account.Parts{
		Environment: s.Environment, Recorder: s.Recorder, Responder: s.Responder, Authenticator: s.Authenticator,
		Renewer: s.renewer, SignIn: s.starter, SignOut: s.signOutEndpoints, Remembered: browsers,
	})
	s.scripts = &scripts{s.Environment, s.Responder, s.Authenticator}
	return s
}

// Start fetches the providers' metadata and looks for abandoned prompts, until Stop.
func (s *Service) Start() {
	s.StartTasks()
	for _, p := range s.Providers {
		s.Background(p.Run)
	}
	s.Background(s.watchAbandoned)
}

// Stop ends the background work and waits for it.
func (s *Service) Stop() {
	s.StopTasks()
	s.renewer.Close()
	for _, p := range s.Providers {
		p.CloseIdleConnections() // otherwise each reload would leave some open
	}
}

// endpoint is one of Latchkey's endpoints.
type endpoint struct {
	methods string
	serve   func(*Service, http.ResponseWriter, *http.Request, *access.Visit)
}

// endpoints are all endpoints; any other path under Base is not found.
var endpoints = map[string]endpoint{
	"/sign-in":    {"GET, POST", (*Service).signIn},
	"/callback":   {"GET, POST", (*Service).callback},
	"/stay":       {"GET, POST", (*Service).stay},
	"/sign-out":   {"GET, POST", (*Service).signOut},
	"/signed-out": {"GET", (*Service).signedOut},
	"/finish":     {"GET", (*Service).finish},
	"/me": {"GET, POST", func(s *Service, w http.ResponseWriter, r *http.Request, v *access.Visit) {
		s.accountPage.Serve(w, r, v)
	}},
	"/session":    {"GET, POST", (*Service).sessionState},
	"/done":       {"GET", (*Service).done},
	"/too-long":   {"GET", (*Service).tooLong},
	"/bound/wait": {"GET", (*Service).boundWait},

	"/logout/backchannel":  {"POST", (*Service).backchannel},
	"/logout/frontchannel": {"GET", (*Service).frontchannel},
	"/keys":                {"GET", (*Service).keys},

	eventsBase: {"POST", (*Service).events},
	revokePath: {"POST", (*Service).revoke},

	"/bound/register": {"POST", counting(access.BindingRegistration, func(s *Service, w http.ResponseWriter, r *http.Request, v *access.Visit) {
		s.binder.Register(w, r, v)
	})},
	"/bound/refresh": {"POST", counting(access.BindingRefresh, func(s *Service, w http.ResponseWriter, r *http.Request, v *access.Visit) {
		s.binder.Refresh(w, r, v)
	})},
	"/bound/retry": {"GET", (*Service).retryBound},
}

// ServeHTTP answers a request for a path under Base. It never passes the request on.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	path := strings.TrimPrefix(r.URL.Path, browser.Base)
	if strings.HasPrefix(path, "/assets/") {
		s.Pages.Assets().ServeHTTP(w, r)
		return
	}
	if name, ok := strings.CutPrefix(path, callbackBase+"/"); ok && s.ByName[name] != nil {
		path = callbackBase // of one provider; see callbackPath
	}
	if name, ok := strings.CutPrefix(path, eventsBase); ok && s.Events != nil && s.Events.Has(name) {
		path = eventsBase
	}
	e, ok := endpoints[path]
	switch {
	case !ok:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindNotFound})
	case !allowed(e.methods, r.Method):
		w.Header().Set("Allow", e.methods)
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindMethod})
	case !v.Usable():
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindInsecure})
	case s.tooSoon(w, r, v):
	case !unlimited[path] && s.limited(w, r, v, path, starts[path]):
	default:
		if r.Method == http.MethodPost {
			// A user who presses a button and closes the window has still pressed it.
			r = r.WithContext(context.WithoutCancel(r.Context()))
		}
		e.serve(s, w, r, v)
	}
}

// AnswersBrowser answers what a browser asks about bound sessions outside of Base; see bound.Binder.AnswersBrowser.
func (s *Service) AnswersBrowser(w http.ResponseWriter, r *http.Request, v *access.Visit) bool {
	return s.binder.AnswersBrowser(w, r, v)
}

// AccessTokens returns what gets access tokens for applications.
func (s *Service) AccessTokens() *accesstoken.Keeper { return s.tokens }

// unlimited are the endpoints without a rate limit, which are cheap and start nothing. Config.RateLimit applies to each
// other one separately, so that a new endpoint is limited by default (A21). A provider signs many users out at once
// from one address, and may not retry: the key set limits the cost of a forged logout token. A request for the state of
// a session costs as much as any request to the app, and users behind one address send many of them. A browser that gets
// 429 for the refresh of a bound session ends that session. A transmitter sends many events, and orders to revoke, from one
// address; forged ones are limited where they are received.
var unlimited = map[string]bool{
	"/signed-out": true, eventsBase: true, revokePath: true, "/logout/backchannel": true, "/session": true, "/done": true, "/bound/refresh": true,
}

// starts are the endpoints that write nothing for a user who is not known, and only send the browser to a provider, as any
// page does that asks for a sign-in.
var starts = map[string]bool{"/sign-in": true}

// eventsBase is the path under which transmitters push events, each with the name of its stream.
const eventsBase = "/events/"

// events passes an event to its receiver.
func (s *Service) events(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	name := strings.TrimPrefix(r.URL.Path, browser.Base+eventsBase)
	if s.Events == nil || !s.Events.Has(name) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindNotFound})
		return
	}
	s.Events.Push(w, r, name, v.IP)
}

// revokePath is where providers order that all sessions of a user end.
const revokePath = "/revoke"

// revoke passes such an order to its receiver.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if s.Events == nil || !s.Events.Revokes() {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindNotFound})
		return
	}
	s.Events.Revoke(w, r, v.IP)
}

// Actor returns what carries out the reports of providers.
func (s *Service) Actor() *signals.Actor { return s.actor }

func allowed(methods, method string) bool {
	for m := range strings.SplitSeq(methods, ", ") {
		if m == method {
			return true
		}
	}
	return false
}

// tooSoon answers requests that a browser sends before the user has followed the link: only the user may begin what an
// endpoint does. The browser requests it again when the user follows the link.
func (s *Service) tooSoon(w http.ResponseWriter, r *http.Request, v *access.Visit) bool {
	if !browser.Speculative(r.Header) {
		return false
	}
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "Not before the user opens the link", Status: http.StatusServiceUnavailable, Reason: "speculative", RequestID: v.RequestID,
	})
	return true
}
