package signin

import (
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// retryAfter is what a page says when something is down for the moment.
const retryAfter = 15 * time.Second

// signIn is /sign-in: it starts a flow with the provider that was chosen, or shows the choice. With an issuer it is what
// somebody else has initiated; only that may be a POST.
func (s *signInEndpoint) signIn(w http.ResponseWriter, r *http.Request, v *Visit) {
	if r.Method == http.MethodPost {
		s.initiatedByPost(w, r, v)
		return
	}
	q, ok := browser.SingleValues(r.URL.RawQuery, "return", "provider", "step", "for", "iss", "login_hint", "target_link_uri", "other", "begun", "ui_locales", "confirm")
	if !ok {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	if q["for"] != "" {
		s.signInFor(w, r, v, q["for"], q["provider"])
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
	if st != nil && !st.Anew {
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
		// A user who asks to sign in begins again: what waited for an answer is abandoned (A8).
		s.abandonPending(w, r, v)
		how.Anew = true
	}
	for _, p := range s.providersOf(v.Site) {
		if p.Name == q["provider"] {
			f := s.newFlow(v, p, ret)
			f.want(want)
			s.begin(w, r, v, f, how)
			return
		}
	}
	s.choose(w, r, v, ret, want, how)
}

// signInStep follows a link to a step-up. Who has no session any more signs in with the same demand.
func (s *signInEndpoint) signInStep(w http.ResponseWriter, r *http.Request, v *Visit, ret string, st *step) {
	who, _, err := s.Record(r, v)
	switch {
	case err == nil && s.takes(v.Site, who):
		s.beginStep(w, r, v, who, s.newFlow(v, s.byName[who.Provider], ret), *st)
	case err == nil || NoSession(err):
		s.choose(w, r, v, ret, wish{Demand: st.Demand}, beginning{})
	default:
		s.storeDown(w, r, v, err)
	}
}

// choose starts a flow where there is one provider, and shows the choice where there are several.
func (s *starter) choose(w http.ResponseWriter, r *http.Request, v *Visit, ret string, want wish, how beginning) {
	if s.handsOver(v) {
		f := s.newFlow(v, noProvider, ret)
		f.want(want)
		f.Challenge = how.challenge
		s.away(w, r, v, f, how)
		return
	}
	providers := s.providersOf(v.Site)
	if len(providers) == 1 {
		f := s.newFlow(v, providers[0], ret)
		f.want(want)
		f.Challenge = how.challenge
		s.begin(w, r, v, f, how)
		return
	}
	page := s.choice(v, providers, s.choiceLink(v, browser.ReturnPath(ret), want))
	s.Pages.Write(w, r, http.StatusOK, page)
}

// begin sends the browser to the provider, or to the sign-in host, which does.
func (s *starter) begin(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, how beginning) {
	if s.handsOver(v) {
		s.away(w, r, v, f, how)
		return
	}
	p := s.byName[f.Provider]
	ctx, cancel := detach(r, p.Patience)
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil {
		s.log(v, r, f, signinlog.Record{Code: signinlog.ProviderUnavailable})
		s.problem(w, r, v, pages.Problem{Kind: pages.KindIDPDown, Code: int(signinlog.ProviderUnavailable), RetryAfter: retryAfter, ActionURL: signInURL(f.page())})
		return
	}
	if err := s.keepFlow(w, v, f); err != nil {
		s.fail(w, r, v, "keeping flow", err)
		return
	}
	target, err := p.AuthURL(m, f.request(how.Restarted))
	if err != nil {
		s.fail(w, r, v, "authorization request", err)
		return
	}
	browser.SeeOther(w, target)
}

// signInURL is where a sign-in for a page begins, on the site that has the page.
func signInURL(page string) string {
	origin, path := browser.CutOrigin(page)
	return origin + browser.Base + "/sign-in?" + url.Values{"return": {path}}.Encode()
}

// endpointWith adds parameters to an endpoint of a provider, taken from its verified metadata.
func endpointWith(endpoint string, params url.Values) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	q := u.Query()
	for k, v := range params {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// fail answers a failure of our own.
func (s *responder) fail(w http.ResponseWriter, r *http.Request, v *Visit, what string, err error) {
	s.Logger.Error("sign-in failed", zap.String("step", what), zap.String("app", v.Site.App), zap.Error(err))
	s.problem(w, r, v, pages.Problem{Kind: pages.KindInternal})
}
