package access

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Site is the configuration of sign-in for one site.
type Site struct {
	// App is the name of the site in logs and on pages.
	App string
	// Providers are the names of the providers from which users may choose. Empty: only the default provider.
	Providers []string
	// PromptOff disables the prompt on this site.
	PromptOff bool
	// PreservePost is the size in bytes of the largest form that is kept during a sign-in. Zero keeps none.
	PreservePost int64
	// Idle are the idle sign-outs of the site: the one for all sites, and its own. The one that ends a session first
	// counts.
	Idle []IdleSignOut
	// AppData is what the app stores in a browser for one user, and is deleted with the session. Nil: only the cache.
	AppData *appdata.Rule
	// Gate says who may enter.
	Gate Gate
}

// Gate decides at sign-in whether a user may enter at all, by everything but the route. Policies that depend on the route
// are applied to each request later. It must answer for every input: what it cannot decide it refuses.
type Gate interface {
	Admit(v *Visit, who *session.Record, asked Asked) Admission
}

// Asked is what a Gate needs to know about the sign-in. The zero value is that of an existing session.
type Asked struct {
	// Policies asked for the sign-in at the page that it is for, by name. They are asked again although there is no
	// request that their routes could match.
	Policies []string
	// Idle is for how long the user had neither used the session nor signed in at the provider.
	Idle time.Duration
}

// Admission is the result of a Gate.
type Admission struct {
	// Refusal is why the user may not enter; nil if they may. With a Demand it is why they may not enter yet.
	Refusal *Refusal
	// Err says that the policies could not be evaluated, so that Refusal is no decision about the user.
	Err error
	// Demand is what a sign-in must achieve to satisfy the policies; nil if nothing more. Its Policies are those that
	// demand it.
	Demand      *oidc.Demand
	Persistence prompt.Persistence
	// SharedNetwork: the request comes from a network that is marked as shared (A7).
	SharedNetwork bool
	PolicyStatus  string
	Policies      []signinlog.AppliedPolicy
}

// Visit is one request, as the gateway sees it.
type Visit struct {
	Site *Site
	// Origin is scheme, host and port as the browser uses them; all URLs are built from it. Host is only the host, in
	// canonical form.
	Origin, Host string
	// Secure: the browser uses https. If not, Host must be a loopback host, otherwise no user is signed in.
	Secure bool
	// OnBehalf: the sign-in host acts for Site, which has another host. Only the flow sets it.
	OnBehalf bool // here, as a visit is part of every request, and its memory comes in steps
	// Return is the requested path and query, before any rewriting.
	Return    string
	IP        netip.Addr
	RequestID string
	Cookies   browser.Cookies
	// Locales are the languages requested for the sign-in, in canonical form; empty for those of the browser.
	Locales string
	// Header is the header of the request, for the Gate, which does not get the request itself. It must not be changed.
	Header http.Header

	// Ask are the challenges (WWW-Authenticate) for programs that may present a token instead of a session; none if the site
	// accepts none.
	Ask []string

	// Begun is the state of the site's flow for which the sign-in host acts. Only the flow sets it.
	Begun string

	// Proven is told whose request this is, as soon as that is proven; nil if that is not asked for.
	Proven func(session.Identity)
}

// Proves says whose request this is.
func (v *Visit) Proves(who session.Identity) {
	if v.Proven != nil {
		v.Proven(who)
	}
}

// Usable reports whether a user may be signed in on this connection, because only the browser can read it.
func (v *Visit) Usable() bool { return v.Secure || reach.IsLoopback(v.Host) }

// Takes reports whether a site accepts a session of a provider: the site names the provider, and the provider still has
// the issuer of the session. All code uses this function for that question. providers are all configured ones, the
// default one first.
func (site *Site) Takes(providers []*oidc.Provider, name, issuer string) bool {
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

// Refusal is why a user may not enter.
type Refusal struct {
	Code signinlog.Code
	// Reason is a stable word, the same in the log, on the page and in the answer to a script.
	Reason string
	// Title selects the text of the page.
	Title pages.Block
	// Policies are the names of the policies that refuse.
	Policies []string
	// Missing are the claims that do not prove what was demanded.
	Missing []string
	// RetryURL is where another attempt may help; the sign-in sets it. Stronger: it demands more than before.
	RetryURL string
	Stronger bool
	// Return is the target of a sign-in as another user; empty means the requested page.
	Return string
	// Binding is what the user can do about a session that is not bound; see Responder.ExplainBinding. NextURL is where
	// the page leads by itself.
	Binding pages.Binding
	NextURL string
}
