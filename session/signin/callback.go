package signin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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

const (
	// maxCallbackBody is the largest form_post answer.
	maxCallbackBody = 32 << 10
	// maxCode is the longest authorization code.
	maxCode = 8 << 10
	// maxIssuer is the longest issuer in a request.
	maxIssuer = 2048
	// resumeLife is how long a form_post answer stays valid until the browser returns with a GET.
	resumeLife = 5 * time.Minute
	// redeemTimeout is the timeout for all requests of a callback to a provider.
	redeemTimeout = 20 * time.Second
)

// response contains the parameters that a provider sent to the callback, each once (RFC 6749, section 3.1; A44).
type response struct {
	State, Code, Error, Iss string
	// Says is the error_description, only for the log.
	Says string `json:",omitempty"`
	// At is when a form_post answer arrived; zero for a query.
	At int64 `json:",omitempty"`
}

// callback is the endpoint to which the provider sends the browser, by query or by form_post.
func (s *finisher) callback(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if r.Method == http.MethodPost {
		s.callbackPost(w, r, v)
		return
	}
	resp, ok := s.callbackResponse(r, v)
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	name, random, restarted, ok := parseState(resp.State)
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	f := s.openFlow(v, name, v.Cookies.Flow(name))
	switch {
	case f == nil:
		s.flowLost(w, r, v, random, restarted)
	case !f.matches(random) || f.Origin != v.Origin || browser.Base+f.callbackPath() != r.URL.Path || f.Away:
		s.log(v, r, f, signinlog.Record{Code: signinlog.FlowExpired, Detail: "state does not match, or is of another provider"})
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, Code: int(signinlog.FlowExpired), HomeURL: browser.Home})
	case f.For == nil:
		f.proven = true
		s.finishFlow(w, r, v, f, resp)
	default:
		f.proven = true
		there := s.onBehalf(v, f.For)
		if there == nil { // the site is no longer in the configuration
			s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
			return
		}
		s.finishFlow(w, r, there, f, resp)
	}
}

// callbackPost handles a form_post answer (OAuth 2.0 Form Post Response Mode). A POST from the provider's site has no
// SameSite=Lax cookies. Therefore the answer is sealed and the browser is redirected to a GET with it, which has the
// cookies. So no cookie needs SameSite=None, and no code appears in a readable URL.
func (s *finisher) callbackPost(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	form, ok := browser.ReadForm(w, r, maxCallbackBody, "state", "code", "error", "iss", "error_description")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	resp := response{State: form["state"], Code: form["code"], Error: form["error"], Iss: form["iss"], At: s.Now().UnixMilli()}
	resp.Says = grant.Say(form["error_description"], resp.Code)
	if _, _, _, ok := parseState(resp.State); !ok || len(resp.Code) > maxCode || len(resp.Iss) > maxIssuer || len(resp.Error) > maxIssuer {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	plain, err := json.Marshal(resp)
	if err != nil {
		s.Fail(w, r, v, "sealing answer", err)
		return
	}
	sealed := s.Keys.Seal(keyring.PurposeFlow, plain, v.Host, resumePlace+r.URL.Path)
	browser.Redirect(w, r.URL.Path+"?"+url.Values{"resume": {base64.RawURLEncoding.EncodeToString(sealed)}}.Encode())
}

const resumePlace = "resume"

func (s *finisher) callbackResponse(r *http.Request, v *access.Visit) (response, bool) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "state", "code", "error", "iss", "resume", "error_description")
	if !ok || len(q["code"]) > maxCode {
		return response{}, false
	}
	if q["resume"] == "" {
		says := grant.Say(q["error_description"], q["code"])
		return response{State: q["state"], Code: q["code"], Error: q["error"], Iss: q["iss"], Says: says}, true
	}
	var resp response
	sealed, err := base64.RawURLEncoding.DecodeString(q["resume"])
	if err != nil {
		return resp, false
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, resumePlace+r.URL.Path)
	if err != nil || json.Unmarshal(plain, &resp) != nil {
		return resp, false
	}
	return resp, s.Now().Before(time.UnixMilli(resp.At).Add(resumeLife))
}

// flowLost answers a callback without its flow cookie: an old tab, Back, a restarted browser. A signed-in user
// continues to the page of that sign-in. For other users the sign-in restarts once, automatically. No code is redeemed,
// so a callback that another person began has no effect.
func (s *finisher) flowLost(w http.ResponseWriter, r *http.Request, v *access.Visit, state string, restarted bool) {
	_, _, err := s.Record(r, v)
	switch {
	case err == nil:
		s.GoOn(w, r, s.spentPage(r, v, state))
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case v.Cookies.Pending != "":
		browser.Redirect(w, browser.Base+"/stay")
	case restarted:
		s.log(v, r, nil, signinlog.Record{Code: signinlog.LoopDetected})
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindLoop, Code: int(signinlog.LoopDetected), ActionURL: access.SignInURL(browser.Home), HomeURL: browser.Home})
	default:
		s.choose(w, r, v, browser.Home, wish{}, beginning{Restarted: true})
	}
}

// finishFlow continues with a callback whose state is proven. The state is marked as used before any other request.
func (s *finisher) finishFlow(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, resp response) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	err := s.Store.Create(ctx, session.Entry{
		Key: spentKey(f.State), Value: s.sealSpent(v, f.State, f.page()), Expires: f.expires().Add(time.Minute),
	})
	switch {
	case errors.Is(err, session.ErrConflict):
		browser.ClearCookie(w, v.Secure, browser.FlowCookie+f.Name)
		s.flowSpent(w, r, v, f)
		return
	case err != nil:
		s.StoreDown(w, r, v, err)
		return
	}
	browser.ClearCookie(w, v.Secure, browser.FlowCookie+f.Name)
	v.Locales, r = f.Locales, pages.WithLocales(r, f.Locales)
	p := s.ByName[f.Provider]
	if p == nil {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFlowLost, ActionURL: access.SignInURL(f.page()), HomeURL: browser.HomeOf(f.page())})
		return
	}
	a, err := s.providerAnswer(r, p, f, resp)
	if err == nil {
		v.Proves(a.Draft.Identity)
	}
	if f.Tokens {
		finishGrant(s, w, r, v, f, p, a, err)
		return
	}
	if f.Silent {
		s.finishSilent(w, r, v, f, p, a, err)
		return
	}
	var refused *oidc.RefusedError
	if f.Quiet && errors.As(err, &refused) {
		s.askedInVain(w, r, v, f, refused.Word)
		return
	}
	if err != nil {
		s.providerFailed(w, r, v, f, p, err)
		return
	}
	if s.Config.Recheck > 0 {
		p.NoteRefresh(a)
	}
	s.admit(w, r, v, f, a)
}

// flowSpent answers the second use of a state: a reload, Back, or an attacker.
func (s *finisher) flowSpent(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow) {
	_, _, err := s.Record(r, v)
	switch {
	case err == nil:
		s.GoOn(w, r, f.page())
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case v.Cookies.Pending != "":
		browser.Redirect(w, stayURL(f.page()))
	default:
		s.log(v, r, f, signinlog.Record{Code: signinlog.CodeRedeemed})
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFlowLost, Code: int(signinlog.CodeRedeemed), ActionURL: access.SignInURL(f.page()), HomeURL: browser.HomeOf(f.page())})
	}
}

// providerAnswer checks the response and redeems its code.
func (s *finisher) providerAnswer(r *http.Request, p *oidc.Provider, f *flow, resp response) (*oidc.Answer, error) {
	ctx, cancel := access.Detach(r, redeemTimeout)
	defer cancel()
	return p.Redeem(ctx, oidc.Response{Code: resp.Code, Error: resp.Error, Iss: resp.Iss, Says: resp.Says},
		oidc.Grant{RedirectURI: f.redirectURI(), Nonce: f.Nonce, Verifier: f.Verifier, ProofKey: f.ProofKey})
}

// providerFailed distinguishes the failures: the user declined, the provider is down, or the answer is invalid.
func (s *finisher) providerFailed(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, err error) {
	p.NoteFailure(err)
	code, page := signinlog.ProviderFailed, pages.Problem{Kind: pages.KindProviderError}
	var refused *oidc.RefusedError
	var token *grant.Error
	detail, says := "", ""
	switch {
	case errors.As(err, &refused):
		detail, says = refused.Word, refused.Says
		switch refused.Word {
		case "consent_required":
			if !f.Retried {
				again := s.again(f)
				again.Consent, again.Retried = true, true
				s.log(v, r, f, signinlog.Record{Code: signinlog.ConsentRequired})
				s.begin(w, r, v, again, beginning{})
				return
			}
			code = signinlog.ConsentRequired
		case "login_required", "interaction_required", "account_selection_required":
			code = signinlog.SilentSignInFailed
		case "access_denied":
			code, page.Kind = signinlog.ConsentDeclined, pages.KindDeclined
		case "unmet_authentication_requirements": // OpenID Connect Core Error Code unmet_authentication_requirements 1.0
			code = signinlog.StrongAuthRequired
		case "server_error", "temporarily_unavailable":
			code, page.Kind, page.RetryAfter = signinlog.ProviderUnavailable, pages.KindIDPDown, access.RetryAfter
		}
	case errors.As(err, &token) && token.Kind != grant.Down:
		detail, says = token.Detail(), token.Says
		if s.answerChallenge(w, r, v, f, p, token) {
			return
		}
	case errors.Is(err, oidc.ErrOtherNonce) && !f.Overtaken:
		overtaken(s, w, r, v, f, p, err)
		return
	case oidc.IsDown(err):
		if token != nil {
			says = token.Says
		}
		code, page.Kind, page.RetryAfter = signinlog.ProviderUnavailable, pages.KindIDPDown, access.RetryAfter
	}
	if code == signinlog.ProviderFailed || code == signinlog.ProviderUnavailable || says != "" {
		s.Logger.Warn("provider's answer not accepted",
			zap.String("provider", p.Name), zap.String("app", v.Site.App), zap.String("correlation_id", f.Correlation), zap.Error(oidc.Truncated(err)),
			zap.String("provider_says", says))
	}
	s.log(v, r, f, signinlog.Record{Code: code, Detail: detail})
	if code == signinlog.StrongAuthRequired && f.Demand != nil {
		s.Refuse(w, r, v, nil, s.notShown(v, f, f.Demand, code))
		return
	}
	page.Code = int(code)
	page.ActionURL, page.HomeURL = access.SignInURL(f.page()), browser.HomeOf(f.page())
	s.Problem(w, r, v, page)
}

// overtaken begins the sign-in again if its ID token answers another authorization request. Gitea keeps one nonce for each
// user and client, so that of two tabs that sign in at the same time the first one gets the nonce of the second. Nothing of
// the answer is used, and it happens once.
func overtaken(s *finisher, w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, err error) {
	again := s.again(f)
	again.Overtaken = true
	s.Logger.Warn("provider's answer is for another sign-in, so this one begins again",
		zap.String("provider", p.Name), zap.String("app", v.Site.App), zap.String("correlation_id", f.Correlation), zap.Error(err))
	s.log(v, r, f, signinlog.Record{Code: signinlog.ProviderFailed, Detail: "id_token has another nonce"})
	s.begin(w, r, v, again, beginning{})
}

// answerChallenge sends the user to the provider again with the challenge that it sent for their code. It does so once:
// a provider that demands the same again would cause an endless loop.
func (s *finisher) answerChallenge(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, e *grant.Error) bool {
	if e.Challenge == "" || f.Challenge != "" {
		return false
	}
	again := s.again(f)
	again.Challenge = e.Challenge
	rec := challenged(e)
	s.log(v, r, f, rec)
	s.Logger.Info("provider asks for more before it redeems the code, a new sign-in asks for that",
		zap.String("provider", p.Name), zap.String("correlation_id", f.Correlation), zap.Error(e), zap.String("provider_says", e.Says))
	s.begin(w, r, v, again, beginning{})
	return true
}

// challenged returns the log entry of a sign-in whose code the provider redeems only after a further demand.
func challenged(e *grant.Error) signinlog.Record {
	rec := signinlog.Record{Code: signinlog.StrongAuthRequired, Detail: e.Detail()}
	if e.Has(int(signinlog.MFARequired)) {
		rec.Code = signinlog.MFARequired
	}
	return rec
}
