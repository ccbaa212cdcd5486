package signin

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// handover is what a site asks of the sign-in host: to sign somebody in on its behalf, and to send them back with a
// ticket. It travels sealed in the address that the browser is sent to, so that nobody but a site of ours can ask, and
// it names the flow of the browser that began it: the ticket is good for no other (A23, A42).
type handover struct {
	App string `json:"a"`
	// Origin and Host are the site's, as its Visit had them.
	Origin string `json:"o"`
	Host   string `json:"i"`
	// Flow and State are name and secret of the flow that the site keeps in its cookie.
	Flow  string `json:"f"`
	State string `json:"s"`
	// Return is the page that was asked for there.
	Return string `json:"r"`
	trail
	// Provider is the one that the person chose at the site; empty if they chose none.
	Provider string `json:"p,omitempty"`
	// Have names, by a short hash, the session that the browser presented at the site and that will not do as it is.
	Have string `json:"h,omitempty"`
	// Wish is that of the site's flow.
	Wish wish `json:"wish,omitzero"`
	beginning
	// Later is the page of the tab that answered the prompt; empty if it is the flow's own.
	Later string `json:"-"`
	// Cut: the sign-in host has no room for Return, which the site has; see keepFlow.
	Cut bool `json:"cut,omitempty"`
	// Keep: the sign-in host holds a session that this site does not take and others may.
	Keep bool `json:"k,omitempty"`
	// Browser is the browser that the site has confirmed to be the one that began; see confirm.
	Browser string `json:"b,omitempty"`
}

// beginning is how a sign-in began, beside what it is to be like. The zero value is that of a page that was opened. A
// hand-over carries it as a whole.
type beginning struct {
	// Tighten is why the session that was presented has to end with the browser; empty if nothing at the site says so.
	Tighten string `json:"n,omitempty"`
	// Anew: the user asked to sign in, so that an unanswered prompt counts as abandoned (A8).
	Anew bool `json:"w,omitempty"`
	// Restarted: the sign-in begins again by itself, because its cookie or its ticket was lost.
	Restarted bool `json:"y,omitempty"`
	// Elsewhere: a page of another origin began the sign-in, so that whatever session the site takes goes on.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// challenge is the claims challenge that ended the session that was presented, for the flow of this host; empty if
	// none did.
	challenge string
}

// page is the page that the sign-in is for.
func (h *handover) page() string { return h.Origin + h.Return }

func (h *handover) expired(now time.Time) bool {
	return !now.Before(h.started().Add(flowLife))
}

const (
	handoverPlace = "handover"
	// maxHandover bounds the sealed form: a return path and what a step-up carries fit.
	maxHandover = 8 << 10
)

// handsOver reports whether a site leaves signing in to the sign-in host.
func (s *environment) handsOver(v *Visit) bool { return s.signInHost != "" && v.Host != s.signInHost }

// noProvider stands for a choice that is left to the sign-in host.
var noProvider = &Provider{}

// away sends the browser to the sign-in host. The site keeps the flow in its cookie; nothing is written to the store.
func (s *starter) away(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, how beginning) {
	f.Away = true
	if err := s.keepFlow(w, v, f); err != nil {
		s.fail(w, r, v, "keeping flow", err)
		return
	}
	h := handover{
		App: v.Site.App, Origin: v.Origin, Host: v.Host, Flow: f.Name, State: f.State, Return: f.Return,
		Provider: f.Provider, trail: f.trail, Wish: f.wish, beginning: how,
	}
	if token, err := s.token(v); err == nil {
		h.Have = token.ID.Short()
	}
	s.toHandover(w, r, v, &h)
}

// openHandover returns what a site asked; nil if no site of ours did.
func (s *flows) openHandover(value string) *handover {
	return s.openSealed(value, s.signInHost, handoverPlace)
}

// onBehalf is a visit at the sign-in host as one of the site that asked: its gate, its providers, its name. Nil if this
// configuration serves no such site.
func (s *flows) onBehalf(v *Visit, h *handover) *Visit {
	if h == nil || v.Host != s.signInHost {
		return nil
	}
	site := s.SiteFor(h.App, h.Origin)
	if site == nil {
		return nil
	}
	there := *v
	there.Site, there.onBehalf = site, h.Host != s.signInHost
	if there.onBehalf {
		there.begun = h.Flow + markFirst + h.State
	}
	return &there
}

// signInFor is GET /sign-in?for= at the sign-in host. Who is signed in goes back with a ticket, without a page, as far as
// the site and its policies take the session as it is.
func (s *signInEndpoint) signInFor(w http.ResponseWriter, r *http.Request, v *Visit, sealed, provider string) {
	h := s.openHandover(sealed)
	there := s.onBehalf(v, h)
	switch {
	case there == nil:
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	case h.expired(s.Now()):
		s.problem(w, r, there, pages.Problem{Kind: pages.KindFlowLost, ActionURL: signInURL(h.page()), HomeURL: browser.HomeOf(h.page())})
		return
	}
	there.Locales, r = h.Wish.Locales, pages.WithLocales(r, h.Wish.Locales)
	chosen := provider != "" && !browser.BeganElsewhere(r)
	if chosen { // on our page
		h.Provider, h.Anew, h.Elsewhere = provider, true, false
	}
	live, token, err := s.Record(r, there)
	switch {
	case (err == nil || NoSession(err)) && !chosen && !s.confirmed(there, h) && s.wouldTake(r, there, h, live):
		s.askSite(w, r, there, h)
	case err == nil && !h.Wish.Other && s.suffices(there.Site, h, live):
		s.passOn(w, r, there, h, live, token, sealed)
	case err == nil:
		h.Keep = !s.takes(there.Site, live)
		s.signInThere(w, r, there, h, sealed)
	case NoSession(err):
		s.signInThere(w, r, there, h, sealed)
	default:
		s.storeDown(w, r, there, err)
	}
}

// suffices reports whether a session is one to go on with. The very session that did not do at the site is not, unless what
// was wrong with it can be mended here.
func (s *signInEndpoint) suffices(site *Site, h *handover, live *session.Record) bool {
	mendable := h.Wish.Step || h.Wish.Demand != nil || h.Tighten != ""
	return s.takes(site, live) && (mendable || h.Have != live.ID.Short()) &&
		(h.Provider == "" || h.Wish.Step || h.Elsewhere || h.Provider == live.Provider)
}

// passOn goes on with a live session: back to the site at once, or by way of the provider if more is demanded.
func (s *signInEndpoint) passOn(w http.ResponseWriter, r *http.Request, v *Visit, h *handover, live *session.Record, token session.Token, sealed string) {
	admission := v.Site.Gate.Admit(v, live, Asked{
		Policies: h.Wish.Demand.policies(), Idle: max(s.Now().Sub(live.LastUsed), 0),
	})
	if admission.Refusal != nil && admission.Demand == nil {
		rec := person(live, signinlog.Record{
			Code: admission.Refusal.Code, Detail: admission.Refusal.Reason,
			PolicyStatus: admission.PolicyStatus, Policies: admission.Policies,
		})
		s.logHandover(v, r, h.trail, rec)
		admission.Refusal.Return = h.page()
		if retryHelps(admission.Refusal.Title) {
			admission.Refusal.RetryURL = signInURL(h.page())
		}
		s.Refuse(w, r, v, live, admission.Refusal)
		return
	}
	p := s.byName[live.Provider]
	want := admission.Demand
	if h.Wish.Step && h.Have == live.ID.Short() { // which the site has seen with the request, and logged
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
	reason := h.Tighten
	if reason == "" {
		reason = s.tightenReason(v.Site, live.Kind, admission.Persistence)
	}
	if reason != "" && live.Kind == session.Persistent {
		var err error
		if _, token, err = s.succeedTighter(w, r, v, live, token, reason); err != nil {
			if Over(err) {
				s.signInThere(w, r, v, h, sealed)
				return
			}
			s.storeDown(w, r, v, err)
			return
		}
	}
	s.handOver(w, r, v, h, token, passed{Status: admission.PolicyStatus, Policies: admission.Policies})
}

// signInThere starts a flow on a site's behalf where nobody is signed in, or nobody whom it takes.
func (s *signInEndpoint) signInThere(w http.ResponseWriter, r *http.Request, v *Visit, h *handover, sealed string) {
	if h.Anew {
		s.abandonPending(w, r, v)
	} else if have, ok := s.pendingToken(v); ok && s.hasPending(r, v) {
		// One prompt for all tabs: it is up in another one. An answer leads each tab to its own page.
		have.page = h.page()
		s.givePending(w, v, have)
		browser.Redirect(w, stayURL(h.page()))
		return
	}
	providers := s.providersOf(v.Site)
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

// take makes a flow one on a site's behalf: it keeps the correlation id of the site's, and what the ticket needs.
func (f *flow) take(h *handover) {
	f.trail, f.wish = h.trail, h.Wish
	there := *h
	// The flow has these itself, in a cookie that has little room.
	there.Correlation, there.Provider, there.Browser, there.Wish, there.Anew = "", "", "", wish{}, false
	f.For = &there
}

// goesOn ends a sign-in on a site's behalf by somebody who has signed in meanwhile, in another tab: the session that they
// have goes to this site as well, and nobody is asked twice. It reports false if there is none of this person.
func (s *finisher) goesOn(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, draft *session.Record, tokens session.Tokens, rec signinlog.Record, says Persistence) bool {
	live, token, err := s.Record(r, v)
	switch {
	case err != nil && !NoSession(err):
		s.storeDown(w, r, v, err)
		return true
	case err != nil || live.Identity != draft.Identity || live.ID.Short() == f.For.Have || !s.takes(v.Site, live):
		return false
	case f.For.Tighten != "" || s.tightenReason(v.Site, live.Kind, says) != "":
		return false
	}
	if p := s.providerOf(live); p != nil && p.Revokes() && tokens.Refresh != "" {
		s.background(s.revocation(p, live, tokens.Refresh))
	}
	rec.PromptReason = ReasonLiveSession
	s.logPerson(v, r, f, live, rec)
	s.handOver(w, r, v, f.For, token, passed{Fresh: true})
	return true
}

// logHandover writes an entry about a sign-in in which nobody was asked anything: a session went on to another site.
func (s *flows) logHandover(v *Visit, r *http.Request, of trail, rec signinlog.Record) {
	rec.Created, rec.CorrelationID = of.started(), of.Correlation
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = false
	s.write(rec)
}

// tightenReason is why a persistent session must become one that ends with the browser (X16), empty if it need not.
func (s *environment) tightenReason(site *Site, kind session.Kind, says Persistence) string {
	switch {
	case kind != session.Persistent:
	case says == PersistenceNever:
		return ReasonPolicyNever
	case says != PersistenceAlways && !s.offered(site):
		return ReasonSettingOff
	}
	return ""
}

// succeedTighter lets a session go on as one that ends with the browser, under a new id: the cookies that other sites
// hold have a lifetime, and only by being worth nothing are they given anew without one.
func (s *authenticator) succeedTighter(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record, token session.Token, reason string) (*session.Record, session.Token, error) {
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	tokens, err := s.Sessions.Tokens(have, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", have.ID.Short()), zap.Error(err))
	}
	draft := *have
	draft.Kind, draft.KindReason = session.Browser, reason
	made, next, err := s.Sessions.Succeed(ctx, have, draft, tokens)
	if err != nil {
		if Over(err) || errors.Is(err, session.ErrRevoked) {
			err = s.endOutlived(w, r, v, have)
		}
		return nil, next, err
	}
	s.giveCookie(w, v, made, next)
	return made, next, nil
}

// endOutlived ends a session that has outlived what it was to be tightened to. ErrNotFound if that could be done.
func (s *authenticator) endOutlived(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record) error {
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	if err := s.Sessions.End(ctx, have); err != nil {
		return err
	}
	s.endCookie(w, v)
	return session.ErrNotFound
}
