package signin

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// maxLoginHint bounds a login_hint: it stands in a URL to the provider.
const maxLoginHint = 256

// initiated is a sign-in that somebody else has begun: a provider's page of apps, a link (OpenID Connect Core, section 4).
// They name one of the site's providers, a page of this site, and perhaps who may be meant; nothing else of what they
// send is looked at (A44), and the sign-in is one like any other, with state, nonce and PKCE of its own.
//
// A user who is signed in goes to the page as they are, whatever provider and hint the link names. An open prompt stays
// open. See keepsUser.
func (s *signInEndpoint) initiated(w http.ResponseWriter, r *http.Request, v *Visit, q map[string]string) {
	var p *Provider
	for _, one := range s.providersOf(v.Site) {
		if one.Issuer == q["iss"] {
			p = one
			break
		}
	}
	if p == nil {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: signInURL(browser.Home), HomeURL: browser.Home})
		return
	}
	target := browser.TargetPath(v.Origin, q["target_link_uri"])
	if s.keepsUser(w, r, v, target) {
		return
	}
	f := s.newFlow(v, p, target)
	f.Hint = loginHint(q["login_hint"])
	s.begin(w, r, v, f, beginning{Elsewhere: true})
}

// initiatedByPost is initiated for a form that another site sends. It comes without our SameSite=Lax cookies, so the
// browser comes round with a GET, which carries them: who is signed in is known only then.
func (s *signInEndpoint) initiatedByPost(w http.ResponseWriter, r *http.Request, v *Visit) {
	form, ok := browser.ReadForm(w, r, browser.MaxForm, "iss", "login_hint", "target_link_uri")
	if !ok || form["iss"] == "" || len(form["iss"]) > maxIssuer {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: signInURL(browser.Home), HomeURL: browser.Home})
		return
	}
	q := url.Values{"iss": {form["iss"]}}
	if target := browser.TargetPath(v.Origin, form["target_link_uri"]); target != browser.Home {
		q.Set("target_link_uri", v.Origin+target)
	}
	if hint := loginHint(form["login_hint"]); hint != "" {
		q.Set("login_hint", hint)
	}
	browser.Redirect(w, browser.Base+"/sign-in?"+q.Encode())
}

// loginHint returns a hint that may be passed on to a provider, nothing if it may not.
func loginHint(raw string) string {
	if len(raw) > maxLoginHint || !utf8.ValidString(raw) || strings.IndexFunc(raw, claim.IsControl) >= 0 {
		return ""
	}
	return raw
}
