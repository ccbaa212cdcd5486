package explain

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// imagined is a request built from a Query, with everything that a Handler would get.
type imagined struct {
	q   *Query
	r   *http.Request
	v   *access.Visit
	who *session.Record // nil for an anonymous client
	at  time.Time
}

// imagine builds the request, the visit and the session that a query describes. An error means a mistake in the query.
func (h explainedSite) imagine(q *Query) (*imagined, error) {
	im := &imagined{q: q, at: q.At}
	if im.at.IsZero() {
		im.at = time.Now()
	}
	var err error
	if im.who, err = h.imaginePerson(q, im.at); err != nil {
		return nil, err
	}
	if im.service() && q.Client == nil {
		program, other := *q, policy.Other
		program.Client = &other
		im.q = &program
	}
	if err := h.imagineRequest(im); err != nil {
		return nil, err
	}
	return im, nil
}

var (
	errNoUser    = errors.New("say who it is about: a user, a subject, an unverified name or a group, or that no user is signed in")
	errAnonymous = errors.New("no user is signed in, so nothing about a person goes with it")
	errKind      = errors.New("the kind of a session is browser or persistent")
	errRemember  = errors.New("a remembered answer is yes or no")
	errNegative  = errors.New("a time that has passed is not negative")
	errService   = errors.New("a service has a name and groups, and nothing else goes with it")
	errNoTokens  = errors.New("the app takes no token of a service: its site does not say `tokens on`")
)

// aboutPerson reports whether a query contains a field that only a session has.
func (q *Query) aboutPerson() bool {
	return q.identified() || q.Provider != "" || q.MFA || len(q.ACRs) > 0 || q.AuthAge != nil ||
		q.Idle != 0 || q.Kind != "" || q.SignInRisk != 0 || q.UserRisk != 0 || q.Compliant != 0 || q.Managed != 0 ||
		q.Shared != 0 || q.Bound || q.Consent || q.IWA || q.Inherited || q.Remembered != ""
}

func (q *Query) identified() bool {
	return q.User != "" || q.Email != "" || q.Subject != "" || len(q.Unverified)+len(q.Groups) > 0 ||
		q.Guest || q.GuestUnreadable || q.GroupsUnknown || q.GroupsUnreadable
}

// service reports whether it is about the token of a service (package apitoken).
func (im *imagined) service() bool { return im.who != nil && im.who.Provider == "" }

// imagineService builds what the token of a service says.
func (h explainedSite) imagineService(q *Query, name string, at time.Time) (*session.Record, error) {
	rest := *q
	if rest.User, rest.Groups = "", nil; rest.aboutPerson() {
		return nil, errService
	}
	if !h.Tokens {
		return nil, errNoTokens
	}
	who := apitoken.ServiceRecord(name, q.Groups, at)
	who.LastUsed = at
	return who, nil
}

// imaginePerson builds the session that a sign-in would have written.
func (h explainedSite) imaginePerson(q *Query, at time.Time) (*session.Record, error) {
	switch {
	case q.Anonymous && q.aboutPerson():
		return nil, errAnonymous
	case q.Anonymous:
		return nil, nil
	case !q.identified():
		return nil, errNoUser
	case q.Kind != "" && q.Kind != session.Browser.String() && q.Kind != session.Persistent.String():
		return nil, errKind
	case q.Remembered != "" && q.Remembered != "yes" && q.Remembered != "no":
		return nil, errRemember
	case q.Idle < 0 || q.AuthAge != nil && *q.AuthAge < 0:
		return nil, errNegative
	}
	if name, is := strings.CutPrefix(q.User, session.ServicePrefix); is {
		return h.imagineService(q, name, at)
	}
	p, err := h.imagineProvider(q.Provider)
	if err != nil {
		return nil, err
	}
	who := &session.Record{
		Provider: p.Name,
		Identity: session.Identity{Issuer: p.Issuer, Subject: q.Subject},
		User:     q.User, Email: q.Email, EmailVerified: q.Email != "",
		Unverified: q.Unverified,
		Groups:     q.Groups, GroupsComplete: !q.GroupsUnknown && !q.GroupsUnreadable, GroupsUnclear: q.GroupsUnreadable,
		Guest: q.Guest, GuestUnclear: q.GuestUnreadable,
		SignInRisk: riskWord(q.SignInRisk), UserRisk: riskWord(q.UserRisk),
		Compliant: signalWord(q.Compliant), Managed: signalWord(q.Managed), Shared: signalWord(q.Shared),
		LastUsed:  at.Add(-time.Duration(q.Idle)),
		Signalled: q.Signalled,
	}
	if q.Email == "" && session.LooksLikeAddress(q.User) {
		who.Email, who.EmailVerified = q.User, true // policies select users by this name, so it counts as verified
	}
	if q.Kind == session.Persistent.String() {
		who.Kind = session.Persistent
	}
	if q.AuthAge != nil {
		who.AuthTime = at.Add(-time.Duration(*q.AuthAge))
	}
	if q.MFA {
		who.AMR = p.Claims.MFAMethods[:1]
	}
	if q.Bound {
		who.Binding.Registered, who.Binding.Since = at, at
	}
	for _, acr := range q.ACRs {
		// An authentication context that counts as a second factor does so only in the claim acr.
		if who.ACR == "" && slices.Contains(p.Claims.MFAContexts, acr) {
			who.ACR = acr
		} else {
			who.Contexts = append(who.Contexts, acr)
		}
	}
	return who, nil
}

// imagineProvider returns a provider by name. Without a name it returns the first provider of the site.
func (h explainedSite) imagineProvider(name string) (*oidc.Provider, error) {
	if name == "" {
		name = h.SignIn.Providers[0]
	}
	if err := h.Tenant.Config.KnowsProviders([]string{name}); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(h.Tenant.Providers, func(p *oidc.Provider) bool { return p.Name == name })
	return h.Tenant.Providers[i], nil
}

// riskWord and signalWord are the reverse of riskOf and signalOf.
func riskWord(r policy.Risk) string {
	if r == policy.RiskUnknown {
		return ""
	}
	return r.String()
}

func signalWord(s policy.Signal) string {
	return map[policy.Signal]string{policy.Yes: "true", policy.No: "false", policy.Unreadable: session.Unreadable}[s]
}

// imagineRequest builds the request by Caddy's own function, so that every matcher finds what it expects. The request
// uses TLS unless the host is a loopback host.
func (h explainedSite) imagineRequest(im *imagined) error {
	q := im.q
	path, method, host := q.Path, q.Method, q.Host
	if path == "" {
		path = "/"
	}
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = h.App
		if _, ok := scrub.Host(host); !ok {
			host = "localhost"
		}
	}
	target, err := url.ParseRequestURI(path)
	if err != nil || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path: %q is no path such as /users/1", path)
	}
	r := (&http.Request{
		Method: method, URL: target, RequestURI: path, Host: host, Header: make(http.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(context.Background())
	for name, values := range q.Header {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	canonical, _ := scrub.Host(host)
	secure := !reach.IsLoopback(canonical)
	if secure {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: canonical}
	}
	im.v = &access.Visit{
		Site: &h.SignIn, Host: canonical, Origin: crossorigin.Of(secure, canonical, host), Secure: secure, Return: path, Header: r.Header,
	}
	clientIP := ""
	if q.IP != "" {
		if im.v.IP, err = netip.ParseAddr(q.IP); err != nil {
			return fmt.Errorf("ip: %q is no IP address", q.IP)
		}
		im.v.IP = im.v.IP.Unmap() // as visit does
		clientIP = im.v.IP.String()
		r.RemoteAddr = net.JoinHostPort(q.IP, "0")
	}
	im.r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
	caddyhttp.SetVar(im.r.Context(), caddyhttp.ClientIPVarKey, clientIP)
	return nil
}
