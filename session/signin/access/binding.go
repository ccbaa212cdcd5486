package access

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Binds says which sessions browsers are asked to bind to a key of their device.
type Binds struct {
	// On: persistent sessions are. All: sessions that end with the browser are too. Required: a persistent session that
	// is not bound lives like one that ends with the browser.
	On, All, Required bool
	// Lifetime is the lifetime of the short cookie, which proves the key.
	Lifetime time.Duration
	// Site is the registrable domain whose hosts share one binding, which is made at the sign-in host. Empty: each host
	// has its own.
	Site string

	place string // of Site
}

// sitePrefix begins the place of a binding that several hosts share.
const sitePrefix = "*."

// Place returns where a browser uses the key that it registers at a host: there, or at all hosts of Site.
func (b *Binds) Place(host string) string {
	if b.Site != "" && (host == b.Site || strings.HasSuffix(host, b.place[1:])) {
		return b.place
	}
	return host
}

// SiteOf returns the domain whose hosts share the binding of a place; empty if it is one host's.
func SiteOf(place string) string {
	site, shared := strings.CutPrefix(place, sitePrefix)
	if !shared {
		return ""
	}
	return site
}

const (
	// bindingTime is how long after a sign-in a browser may still bind the session.
	bindingTime = 2 * time.Minute
	// signingTime is in how long a browser makes only a few signatures for a site. While it makes none, a new session
	// is not bound either.
	signingTime = 9 * time.Minute
)

// ExplainBinding adds to a refusal for want of a binding what the user can do. page is the page that was asked for. A
// page that is opened shortly after a sign-in tries again by itself, once: it leads to BoundWaitPath, whose page does
// not (waited).
func (s *Responder) ExplainBinding(r *http.Request, v *Visit, who *session.Record, why *Refusal, page string, waited bool) {
	signedIn := who.Created
	if who.SteppedUp.After(signedIn) {
		signedIn = who.SteppedUp
	}
	age := s.Now().Sub(signedIn)
	switch {
	case !s.Binds.On || !v.Secure: // a browser binds no session on plain http
	case who.Kind == session.Browser && !s.Binds.All:
		if s.Prompt.Offered(v.Site) {
			why.Binding, why.RetryURL = pages.BindingYes, SignInURL(page)
		}
	case age < bindingTime && !waited && r.Method == http.MethodGet:
		why.Binding, why.NextURL = pages.BindingTrying, browser.BoundWaitPath+"?"+url.Values{"to": {page}}.Encode()
	case age < signingTime:
		why.Binding = pages.BindingWait
	default:
		why.Binding, why.RetryURL = pages.BindingAgain, SignInURL(page)
	}
}
