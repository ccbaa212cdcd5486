package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// The form for a new token, and what makes it.

// asksForToken reports whether a request asks for the form for a new token, and with what filled in.
func asksForToken(r *http.Request) (fill change, asked bool) {
	if r.Method != http.MethodGet {
		return fill, false
	}
	q, ok := browser.SingleValues(r.URL.RawQuery, "new", "name", "app", "expires")
	if !ok || q["new"] != "token" {
		return fill, false
	}
	return change{Name: q["name"], App: q["app"], Expires: q["expires"]}, true
}

// askForToken shows the form for a new token, with what the user has filled in.
func (s *Page) askForToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, status int, fill change, fault pages.TokenFault) {
	days, _ := strconv.Atoi(strings.TrimSuffix(fill.Expires, "d"))
	s.Pages.Write(w, r, status, pages.MakeToken{
		UserName: who.session.User, CSRF: browser.FormToken(s.Keys, v.Host, FormAction, string(who.session.ID[:])), Once: session.NewRandom(onceSize),
		Name: fill.Name, App: fill.App, Days: days, Apps: s.apps(v), MaxName: apitoken.MaxName, Fault: fault,
	})
}

// onceSize is the number of random bytes of the value that makes a form good for one token.
const onceSize = 16

// onceKey is the key of the entry that says that a form has made a token.
func onceKey(who *session.Record, once string) session.Key {
	return session.HashKey("tf", string(who.ID[:]), once)
}

// useOnce takes the random value of a form. It returns ErrConflict if that was done before. The entry lives for as long as the
// form can make a token: the next sign-in changes the ID of the session, and so the form's token.
func (s *Page) useOnce(ctx context.Context, who *session.Record, once string) error {
	return session.Vault{Store: s.Store, Keys: s.Keys}.Put(ctx, onceKey(who, once), []byte{1}, s.Now().Add(tokenSignIn))
}

// createToken makes a token. A form makes one however often it is sent: a browser that reloads the answer sends it again.
func (s *Page) createToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, c *change) {
	apps := s.apps(v)
	if len(apps) == 0 {
		why := "tokens_off"
		if s.HandsOver(v) {
			why = "only_at_sign_in_host"
		}
		s.mineRefused(w, r, v, why)
		return
	}
	c.Name = strings.TrimSpace(c.Name)
	if !s.mayMakeToken(who.session) {
		s.signInAndAskForToken(w, r, v, who, c)
		return
	}
	if c.Once == "" && !browser.IsJSON(r) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, ActionURL: browser.AccountPath + "?" + newTokenQuery, HomeURL: browser.Home})
		return
	}
	d := apitoken.Draft{Name: c.Name, App: c.App}
	if d.App == "" {
		d.App = apps[0]
	}
	var unread error
	d.Expires, unread = apitoken.ParseEnd(c.Expires, s.Now())
	if unread != nil || !slices.Contains(apps, d.App) {
		s.badToken(w, r, v, who, c, apitoken.ErrLife)
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	if c.Once != "" {
		if err := s.useOnce(ctx, who.session, c.Once); errors.Is(err, session.ErrConflict) {
			s.badToken(w, r, v, who, c, errSent)
			return
		} else if err != nil {
			s.StoreDown(w, r, v, err)
			return
		}
	}
	t, text, err := s.makeToken(ctx, who, d)
	if err != nil {
		if c.Once != "" {
			_, _ = s.Store.Remove(ctx, onceKey(who.session, c.Once)) // else the form says for a while that it has made a token
		}
		s.badToken(w, r, v, who, c, err)
		return
	}
	s.Logger.Info("person made a token", zap.String("session", who.session.ID.Short()), zap.String("token", t.Short()), zap.String("app", t.App),
		zap.Time("expires", t.Expires))
	s.TellToken(access.EventTokenCreated, who.session, t)
	if browser.WantsJSON(r) {
		s.show(w, r, v, who, &made{t, text})
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.MadeToken{UserName: who.session.User, Name: t.Name, App: t.App, Expires: t.Expires, Text: text})
}

// makeToken makes a token for a user whose session stands. The session is read again afterwards: if the user signs out
// everywhere meanwhile and has all tokens revoked, this one is either among them or ends here.
func (s *Page) makeToken(ctx context.Context, who visitor, d apitoken.Draft) (*apitoken.Token, string, error) {
	t, text, err := s.Tokens.Create(ctx, who.session, d)
	if err != nil {
		return nil, "", err
	}
	if _, err := s.Sessions.Reload(ctx, who.token); err != nil {
		return nil, "", errors.Join(err, s.Tokens.Revoke(ctx, t))
	}
	return t, text, nil
}

// signInAndAskForToken makes a user sign in who has sent the form, and shows it again with what the user has typed.
func (s *Page) signInAndAskForToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, c *change) {
	if browser.WantsJSON(r) || browser.Classify(r) != browser.NavigationForm {
		s.signInForToken(w, r, v, who)
		return
	}
	q := url.Values{}
	for name, value := range map[string]string{"name": c.Name, "app": c.App, "expires": c.Expires} {
		if value != "" && utf8.RuneCountInString(value) <= apitoken.MaxName {
			q.Set(name, value)
		}
	}
	s.GoOn(w, r, strings.TrimSuffix(browser.AccountPath+"?"+newTokenQuery+"&"+q.Encode(), "&"))
}

// errSent: the form has made a token before.
var errSent = errors.New("this form was sent before")

// badToken answers a request for a token that cannot be made as it was requested, or not now.
func (s *Page) badToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, c *change, why error) {
	status, fault := http.StatusBadRequest, pages.TokenFault("")
	switch {
	case errors.Is(why, apitoken.ErrName):
		fault = pages.TokenName
	case errors.Is(why, apitoken.ErrLife):
		fault = pages.TokenLife
	case errors.Is(why, apitoken.ErrMany):
		status, fault = http.StatusConflict, pages.TokenMany
	case errors.Is(why, errSent):
		status, fault = http.StatusConflict, pages.TokenSent
	default:
		s.mineFailed(w, r, v, why)
		return
	}
	if browser.WantsJSON(r) {
		access.WriteProblem(w, r, access.ProblemJSON{Title: why.Error(), Status: http.StatusBadRequest, Reason: "token_not_made", RequestID: v.RequestID})
		return
	}
	s.askForToken(w, r, v, who, status, *c, fault)
}
