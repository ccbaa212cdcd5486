package signin

import (
	"net/http"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// signInFor is GET /sign-in?for= at the sign-in host. A signed-in user goes back with a ticket, without a page, if the
// site and its policies accept the session. retried: the browser was asked to refresh a session whose device is not proven.
func (s *signInEndpoint) signInFor(w http.ResponseWriter, r *http.Request, v *access.Visit, sealed, provider string, retried bool) {
	h := s.openHandover(sealed)
	there := s.onBehalf(v, h)
	switch {
	case there == nil:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	case h.expired(s.Now()):
		s.Problem(w, r, there, pages.Problem{Kind: pages.KindFlowLost, ActionURL: access.SignInURL(h.page()), HomeURL: browser.HomeOf(h.page())})
		return
	}
	there.Locales, r = h.Wish.Locales, pages.WithLocales(r, h.Wish.Locales)
	chosen := provider != "" && !browser.BeganElsewhere(r)
	if chosen { // on our page
		h.Provider, h.Requested, h.Elsewhere = provider, true, false
	}
	live, token, err := s.Record(r, there)
	switch {
	case access.Naked(err) && !chosen && !retried && !h.Requested:
		s.bounceFor(w, r, sealed)
	case (err == nil || access.NoSession(err)) && !chosen && !s.confirmed(there, h) && s.wouldTake(r, there, h, live):
		s.askSite(w, r, there, h)
	case err == nil && !h.Wish.Other && s.suffices(there.Site, h, live):
		s.passOn(w, r, there, h, live, token, sealed)
	case err == nil:
		h.Keep = !s.Takes(there.Site, live)
		s.signInThere(w, r, there, h, sealed)
	case access.Unproven(err) && !chosen && !h.Requested && h.Wish.Demand == nil && !h.Wish.Other:
		s.proveThere(w, r, there, h, access.EndedBy(err), sealed)
	case access.NoSession(err):
		s.signInThere(w, r, there, h, sealed)
	default:
		s.StoreDown(w, r, there, err)
	}
}

// proveThere asks the provider without a page, on behalf of a site, who uses a browser with a bound session.
func (s *signInEndpoint) proveThere(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover, who *session.Record, sealed string) {
	if who == nil || !s.Takes(v.Site, who) || h.Provider != "" && h.Provider != who.Provider {
		s.signInThere(w, r, v, h, sealed)
		return
	}
	f := s.newFlow(v, s.ByName[who.Provider], browser.Home)
	f.take(h)
	f.askQuietly()
	f.Step = false // the session stays as it is
	s.begin(w, r, v, f, beginning{Restarted: h.Restarted})
}

// suffices reports whether a session can be used. The session that was not sufficient at the site cannot, unless the
// problem can be solved here.
func (s *signInEndpoint) suffices(site *access.Site, h *handover, live *session.Record) bool {
	mendable := h.Wish.Step || h.Wish.Demand != nil || h.Tighten != ""
	return s.Takes(site, live) && (mendable || h.Have != live.ID.Short()) &&
		(h.Provider == "" || h.Wish.Step || h.Elsewhere || h.Provider == live.Provider)
}

// passOn continues with a live session: back to the site at once, or to the provider first if more is demanded.
func (s *signInEndpoint) passOn(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover, live *session.Record, token session.Token, sealed string) {
	admission := v.Site.Gate.Admit(v, live, access.Asked{
		Policies: h.Wish.Demand.PolicyNames(), Idle: max(s.Now().Sub(live.LastUsed), 0),
	})
	if admission.Refusal != nil && admission.Demand == nil {
		rec := access.EntryOf(live, signinlog.Record{
			Code: admission.Refusal.Code, Detail: admission.Refusal.Reason,
			PolicyStatus: admission.PolicyStatus, Policies: admission.Policies,
		})
		s.logHandover(v, r, h.trail, rec)
		admission.Refusal.Return = h.page()
		if retryHelps(admission.Refusal.Title) {
			admission.Refusal.RetryURL = access.SignInURL(h.page())
		}
		s.Refuse(w, r, v, live, admission.Refusal)
		return
	}
	p := s.ByName[live.Provider]
	want := admission.Demand
	if h.Wish.Step && h.Have == live.ID.Short() { // the site has seen and logged it with the request
		want = h.Wish.Demand
	}
	if want != nil {
		f := s.newFlow(v, p, browser.Home)
		f.take(h)
		f.Demand = want
		if h.Wish.Step {
			s.begin(w, r, v, f, beginning{})
			return
		}
		st := step{Demand: want, Code: signinlog.StrongAuthRequired}
		if why := admission.Refusal; why != nil {
			st.Code, st.Reason = why.Code, why.Reason
		}
		s.beginStep(w, r, v, live, f, st)
		return
	}
	until := s.provenUntil(v, live)
	reason := h.Tighten
	if reason == "" {
		reason = s.TightenReason(v.Site, live.Kind, admission.Persistence)
	}
	if reason == "" && h.Have == "" && live.Binding.Bound() && s.binder.Wants(h.Host, live) {
		s.proveThere(w, r, v, h, live, sealed) // so that the site can offer a key of its own
		return
	}
	if reason != "" && live.Kind == session.Persistent {
		var err error
		if _, token, err = s.SucceedTighter(w, r, v, live, token, reason); err != nil {
			if access.Over(err) {
				s.signInThere(w, r, v, h, sealed)
				return
			}
			s.StoreDown(w, r, v, err)
			return
		}
	}
	s.handOver(w, r, v, h, token, passed{Status: admission.PolicyStatus, Policies: admission.Policies, Until: until})
}

// signInThere starts a flow on a site's behalf if no user is signed in whom the site accepts.
func (s *signInEndpoint) signInThere(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover, sealed string) {
	if h.Requested {
		s.abandonPending(w, r, v)
	} else if have, ok := s.pendingToken(v); ok && s.hasPending(r, v) {
		// There is one prompt for all tabs, and another tab shows it. An answer leads each tab to its own page.
		have.page = h.page()
		s.givePending(w, v, have)
		browser.Redirect(w, stayURL(h.page()))
		return
	}
	providers := s.ProvidersOf(v.Site)
	for _, p := range providers {
		if len(providers) == 1 || p.Name == h.Provider {
			f := s.newFlow(v, p, browser.Home)
			f.take(h)
			f.Step = false // there is no session to step up
			s.begin(w, r, v, f, beginning{Restarted: h.Restarted})
			return
		}
	}
	page := s.choice(v, providers, url.Values{"for": {sealed}})
	s.Pages.Write(w, r, http.StatusOK, page)
}

// A site seals its request to the sign-in host, but the URL can be opened in another browser than the one that began
// (field trial 2.11). The ticket is of no use there, because it is valid for no other browser. But the request must not
// take from that browser what a link of another origin cannot take: its session, the lifetime of its session, or its
// open prompt. If it would, the sign-in host sends the browser back to the site, which knows by the flow's cookie
// whether this is the browser that began. The site's confirmation names the browser, so it is not valid in another one.

// wouldTake reports whether a hand-over takes something from the browser. live is its session; nil if there is none.
func (s *signInEndpoint) wouldTake(r *http.Request, v *access.Visit, h *handover, live *session.Record) bool {
	if h.Requested && s.hasPending(r, v) {
		return true
	}
	if live == nil || !s.Takes(v.Site, live) || h.Have == live.ID.Short() { // the site has seen its cookie
		return false
	}
	other := h.Provider != "" && h.Provider != live.Provider && !h.Wish.Step && !h.Elsewhere
	return h.Wish.Other || other || h.Tighten != "" && live.Kind == session.Persistent
}

// confirmed reports whether the site has confirmed that this browser began.
func (s *signInEndpoint) confirmed(v *access.Visit, h *handover) bool {
	id, ok := browser.ID(s.Keys, v.Host, &v.Cookies)
	return ok && h.Browser == string(remembered.UsersOf(id))
}

// askSite makes the site confirm a hand-over.
func (s *signInEndpoint) askSite(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover) {
	h.Browser = string(remembered.UsersOf(browser.GiveID(w, s.Keys, v.Host, v.Secure, &v.Cookies, "", s.Now())))
	sealed, err := s.sealHandover(h, h.Host, confirmPlace)
	if err != nil {
		s.Fail(w, r, v, "sealing hand-over", err)
		return
	}
	browser.SeeOther(w, h.Origin+browser.Base+"/sign-in?"+url.Values{"confirm": {sealed}}.Encode())
}

// confirm is the endpoint to which askSite redirects. In a browser that did not begin the flow it is treated as a link
// of another origin.
func (s *signInEndpoint) confirm(w http.ResponseWriter, r *http.Request, v *access.Visit, value string) {
	h := s.openSealed(value, v.Host, confirmPlace)
	if h == nil || !s.HandsOver(v) || h.Origin != v.Origin {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	f := s.openFlow(v, h.Flow, v.Cookies.Flow(h.Flow))
	if f == nil || !f.Away || !f.matches(h.State) {
		if !s.keepsUser(w, r, v, h.Return) {
			s.choose(w, r, v, h.Return, wish{}, beginning{Elsewhere: true})
		}
		return
	}
	s.toHandover(w, r, v, h)
}
