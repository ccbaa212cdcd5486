package signin

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// maxLoginHint bounds a login_hint: it stands in a URL to the provider.
const maxLoginHint = 256

// initiated is a sign-in that somebody else has begun: a provider's page of apps, a link (OpenID Connect Core, section 4).
// They name one of the site's providers, a page of this site, and perhaps who may be meant; nothing else of what they
// send is looked at (A44), and the sign-in is one like any other, with state, nonce and PKCE of its own.
//
// Whoever is signed in with this provider goes to the page as who they are: no link puts somebody else's session in
// place of theirs (login CSRF), whatever its hint says. A prompt that is open stays open.
func (s *Service) initiated(w http.ResponseWriter, r *http.Request, v *Visit, q map[string]string) {
	var p *Provider
	for _, one := range s.providersOf(v.Site) {
		if one.Issuer == q["iss"] {
			p = one
			break
		}
	}
	if p == nil {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: signInURL(Home), HomeURL: Home})
		return
	}
	target := targetPath(v.Origin, q["target_link_uri"])
	have, _, err := s.Session(r, v)
	switch {
	case err == nil && have.Identity.Issuer == p.Issuer:
		s.goOn(w, r, target)
	case err != nil && !NoSession(err):
		s.storeDown(w, r, v, err)
	default:
		f := s.newFlow(v, p, target)
		f.Hint = loginHint(q["login_hint"])
		s.begin(w, r, v, f, false)
	}
}

// initiatedByPost is initiated for a form that another site sends. It comes without our cookies.
func (s *Service) initiatedByPost(w http.ResponseWriter, r *http.Request, v *Visit) {
	form, ok := readForm(w, r, maxFormBody, "iss", "login_hint", "target_link_uri")
	if !ok || form["iss"] == "" {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: signInURL(Home), HomeURL: Home})
		return
	}
	s.initiated(w, r, v, form)
}

// loginHint returns a hint that may be passed on to a provider, nothing if it may not.
func loginHint(raw string) string {
	if len(raw) > maxLoginHint || !utf8.ValidString(raw) || strings.IndexFunc(raw, claim.IsControl) >= 0 {
		return ""
	}
	return raw
}
