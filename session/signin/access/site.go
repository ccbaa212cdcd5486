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

// Site is what one site says about sign-in.
type Site struct {
	// App is the name of the site in logs and on pages.
	App string
	// Providers are the names of the providers that users may choose from. Empty: the default provider alone.
	Providers []string
	// PromptOff hides the prompt on this site.
	PromptOff bool
	// PreservePost is how large a form may be, in bytes, to be kept through a sign-in. Zero keeps none.
	PreservePost int64
	// Idle are the rules that sign users out who do not use the site: the rule for all sites, and its own. A session is held
	// to the one that ends it first.
	Idle []IdleSignOut
	// AppData is what the app stores in a browser for one user and is deleted with the session. Nil: the cache alone.
	AppData *appdata.Rule
	// Gate says who may enter.
	Gate Gate
}

// Gate decides at sign-in whether a user may enter at all, by everything but the route. Policies that depend on the route
// are applied to each request later. It must answer for every input: what it cannot decide it refuses.
type Gate interface {
	Admit(v *Visit, who *session.Record, asked Asked) Admission
}

// Asked is what a Gate has to know of the sign-in that it decides on. The zero value is that of a session as it is.
type Asked struct {
	// Policies asked for the sign-in at the page that it is for, by name. They are asked again although there is no
	// request that their routes could match.
	Policies []string
	// Idle is for how long the user had neither used the session nor signed in at the provider.
	Idle time.Duration
}

// Admission is what a Gate says.
type Admission struct {
	// Refusal is why the user may not enter; nil if they may. With a Demand it is why they may not enter yet.
	Refusal *Refusal
	// Demand is what a sign-in must achieve to satisfy the policies; nil if nothing more. Its Policies are those that
	// ask.
	Demand      *oidc.Demand
	Persistence prompt.Persistence
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
	// Secure: the browser speaks https. If not, Host must be a loopback host, else no user is signed in.
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

	// Begun is the state of the site's flow for which the sign-in host acts. Only the flow sets it.
	Begun string
	// OnBehalf: the sign-in host acts for Site, which has another host. Only the flow sets it.
	OnBehalf bool
}

// Usable reports whether a user may be signed in on this connection: only the browser can read it.
func (v *Visit) Usable() bool { return v.Secure || reach.IsLoopback(v.Host) }

// Takes reports whether a site takes a session that was made with a provider: the site names the provider, and the
// provider is still at the issuer that the session is of. It is the one answer to this question; providers are all that
// are configured, the default one first.
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
	// Reason is stable and machine-readable: the same word in the log, on the page and in the answer to a script.
	Reason string
	// Title picks the words of the page.
	Title pages.Block
	// Policies are the public names of those that refuse.
	Policies []string
	// Missing are the claims that do not show what was demanded.
	Missing []string
	// RetryURL is where trying again could help; set by the sign-in. Stronger tells that it asks for more than before.
	RetryURL string
	Stronger bool
	// Return is where a sign-in as another user leads; empty means the page that was asked for.
	Return string
}
