package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// choose starts a flow if there is one provider, and shows the choice if there are several.
func (s *starter) choose(w http.ResponseWriter, r *http.Request, v *access.Visit, ret string, want wish, how beginning) {
	if s.HandsOver(v) {
		f := s.newFlow(v, noProvider, ret)
		f.want(want)
		f.Challenge = how.challenge
		s.away(w, r, v, f, how)
		return
	}
	providers := s.ProvidersOf(v.Site)
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

// begin sends the browser to the provider, or to the sign-in host, which then does so.
func (s *starter) begin(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, how beginning) {
	if s.HandsOver(v) {
		s.away(w, r, v, f, how)
		return
	}
	p := s.ByName[f.Provider]
	ctx, cancel := access.Detach(r, p.Patience)
	defer cancel()
	m, err := p.Metadata(ctx)
	if err != nil {
		s.notBegun(w, r, v, f, signinlog.Record{Code: signinlog.ProviderUnavailable})
		return
	}
	if f.ProofKey, err = p.NewProofKey(); err != nil {
		s.Fail(w, r, v, "making key", err)
		return
	}
	if p.Pushes(m) {
		end := s.limits.pushing(w, r, v)
		if end == nil {
			return
		}
		defer end()
	}
	// The context of the metadata is too short for a request that is pushed. AuthURL has a limit of its own.
	target, err := p.AuthURL(context.WithoutCancel(ctx), m, f.request(how.Restarted))
	if err != nil {
		s.requestFailed(w, r, v, f, p, err)
		return
	}
	if err := s.keepFlow(w, v, f); err != nil {
		s.Fail(w, r, v, "keeping flow", err)
		return
	}
	browser.SeeOther(w, target)
}

// requestFailed answers when there is no authorization request: the provider does not take the one that was pushed to
// it, or cannot be reached for it.
func (s *starter) requestFailed(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, err error) {
	p.NoteFailure(err)
	var refused *grant.Error
	if !errors.As(err, &refused) {
		s.Fail(w, r, v, "authorization request", err)
		return
	}
	s.Logger.Warn("provider does not accept a pushed authorization request",
		zap.String("provider", p.Name), zap.String("app", v.Site.App), zap.String("correlation_id", f.Correlation),
		zap.Error(oidc.Truncated(err)), zap.String("provider_says", refused.Says))
	rec := signinlog.Record{Code: signinlog.ProviderFailed, Detail: refused.Detail()}
	if refused.Kind == grant.Down {
		rec.Code = signinlog.ProviderUnavailable
	}
	s.notBegun(w, r, v, f, rec)
}

// notBegun shows that no sign-in begins because of the provider, and logs it.
func (s *starter) notBegun(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, rec signinlog.Record) {
	s.log(v, r, f, rec)
	page := pages.Problem{Kind: pages.KindProviderError, Code: int(rec.Code), ActionURL: access.SignInURL(f.page())}
	if rec.Code == signinlog.ProviderUnavailable {
		page.Kind, page.RetryAfter = pages.KindIDPDown, access.RetryAfter
	}
	s.Problem(w, r, v, page)
}

// away sends the browser to the sign-in host. The site keeps the flow in its cookie; nothing is written to the store.
func (s *starter) away(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, how beginning) {
	f.Away = true
	if err := s.keepFlow(w, v, f); err != nil {
		s.Fail(w, r, v, "keeping flow", err)
		return
	}
	h := handover{
		App: v.Site.App, Origin: v.Origin, Host: v.Host, Flow: f.Name, State: f.State, Return: f.Return,
		Provider: f.Provider, trail: f.trail, Wish: f.wish, beginning: how,
	}
	// A session whose device is not proven here may be the right one: the sign-in host finds out.
	if token, err := s.Token(v); err == nil {
		if _, _, err = s.Session(r, v); !access.Unproven(err) {
			h.Have = token.ID.Short()
		}
	}
	s.toHandover(w, r, v, &h)
}

// toHandover sends the browser to the sign-in host with the site's request.
func (s *starter) toHandover(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover) {
	sealed, err := s.sealHandover(h, s.SignInHostname, handoverPlace)
	if err != nil {
		s.Fail(w, r, v, "sealing hand-over", err)
		return
	}
	browser.SeeOther(w, s.SignInHost+browser.Base+"/sign-in?"+url.Values{"for": {sealed}}.Encode())
}

// lastProviderLife is how long a browser remembers the provider of its last sign-in.
const lastProviderLife = 180 * 24 * time.Hour

// rememberProvider stores the provider of a sign-in in the browser, if the site has several: the choice then shows it
// first. It is a name of the configuration, and reveals nothing about the user.
func (s *starter) rememberProvider(w http.ResponseWriter, v *access.Visit, name string) {
	if len(s.ProvidersOf(v.Site)) < 2 || s.lastProvider(v) == name {
		return
	}
	sealed := s.Keys.Seal(keyring.PurposeBrowser, []byte(name), v.Host, browser.ProviderCookie)
	browser.SetCookie(w, v.Secure, browser.ProviderCookie, base64.RawURLEncoding.EncodeToString(sealed), lastProviderLife)
}

// lastProvider returns the stored provider, empty if there is none.
func (s *starter) lastProvider(v *access.Visit) string {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Provider)
	if err != nil || v.Cookies.Provider == "" {
		return ""
	}
	name, err := s.Keys.Open(keyring.PurposeBrowser, sealed, v.Host, browser.ProviderCookie)
	if err != nil {
		return ""
	}
	return string(name)
}

// choice returns the page on which the user chooses a provider. The last one comes first, but it is never chosen
// automatically, because others may use the browser too.
func (s *starter) choice(v *access.Visit, providers []*oidc.Provider, link url.Values) pages.Chooser {
	page := pages.Chooser{AppName: v.Site.App}
	last := s.lastProvider(v)
	for _, p := range providers {
		link.Set("provider", p.Name)
		c := pages.Choice{Name: p.Name, Title: p.Title, Last: p.Name == last, URL: browser.Base + "/sign-in?" + link.Encode()}
		if c.Last {
			page.Providers = slices.Insert(page.Providers, 0, c)
			continue
		}
		page.Providers = append(page.Providers, c)
	}
	return page
}

// choiceLink returns the further parameters of the links on that page.
func (s *starter) choiceLink(v *access.Visit, ret string, want wish) url.Values {
	q := url.Values{"return": {ret}}
	if want.Demand != nil {
		q.Set("step", s.sealStep(v, step{Demand: want.Demand, Requested: true}))
	}
	if want.Other {
		q.Set("other", "1")
	}
	if v.Locales != "" {
		q.Set("ui_locales", v.Locales)
	}
	return q
}

// beginStep sends the session's user back to the provider, and logs the reason.
func (s *starter) beginStep(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, f *flow, st step) {
	f.Demand, f.Step = st.Demand, true
	s.log(v, r, f, access.EntryOf(who, signinlog.Record{
		Code: st.Code, Detail: st.Reason, PolicyStatus: "failure", Policies: failed(st.Demand.PolicyNames()),
	}))
	s.begin(w, r, v, f, beginning{})
}

func failed(policies []string) (list []signinlog.AppliedPolicy) {
	for _, name := range policies {
		list = append(list, signinlog.AppliedPolicy{Name: name, Result: "failure"})
	}
	return list
}

// Entra also evaluates its own policies when it redeems a code or a refresh token. Its refusal then contains a claims
// challenge: the value of the parameter claims for a new authorization request. Without it the user would get the same
// refusal again and again.

// challengeOf returns the challenge of the ended session that a request presents; empty if there is none.
func (s *starter) challengeOf(r *http.Request, v *access.Visit) string {
	token, err := s.Token(v)
	if err != nil {
		return ""
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	challenge, err := s.Pending.Challenge(ctx, token.ID)
	if err != nil {
		return "" // usually there is none; see keepChallenge
	}
	return challenge
}
