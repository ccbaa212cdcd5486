package site

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// newPrograms compiles which tokens of programs a site accepts, and what it says about itself; nil for none.
func newPrograms(h *Site) (*bearer.Verifier, *bearer.Resource) {
	b, tenant := h.Bearer, h.Tenant
	if b == nil && !h.Tokens {
		return nil, nil
	}
	own := ownTokens(h)
	if tenant.guesses == nil {
		tenant.guesses = bearer.NewGuesses()
	}
	onGuesses := func(from netip.Addr) {
		h.logger.Warn("new tokens of an address wait for their check because it sends wrong ones; if it is a proxy's, configure trusted_proxies",
			zap.Stringer("address", from), zap.String("app", h.App))
	}
	if b == nil {
		return bearer.New(bearer.Config{Own: own, Now: time.Now, Guesses: tenant.guesses, OnToken: countToken}), &bearer.Resource{Basic: true, NoBearer: true}
	}
	resource := &bearer.Resource{Scopes: b.Scope, Audience: b.Audience, Title: h.App, Basic: own != nil}
	if b.Metadata != nil {
		resource.Published, resource.Name = true, b.Metadata.Resource
	}
	var issuers []*bearer.Issuer
	for _, name := range h.SignIn.Providers {
		if p := tenant.provider(name); b.Issuer == "" || b.Issuer == p.Issuer {
			issuers = append(issuers, bearer.OfProvider(p, tenant.Providers))
		}
	}
	if len(issuers) == 0 {
		issuers = append(issuers, bearer.OfServer(b.Issuer, tenant.provider(h.SignIn.Providers[0])))
	}
	for _, issuer := range issuers {
		resource.Issuers = append(resource.Issuers, issuer.ID)
	}
	if b.Introspect != nil && !config.HasPlaceholder(b.Introspect.ClientSecret) {
		h.logger.Warn("introspect has its secret in the configuration itself; use {env.NAME} or {file./path}", zap.String("app", h.App))
	}
	return bearer.New(bearer.Config{
		Own: own, Issuers: issuers, Audience: b.Audience, Scopes: b.Scope, Clients: b.Client, AnyType: b.AnyType(),
		Introspection: b.Introspection(), Now: time.Now,
		Vet: func(ctx context.Context, who *session.Record) (session.Signalled, error) {
			service, err := tenant.Service()
			if err != nil {
				return session.Signalled{}, err
			}
			return service.Sessions.Vet(ctx, who)
		},
		Use: func(ctx context.Context, proof session.Key, until time.Time) error {
			service, err := tenant.Service()
			if err != nil {
				return err
			}
			return service.Store.Create(ctx, session.Entry{Key: proof, Value: []byte{1}, Expires: until})
		},
		Guesses: tenant.guesses, OnGuesses: onGuesses, OnToken: countToken,
	}), resource
}

// ownTokens returns the tokens that Latchkey issues for the site; nil if it does not take them.
func ownTokens(h *Site) *bearer.Own {
	if !h.Tokens {
		return nil
	}
	return &bearer.Own{App: h.SignIn.App, Tokens: func() (bearer.Tokens, error) {
		service, err := h.Tenant.Service()
		if err != nil {
			return nil, err
		}
		return service.Tokens, nil
	}}
}

// program is a request at a site that accepts access tokens of programs.
type program struct {
	*request
	h       *Site
	service *signin.Service
	shown   bearer.Presented
}

// serve answers a request that presents an access token, and reports whether it did. It does not for a request without
// a token, nor for one with a session whose credential is meant for the application.
func (p *program) serve(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (bool, error) {
	cookie := p.visit.Cookies.Session != ""
	switch {
	case p.shown.Repeated:
		return true, p.refuse(w, r, bearer.ErrRepeated)
	case p.shown.Scheme == "":
		if !cookie && tokenInQuery(p.requested(r)) && browser.Classify(r) == browser.NotNavigation {
			return true, p.refuse(w, r, bearer.ErrInQuery)
		}
		return false, nil
	}
	if cookie {
		ours := p.h.Programs.Ours(p.shown)
		switch _, _, err := p.service.Authenticate(r, &p.visit); {
		case err == nil && ours:
			return true, p.refuse(w, r, bearer.ErrWithCookie)
		case err == nil, !access.NoSession(err):
			return false, nil
		}
	}
	switch {
	case r.Header.Get("Sec-Fetch-Mode") == "navigate":
		return true, p.refuse(w, r, bearer.ErrNavigation)
	case tokenInQuery(p.requested(r)):
		return true, p.refuse(w, r, bearer.ErrInQuery)
	case !p.visit.Usable():
		return true, p.refuse(w, r, bearer.ErrInsecure)
	}
	if err := p.verify(r); err != nil {
		return true, p.refuse(w, r, err)
	}
	return true, p.admit(w, r, next)
}

// verify decides on the token, and attaches what it says to the request.
func (p *program) verify(r *http.Request) error {
	token, err := p.h.Programs.Verify(r.Context(), p.shown, p.visit.IP)
	if err != nil {
		return err
	}
	if err := p.h.Programs.Prove(r, p.shown, token, p.visit.Origin, p.requested(r)); err != nil {
		return err
	}
	if err := p.sessions.Stands(r.Context(), token.Session, p.h.SignIn.App); errors.Is(err, session.ErrRevoked) {
		return bearer.ErrRevoked
	} else if err != nil {
		return err
	}
	// As of a session: the site takes the users of its providers, and these have the issuer of then.
	if who := token.Session; token.Own() && who.Provider() != "" && !p.h.Takes(who.Provider(), who.Issuer()) {
		return bearer.ErrForeign
	}
	p.token = token
	return p.h.attachSession(p.request, token.Session)
}

// admit passes a request with a good token on if the policies allow it.
func (p *program) admit(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	p.h.describe(p.request, r, &p.subject, &p.view.facts, time.Time{})
	p.query.Client, p.query.Idle = policy.Other, 0 // a token has no use that could be too long ago
	decision := p.h.Compiled.Evaluate(&p.query)
	p.log(r, &decision)
	// A program that may not enter is told so first: no other scope would help it.
	switch refused := p.token.CheckScope(); {
	case refused != nil && decision.Verdict != policy.Block:
		return p.refuse(w, r, refused)
	case decision.Verdict != policy.Allow:
		return p.deny(w, r, &decision)
	}
	if err := p.h.assert(r, p.request); err != nil {
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	if p.token.Own() || !p.h.Bearer.ForwardAuthorization {
		delete(r.Header, "Authorization")
		delete(r.Header, "Dpop")
	}
	return p.pass(p.h, w, r, &decision, next)
}

// refuse answers a request whose token is refused, or cannot be verified now.
func (p *program) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	v := &p.visit
	v.RequestID = requestID(r)
	why, ok := errors.AsType[*bearer.Refused](err)
	if !ok {
		p.h.logger.Debug("access token of a program cannot be verified now", zap.String("app", p.h.SignIn.App), zap.Error(oidc.Truncated(err)))
		recordOutcome(r, bearer.ReasonUnverifiable)
		bearer.Unavailable(w, r, v)
		return nil
	}
	countRefused(why.Reason)
	traceDecision(r, "token_refused", why.Reason, nil)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok && !p.h.unlogged {
		extra.Add(zap.String("latchkey_decision", "token_refused"))
		extra.Add(zap.String("latchkey_reason", why.Reason))
		if p.token != nil {
			extra.Add(zap.Inline(p.token))
		}
	}
	p.h.Resource.Refuse(w, r, v, p.shown, why)
	return nil
}

// deny answers a program that the policies refuse, or whose token must show a stronger or more recent sign-in.
func (p *program) deny(w http.ResponseWriter, r *http.Request, d *policy.Decision) error {
	v := &p.visit
	who, err := p.live.Record()
	if err != nil {
		return p.refuse(w, r, err)
	}
	if d.Err != nil {
		p.h.logger.Error("policy could not be evaluated, so the request is refused",
			zap.String("app", p.h.SignIn.App), zap.Error(d.Err))
	}
	p.h.recordDecision(r, d, zap.Inline(p.token))
	v.RequestID = requestID(r)
	if d.Verdict != policy.StepUp {
		p.h.denied(v, who, d)
		bearer.Deny(w, r, v, refusal(d))
		return nil
	}
	if p.token.Own() {
		bearer.StepUpInBrowser(w, r, v, refusal(d))
		return nil
	}
	demand := Demand(d)
	if demand == nil {
		demand = new(oidc.Demand)
	}
	contexts := demand.ACRs
	if provider := p.h.Tenant.provider(who.Provider); demand.MFA && provider != nil {
		contexts = append(contexts[:len(contexts):len(contexts)], provider.Claims.MFAContexts...)
	}
	p.h.Resource.StepUp(w, r, v, p.shown, refusal(d), demand, contexts)
	return nil
}

// log writes the use of the token into the sign-in log, once an hour.
func (p *program) log(r *http.Request, d *policy.Decision) {
	if !p.token.LogDue(p.query.Time) {
		return
	}
	who, err := p.live.Record()
	if err != nil {
		return
	}
	entry := access.EntryOf(who, signinlog.Record{
		Created: p.query.Time, App: p.h.SignIn.App, IP: p.visit.IP.String(), UserAgent: browser.UserAgent(r),
		PolicyStatus: string(d.Status), Policies: applied(d), ClientID: p.token.Client,
	})
	if d.Verdict != policy.Allow {
		entry.Code = refusal(d).Code
	}
	entry.SessionID, entry.TokenID, entry.Interactive = "", entry.SessionID, false
	p.service.Write(entry)
}

// askProgram sets the challenge for a program that presents no credential. Where access tokens are accepted, a program that
// looks for an authorization server at the site is answered; askProgram then returns true.
func askProgram(resource *bearer.Resource, w http.ResponseWriter, r *http.Request, v *access.Visit) bool {
	if browser.Classify(r) != browser.NotNavigation || browser.Framed(r) {
		return false
	}
	if !resource.NoBearer && bearer.NoServer(r.URL.Path) {
		recordOutcome(r, bearer.ReasonNoServer)
		bearer.NotHere(w, r, v)
		return true
	}
	v.Ask = resource.Challenges(r, v)
	return false
}

// refusesAtEndpoint answers a request that presents a token at an endpoint of the gateway, and reports whether it did. The
// endpoints are for browsers, and would redirect it; but transmitters push events, and providers order to revoke, with
// credentials of their own.
func refusesAtEndpoint(h *Site, w http.ResponseWriter, r *http.Request, p *request) bool {
	if h.Programs == nil || strings.HasPrefix(r.URL.Path, browser.Base+"/events/") || r.URL.Path == browser.Base+"/revoke" {
		return false
	}
	program := program{h: h, request: p, shown: bearer.Read(r.Header)}
	if !h.Programs.Ours(program.shown) {
		return false
	}
	_ = program.refuse(w, r, bearer.ErrEndpoint)
	return true
}

// tokenInQuery reports whether a token stands in an address (RFC 6750, section 2.3), where logs and histories keep it.
func tokenInQuery(u *url.URL) bool {
	return strings.Contains(u.RawQuery, "access_token") && u.Query().Has("access_token")
}
