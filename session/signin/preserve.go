package signin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
)

// A form that is sent after the session has ended, or that needs a step-up, can be kept during the sign-in. It is then
// offered once, to the same user in the same browser, on the page to which it was sent, and only a button sends it:
// never automatically, never to another page or origin, never for another user (A23). The form's content is on no page
// of ours: the button sends a token, and the gateway replaces it by the form.

const (
	actionForm = "form"
	// formLife is how long a form is kept: as long as a sign-in may take.
	formLife = flowLife
	// maxContentType is the longest Content-Type of a kept form.
	maxContentType = 255
)

// keepForm keeps the form of a request, if the site is configured so and it is safe. who is nil if the sender is not
// known. If it cannot be kept, the user is told that the form was not passed on, as without this feature.
func (s *forms) keepForm(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record) bool {
	kind := r.Header.Get("Content-Type")
	limit := v.Site.PreservePost
	if limit <= 0 || !keepable(r, kind) || r.ContentLength > limit || !browser.SameOrigin(r, v.Origin) || browser.ReturnPath(v.Return) != v.Return {
		return false
	}
	old, err := s.Token(v)
	if err != nil {
		return false
	}
	if sends, _ := s.sendsForm(r); sends {
		// This is the button, after the session has ended once more: the form itself is already kept.
		return v.Cookies.Form != ""
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	person, err := s.sender(ctx, v, who)
	if err != nil || person == "" {
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return false
	}
	token := session.Token{ID: old.ID, Secret: session.NewToken().Secret}
	f := pending.Form{Person: person, Path: v.Return, ContentType: kind, Body: body, At: s.Now()}
	if err := s.Pending.KeepForm(ctx, token, f, s.Now().Add(formLife)); err != nil {
		s.Logger.Warn("form of an ended session not kept", zap.String("app", v.Site.App), zap.Error(err))
		return false
	}
	browser.SetCookie(w, v.Secure, browser.FormCookie, session.SealToken(s.Keys, token, v.Host, browser.FormCookie), formLife)
	return true
}

// keepable reports whether a request is a form that a browser sends.
func keepable(r *http.Request, kind string) bool {
	media, _, err := mime.ParseMediaType(kind)
	return err == nil && len(kind) <= maxContentType && r.Header.Get("Content-Encoding") == "" &&
		(media == "application/x-www-form-urlencoded" || media == "multipart/form-data")
}

// sender returns who sent a form: the user of the session or, if that is gone, the only user who has recently signed in
// with this browser. It is empty if there were several users, or none is known.
func (s *forms) sender(ctx context.Context, v *access.Visit, who *session.Record) (session.Key, error) {
	if who != nil {
		return remembered.PersonOf(who), nil
	}
	id, ok := browser.ID(s.Keys, v.Host, &v.Cookies)
	if !ok {
		return "", nil
	}
	people, err := (&remembered.Keeper{Environment: s.Environment}).Users(ctx, id, 2)
	if err != nil || len(people) != 1 {
		return "", err
	}
	return people[0], nil
}

// Enter takes the last steps before the app for a request that the policies allow: it makes a session one that ends with the
// browser where it has to (Tighten), and gives back a form that was kept through a sign-in (form). The session that it
// returns takes the place of have. answered reports whether the request is answered; if not it goes to the app.
func (s *forms) Enter(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Session, says prompt.Persistence) (now *session.Session, answered bool, err error) {
	now, err = s.Tighten(w, r, v, have, says)
	if err != nil || !v.Cookies.HasForm() {
		return now, false, err
	}
	who, err := now.Record()
	if err != nil {
		return nil, false, err
	}
	return now, s.form(w, r, v, who), nil
}

// form offers a form that is kept for the page that is asked for, or puts it in the place of the request of the button
// that sends it. It reports whether the request is answered; if not it goes on. It is asked for requests that may pass.
func (s *forms) form(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record) (answered bool) {
	token, err := session.OpenToken(s.Keys, v.Cookies.Form, v.Host, browser.FormCookie)
	if err != nil || v.Site.PreservePost <= 0 {
		return false
	}
	switch browser.Classify(r) {
	case browser.NavigationGet:
		return s.offerForm(w, r, v, who, token)
	case browser.NavigationForm:
		if sends, err := s.sendsForm(r); sends && err == nil {
			return s.sendForm(w, r, v, who, token)
		}
	}
	return false
}

func (s *forms) offerForm(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, token session.Token) bool {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	f, err := s.Pending.Form(ctx, token)
	switch {
	case errors.Is(err, session.ErrNotFound):
		browser.ClearCookie(w, v.Secure, browser.FormCookie)
		return false
	case err != nil || f.Path != v.Return:
		return false
	case f.Person != remembered.PersonOf(who):
		_, _ = s.Pending.TakeForm(ctx, token) // another user has signed in with this browser
		browser.ClearCookie(w, v.Secure, browser.FormCookie)
		return false
	}
	s.Pages.Write(w, r, http.StatusOK, pages.SendForm{
		URL: v.Return, AppName: v.Site.App, Token: browser.FormToken(s.Keys, v.Host, actionForm, formSecret(token, who)), Sent: f.At,
	})
	return true
}

const (
	formField  = "latchkey-form"
	formAnswer = "latchkey-form-answer"
)

// sendsForm reports whether a request comes from the button. The body stays readable.
func (s *forms) sendsForm(r *http.Request) (bool, error) {
	const begin = formField + "="
	body := bufio.NewReaderSize(r.Body, 512)
	head, err := body.Peek(len(begin))
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(head) == begin, nil
}

func (s *forms) sendForm(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, token session.Token) bool {
	answer, ok := browser.ReadForm(w, r, browser.MaxForm, formField, formAnswer)
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return true
	}
	if !browser.CheckPost(r, s.Keys, v.Origin, v.Host, actionForm, formSecret(token, who), answer[formField]) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: v.Return, HomeURL: browser.Home})
		return true
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	f, err := s.Pending.TakeForm(ctx, token)
	switch {
	case err != nil && !errors.Is(err, session.ErrNotFound) && !errors.Is(err, keyring.ErrUnsealable):
		s.StoreDown(w, r, v, err)
		return true
	case err != nil || f.Path != v.Return || f.Person != remembered.PersonOf(who):
		browser.ClearCookie(w, v.Secure, browser.FormCookie)
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFormGone, ActionURL: v.Return, HomeURL: browser.Home})
		return true
	}
	browser.ClearCookie(w, v.Secure, browser.FormCookie)
	if answer[formAnswer] != "send" {
		s.GoOn(w, r, v.Return)
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(f.Body))
	r.ContentLength, r.TransferEncoding = int64(len(f.Body)), nil
	r.Header.Set("Content-Type", f.ContentType)
	r.Header.Set("Content-Length", strconv.Itoa(len(f.Body)))
	return false
}

// formSecret binds the button to the form and to the session to which it was offered.
func formSecret(token session.Token, who *session.Record) string {
	return string(token.ID[:]) + string(who.ID[:])
}
