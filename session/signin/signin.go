package signin

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// maxLoginHint is the longest login_hint: it is part of a URL at the provider.
const maxLoginHint = 256

// initiated is a sign-in that another party has begun: a provider's page of apps, a link (OpenID Connect Core, section
// 4). The party names one of the site's providers, a page of this site, and optionally the expected user. All other
// parameters are ignored (A44). The sign-in is like any other, with its own state, nonce and PKCE.
//
// A signed-in user continues to the page, regardless of the provider and hint in the link. An open prompt stays open.
// See keepsUser.
func (s *signInEndpoint) initiated(w http.ResponseWriter, r *http.Request, v *access.Visit, q map[string]string) {
	var p *oidc.Provider
	for _, one := range s.ProvidersOf(v.Site) {
		if one.Issuer == q["iss"] {
			p = one
			break
		}
	}
	if p == nil {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: access.SignInURL(browser.Home), HomeURL: browser.Home})
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

// initiatedByPost is initiated for a form that another site sends. It has no SameSite=Lax cookies, so the browser is
// redirected to a GET, which has them: only then is it known who is signed in.
func (s *signInEndpoint) initiatedByPost(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	form, ok := browser.ReadForm(w, r, browser.MaxForm, "iss", "login_hint", "target_link_uri")
	if !ok || form["iss"] == "" || len(form["iss"]) > maxIssuer {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: access.SignInURL(browser.Home), HomeURL: browser.Home})
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

// loginHint returns a hint that may be passed on to a provider, else an empty string.
func loginHint(raw string) string {
	if len(raw) > maxLoginHint || !utf8.ValidString(raw) || strings.IndexFunc(raw, claim.IsControl) >= 0 {
		return ""
	}
	return raw
}

// signIn is /sign-in: it starts a flow with the chosen provider, or shows the choice. With an issuer it is a sign-in
// that another party has initiated; only that may be a POST.
func (s *signInEndpoint) signIn(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if r.Method == http.MethodPost {
		s.initiatedByPost(w, r, v)
		return
	}
	q, ok := browser.SingleValues(r.URL.RawQuery, "return", "provider", "step", "for", "iss", "login_hint", "target_link_uri", "other", "begun", "ui_locales", "confirm")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	if q["for"] != "" {
		s.signInFor(w, r, v, q["for"], q["provider"], false)
		return
	}
	if q["confirm"] != "" {
		s.confirm(w, r, v, q["confirm"])
		return
	}
	v.Locales = pages.Locales(q["ui_locales"])
	r = pages.WithLocales(r, v.Locales)
	other := q["other"] == "1"
	if q["iss"] != "" {
		s.initiated(w, r, v, q)
		return
	}
	ret := browser.ReturnPath(q["return"])
	st := s.openStep(v, q["step"])
	if st != nil && !st.Requested {
		s.signInStep(w, r, v, ret, st)
		return
	}
	want, how := wish{Other: other}, beginning{}
	if st != nil {
		want.Demand = st.Demand
	}
	if browser.BeganElsewhere(r) && !s.ownFlow(v, q["begun"]) {
		if s.keepsUser(w, r, v, ret) {
			return
		}
		want.Other, how.Elsewhere = false, true
	} else {
		// A user who requests a sign-in begins again: an unanswered prompt is abandoned (A8).
		s.abandonPending(w, r, v)
		how.Requested = true
	}
	for _, p := range s.ProvidersOf(v.Site) {
		if p.Name == q["provider"] {
			f := s.newFlow(v, p, ret)
			f.want(want)
			s.begin(w, r, v, f, how)
			return
		}
	}
	s.choose(w, r, v, ret, want, how)
}

// signInStep follows a link to a step-up. A user whose session has ended signs in with the same demand.
func (s *signInEndpoint) signInStep(w http.ResponseWriter, r *http.Request, v *access.Visit, ret string, st *step) {
	who, _, err := s.Record(r, v)
	switch {
	case err == nil && s.Takes(v.Site, who):
		s.beginStep(w, r, v, who, s.newFlow(v, s.ByName[who.Provider], ret), *st)
	case err == nil || access.NoSession(err):
		s.choose(w, r, v, ret, wish{Demand: st.Demand}, beginning{})
	default:
		s.StoreDown(w, r, v, err)
	}
}

// keepsUser answers a sign-in that began elsewhere if the browser has a session that the site accepts, or an open
// prompt: the user continues to the page, or the prompt stays open. No link can replace them by another session (login
// CSRF). If there is neither, it returns false and has answered nothing.
func (s *signInEndpoint) keepsUser(w http.ResponseWriter, r *http.Request, v *access.Visit, page string) bool {
	have, _, err := s.Record(r, v)
	switch {
	case err == nil && s.Takes(v.Site, have):
		s.GoOn(w, r, page)
	case err != nil && !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case s.hasPending(r, v):
		browser.Redirect(w, browser.Base+"/stay")
	default:
		return false
	}
	return true
}

// tooLong tells a user that the opened address was too long to keep. Any client may request this page: it reveals
// nothing about a user.
func (s *signInEndpoint) tooLong(w http.ResponseWriter, r *http.Request, _ *access.Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "to")
	to := browser.Home
	if ok && !browser.IsCut(q["to"]) && len(q["to"]) <= browser.MaxReturn {
		to = browser.ReturnPath(q["to"])
	}
	s.Pages.Write(w, r, http.StatusOK, pages.TooLong{URL: to})
}
