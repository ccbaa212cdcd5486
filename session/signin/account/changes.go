package account

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// FormAction identifies the form of the page in its token.
const FormAction = "me"

// visitor is a user at their own page: the session, its token and the current result of the policies.
type visitor struct {
	session   *session.Record
	token     session.Token
	admission access.Admission
}

// Serve shows users their sessions and sign-ins (GET, L7), and changes them (POST). With a sign-in host the page is
// there, because that host has the cookies that a change affects.
func (s *Page) Serve(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if s.HandsOver(v) && !browser.WantsJSON(r) {
		to := browser.AccountPath
		if _, asked := asksForToken(r); asked {
			to += "?" + newTokenQuery
		}
		s.ToSignInHost(w, to)
		return
	}
	who, ok := s.visitor(w, r, v)
	switch {
	case !ok:
	case r.Method == http.MethodPost:
		s.changeMine(w, r, v, who)
	default:
		s.showMine(w, r, v, who)
	}
}

// visitor admits a user to the page as the guard of a site does: if the policies refuse the request here, it shows
// nothing either. ok is false if the request is answered.
func (s *Page) visitor(w http.ResponseWriter, r *http.Request, v *access.Visit) (who visitor, ok bool) {
	have, token, err := s.Authenticate(r, v)
	if err == nil {
		have, err = s.renewer.Recheck(r, have, token)
	}
	var record *session.Record
	if err == nil {
		record, err = have.Record()
	}
	if err != nil {
		s.noVisitor(w, r, v, err)
		return who, false
	}
	admission := v.Site.Gate.Admit(v, record, access.Asked{})
	switch {
	case admission.Demand != nil:
		why := admission.Refusal
		if why == nil {
			why = &access.Refusal{}
		}
		s.signIn.StepUp(w, r, v, record, why, admission.Demand)
		return who, false
	case admission.Refusal != nil:
		s.Refuse(w, r, v, record, admission.Refusal)
		return who, false
	}
	tight, err := s.Tighten(w, r, v, have, admission.Persistence)
	if err == nil && tight != have {
		record, err = tight.Record()
	}
	if err != nil {
		s.noVisitor(w, r, v, err)
		return who, false
	}
	return visitor{session: record, token: token, admission: admission}, true
}

func (s *Page) noVisitor(w http.ResponseWriter, r *http.Request, v *access.Visit, err error) {
	if !access.NoSession(err) {
		s.Unavailable(w, r, v, err)
		return
	}
	s.signIn.Challenge(w, r, v, err, nil)
}

func (s *Page) showMine(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	draft, asked := asksForToken(r)
	switch apps := s.apps(v); {
	case !asked || len(apps) == 0:
		s.show(w, r, v, who, nil)
	case !s.mayMakeToken(who.session):
		s.signInForToken(w, r, v, who)
	case browser.WantsJSON(r):
		s.show(w, r, v, who, nil)
	case !s.fetchGrant(w, r, v, who):
		s.askForToken(w, r, v, who, http.StatusOK, draft, "")
	}
}

// show shows the page. Its JSON form has a token that was just made.
func (s *Page) show(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, fresh *made) {
	o, err := s.overview(r, v, who)
	if err == nil {
		o.made = fresh
	}
	switch {
	case err != nil:
		s.StoreDown(w, r, v, err)
	case browser.WantsJSON(r):
		writeMine(w, r, o)
	default:
		s.Pages.Write(w, r, http.StatusOK, o.page())
	}
}

// The actions of a POST to the page: the field "do". Without it, a named session ends.
const (
	doEnd       = "end"
	doEndOthers = "end_others"
	doEndAll    = "end_all"
	doStay      = "persistent"
	doNotStay   = "browser"
	doForget    = "forget_answer"
)

// change is what a form or a script requests.
type change struct {
	CSRF    string `json:"csrf"`
	Do      string `json:"do"`
	Session string `json:"session"`
	// Token is the short hash of a token to revoke. Name, App and Expires are those of one to make.
	Token   string `json:"token"`
	Name    string `json:"name"`
	App     string `json:"app"`
	Expires string `json:"expires"`
	// Once is a random value of the form for a new token.
	Once string `json:"once"`
	// Tokens is what "sign out everywhere" ends too: the tokens of the user.
	Tokens bool `json:"tokens"`
}

// readChange reads a form, or JSON with the same fields.
func readChange(w http.ResponseWriter, r *http.Request) (c change, ok bool) {
	if browser.IsJSON(r) {
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, browser.MaxForm))
		dec.DisallowUnknownFields()
		if dec.Decode(&c) != nil {
			return c, false
		}
		_, err := dec.Token()
		return c, errors.Is(err, io.EOF)
	}
	form, ok := browser.ReadForm(w, r, browser.MaxForm, "csrf", "do", "session", "token", "name", "app", "expires", "once", "tokens")
	return change{
		CSRF: form["csrf"], Do: form["do"], Session: form["session"], Token: form["token"], Name: form["name"], App: form["app"], Expires: form["expires"],
		Once: form["once"], Tokens: form["tokens"] == "1",
	}, ok
}

// changeMine performs the requested change, and shows the page again. A session is named by its short hash and only
// looked for among the user's own (A23).
func (s *Page) changeMine(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	c, ok := readChange(w, r)
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	if !browser.CheckPost(r, s.Keys, v.Origin, v.Host, FormAction, string(who.session.ID[:]), c.CSRF) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: browser.AccountPath, HomeURL: browser.Home})
		return
	}
	switch {
	case c.Do == "" && c.Session != "":
		c.Do = doEnd
	case c.Do == "" && c.Token != "":
		c.Do = doRevokeToken
	}
	switch c.Do {
	case doEnd:
		s.endOwn(w, r, v, who, c.Session)
	case doEndOthers:
		s.endOthers(w, r, v, who)
	case doEndAll:
		s.endMine(w, r, v, who, access.AlsoEnds{Sessions: true, Tokens: c.Tokens})
	case doStay, doNotStay, doForget:
		s.changeHere(w, r, v, who, c.Do)
	case doCreateToken:
		s.createToken(w, r, v, who, &c)
	case doRevokeToken:
		s.revokeToken(w, r, v, who, c.Token)
	default:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: browser.AccountPath, HomeURL: browser.Home})
	}
}

// changeHere performs changes that affect the cookies of this browser. With a sign-in host only that host can do it.
func (s *Page) changeHere(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, do string) {
	switch {
	case s.HandsOver(v):
		s.mineRefused(w, r, v, "only_at_sign_in_host")
	case do == doStay:
		s.stayHere(w, r, v, who)
	case do == doNotStay:
		s.endWithBrowser(w, r, v, who)
	default:
		s.remembered.Forget(w, v, who.session.Identity)
		s.mineChanged(w, r, v, who)
	}
}

// endOwn ends one session of the user. If it has already ended that is a success; another user's session gives the same
// answer.
func (s *Page) endOwn(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, short string) {
	if short == who.session.ID.Short() {
		s.endMine(w, r, v, who, access.AlsoEnds{})
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	other, err := s.Sessions.OwnNamed(ctx, who.session.Identity, short)
	if err == nil {
		err = s.Sessions.End(ctx, other)
	}
	switch {
	case err == nil:
		s.toldEnded(v, who.session, []string{short})
	case !errors.Is(err, session.ErrNotFound):
		s.StoreDown(w, r, v, err)
		return
	}
	s.mineChanged(w, r, v, who)
}

func (s *Page) endOthers(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	ended, err := s.Sessions.EndOthers(ctx, who.session)
	s.toldEnded(v, who.session, ended)
	if err != nil {
		s.StoreDown(w, r, v, err)
		return
	}
	s.mineChanged(w, r, v, who)
}

func (s *Page) toldEnded(v *access.Visit, by *session.Record, ended []string) {
	if len(ended) == 0 {
		return
	}
	s.Logger.Info("person ended other sessions", zap.String("session", by.ID.Short()), zap.String("app", v.Site.App),
		zap.Strings("ended", ended))
	s.TellRevoked(ended, by.Identity, by.Provider, access.ByPerson)
}

// endMine signs out here, as the sign-out page does, and ends what else is requested.
func (s *Page) endMine(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, also access.AlsoEnds) {
	if !s.signOut.EndHere(w, r, v, who.session, also) {
		return
	}
	if browser.WantsJSON(r) {
		access.AnswerJSON(w, r, http.StatusOK, signedOutJSON{SignedOut: true, Continue: s.signOut.LeaveURL(v, who.session, who.token)})
		return
	}
	s.signOut.LeaveProvider(w, r, v, who.session, who.token)
}

// mineChanged redirects to the page, so that a reload changes nothing. For scripts it answers with the new state.
func (s *Page) mineChanged(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	if browser.WantsJSON(r) {
		s.showMine(w, r, v, who)
		return
	}
	s.GoOn(w, r, browser.AccountPath)
}

// mineRefused answers a change that is no longer allowed since the page was shown.
func (s *Page) mineRefused(w http.ResponseWriter, r *http.Request, v *access.Visit, reason string) {
	if browser.WantsJSON(r) {
		access.WriteProblem(w, r, access.ProblemJSON{
			Title: "Not possible for this session", Status: http.StatusConflict, Reason: reason, RequestID: v.RequestID,
		})
		return
	}
	s.Problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: browser.AccountPath, HomeURL: browser.Home})
}
