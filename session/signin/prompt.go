package signin

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const actionStay = "stay"

// stay shows the prompt (GET) and takes its answer (POST).
func (s *finisher) stay(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if r.Method == http.MethodPost {
		s.takeAnswer(w, r, v)
		return
	}
	have, ok := s.pendingToken(v)
	ret := have.page
	if q, good := browser.SingleValues(r.URL.RawQuery, "return"); good && q["return"] != "" {
		ret = s.ReturnTarget(q["return"])
	}
	if !ok {
		s.nothingPending(w, r, v, ret)
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	p, err := s.Pending.Shown(ctx, have.token)
	if err != nil {
		s.pendingGone(w, r, v, ret, err)
		return
	}
	v.Proves(p.Draft.Identity)
	if n, there, ok := s.noted(w, r, v, p, ret); ok {
		page := s.promptPage(there, p, have.prompt, ret)
		_, path := browser.CutOrigin(ret)
		page.TooLong = browser.IsCut(path) && !(n.Flow.For != nil && n.Flow.For.Cut && ret == n.Flow.page())
		s.Pages.Write(w, pages.WithLocales(r, n.Flow.Locales), http.StatusOK, page)
	}
}

// noted reads the note of a pending sign-in, and returns the visit on behalf of its site. ok is false if that is not
// possible; the request is then answered.
func (s *finisher) noted(w http.ResponseWriter, r *http.Request, v *access.Visit, p pending.SignIn, ret string) (n note, there *access.Visit, ok bool) {
	n, err := noteOf(p)
	if err != nil {
		s.Fail(w, r, v, "reading pending sign-in", err)
		return n, v, false
	}
	if n.Flow.For == nil {
		return n, v, true
	}
	if there = s.onBehalf(v, n.Flow.For); there == nil { // the site is no longer in the configuration
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFlowLost, ActionURL: access.SignInURL(ret), HomeURL: browser.HomeOf(ret)})
		return n, v, false
	}
	return n, there, true
}

func (s *finisher) promptPage(v *access.Visit, p pending.SignIn, prompt, ret string) pages.Prompt {
	limits := s.Sessions.Limits()
	yes := limits.Of(session.Persistent, false)
	page := pages.Prompt{
		UserName:       p.Draft.User,
		AppName:        v.Site.App,
		CSRF:           browser.FormToken(s.Keys, v.Host, actionStay, prompt),
		Return:         ret,
		BrowserIdle:    limits.Browser.Idle,
		BrowserMax:     limits.Browser.Max,
		PersistentIdle: yes.Idle,
		PersistentMax:  yes.Max,
		RememberFor:    s.Prompt.RememberAnswer,
		AdminText:      s.Prompt.Text,
	}
	if s.Binds.On && v.Secure && yes != limits.Persistent {
		page.PersistentIdle, page.PersistentMax = limits.Persistent.Idle, limits.Persistent.Max
		page.UnboundIdle, page.UnboundMax, page.UnboundEnds = yes.Idle, yes.Max, s.Binds.Required
	}
	return page
}

// nothingPending answers a visit to the prompt by a browser without a pending sign-in: a second answer, or Back after
// the first (A9). A signed-in user continues.
func (s *finisher) nothingPending(w http.ResponseWriter, r *http.Request, v *access.Visit, ret string) {
	_, _, err := s.Record(r, v)
	switch {
	case err == nil:
		s.GoOn(w, r, ret)
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	default:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFlowLost, ActionURL: access.SignInURL(ret), HomeURL: browser.HomeOf(ret)})
	}
}

// pendingGone answers if the pending sign-in of a cookie was answered, abandoned, or cannot be looked up.
func (s *finisher) pendingGone(w http.ResponseWriter, r *http.Request, v *access.Visit, ret string, err error) {
	// A value sealed with another key may be another replica's, whose key has not arrived yet (K3: nothing is lost by
	// it).
	if !access.Over(err) && (!errors.Is(err, keyring.ErrUnsealable) || errors.Is(err, keyring.ErrUnknownKey)) {
		s.StoreDown(w, r, v, err)
		return
	}
	origin, _ := browser.CutOrigin(ret)
	if _, _, err := s.Record(r, v); err == nil {
		if origin == "" {
			browser.ClearCookie(w, v.Secure, browser.PendingCookie)
		} // the cookie stays: only it knows where Back leads
		s.GoOn(w, r, ret)
		return
	}
	browser.ClearCookie(w, v.Secure, browser.PendingCookie)
	// After a late answer there is a new sign-in, not a session (A8).
	s.Problem(w, r, v, pages.Problem{Kind: pages.KindLateAnswer, Code: int(signinlog.KeepMeSignedIn), ActionURL: access.SignInURL(ret), HomeURL: browser.HomeOf(ret)})
}

// maxAnswerBody is the largest form of the prompt, which contains a page.
const maxAnswerBody = 16 << 10

// takeAnswer ends the pending sign-in with a session, or without one if the user cancels. The tab that answers
// continues to its own page. A tab that answers later finds nothing pending: it changes nothing and also continues to
// its own page.
func (s *finisher) takeAnswer(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	form, ok := browser.ReadForm(w, r, maxAnswerBody, "answer", "remember", "csrf", "return")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	have, ok := s.pendingToken(v)
	ret := have.page
	if form["return"] != "" { // a form of an older release has none
		ret = s.ReturnTarget(form["return"])
	}
	if !ok {
		s.nothingPending(w, r, v, ret)
		return
	}
	if !browser.CheckPost(r, s.Keys, v.Origin, v.Host, actionStay, have.prompt, form["csrf"]) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: stayURL(ret), HomeURL: browser.Home})
		return
	}
	kind, reason := session.Browser, prompt.ReasonAnsweredNo
	switch form["answer"] {
	case "yes":
		kind, reason = session.Persistent, prompt.ReasonAnsweredYes
	case "no":
	case "cancel":
		s.abandonPending(w, r, v)
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindCancelled, ActionURL: access.SignInURL(ret), HomeURL: browser.HomeOf(ret)})
		return
	default:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	a, err := s.Pending.Answer(ctx, have.token)
	if err != nil {
		s.pendingGone(w, r, v, ret, err)
		return
	}
	v.Proves(a.Draft.Identity)
	here := v
	n, v, ok := s.noted(w, r, v, a.SignIn, ret)
	if !ok {
		return
	}
	if n.Flow.For == nil {
		n.Flow.Return = ret
	} else if ret != n.Flow.page() {
		n.Flow.For.Later = ret
	}
	a.Draft.Kind, a.Draft.KindReason = kind, reason
	rec := signinlog.Record{PolicyStatus: n.Status, Policies: n.Policies, PromptReason: reason}
	s.signInDone(w, r, v, &n.Flow, a.Draft, a.Tokens, rec, ending{
		answered: a,
		gone:     func(err error) { s.pendingGone(w, r, here, ret, err) },
		done: func() {
			if n.Flow.For == nil {
				browser.ClearCookie(w, v.Secure, browser.PendingCookie)
			}
			if form["remember"] == "1" {
				s.remembered.Keep(w, v, a.Draft.Identity, kind)
			}
		},
	})
}

// stayURL returns the URL of the prompt for a tab with this page.
func stayURL(page string) string {
	return browser.Base + "/stay?" + url.Values{"return": {page}}.Encode()
}
