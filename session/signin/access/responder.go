package access

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// ProblemJSON is the answer to a request that is not a navigation (RFC 9457), with the fields that a script needs to
// continue.
type ProblemJSON struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Reason    string `json:"reason"`
	Code      int    `json:"code,omitempty"`
	SignInURL string `json:"sign_in_url,omitempty"`
	RequestID string `json:"request_id"`
}

// varyByKind is the Vary header for answers that depend on the kind of the request.
const varyByKind = "Accept, Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest"

// WriteProblem answers with a problem.
func WriteProblem(w http.ResponseWriter, r *http.Request, p ProblemJSON) {
	h := w.Header()
	// In one piece of memory, but not in that of other answers: what comes after may write to them.
	values := [...]string{"application/problem+json", "no-store", "nosniff", varyByKind}
	for i, name := range [...]string{"Content-Type", "Cache-Control", "X-Content-Type-Options", "Vary"} {
		h[name] = values[i : i+1 : i+1]
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.json()) // the client has gone: there is no one to answer
	}
}

// json returns the text of a problem. Encoding it by reflection is a twentieth of what a wrong token costs.
func (p *ProblemJSON) json() []byte {
	out := make([]byte, 0, 256)
	out = append(out, `{"type":"about:blank","title":`...)
	out = appendText(out, p.Title)
	out = strconv.AppendInt(append(out, `,"status":`...), int64(p.Status), 10)
	out = appendText(append(out, `,"reason":`...), p.Reason)
	if p.Code != 0 {
		out = strconv.AppendInt(append(out, `,"code":`...), int64(p.Code), 10)
	}
	if p.SignInURL != "" {
		out = appendText(append(out, `,"sign_in_url":`...), p.SignInURL)
	}
	out = appendText(append(out, `,"request_id":`...), p.RequestID)
	return append(out, "}\n"...)
}

// appendText appends a text as JSON.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(text) // a string always has a text
			return append(to, escaped...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

// Responder answers with pages or their JSON form for scripts: errors, refusals, and the page that continues.
type Responder struct{ *Environment }

// Refuse answers a request that is refused. who is nil for an anonymous client.
func (s *Responder) Refuse(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Record, why *Refusal) {
	if browser.Framed(r) {
		page := pages.Blocked{Title: why.Title, Binding: why.Binding}
		if page.Binding == pages.BindingTrying { // a frame does not try again by itself
			page.Binding = ""
		}
		s.framedProblem(w, r, http.StatusForbidden, page, browser.PagePath(v.Return))
		return
	}
	if browser.Classify(r) == browser.NotNavigation {
		WriteProblem(w, r, ProblemJSON{
			Title: "Access denied", Status: http.StatusForbidden, Reason: why.Reason, Code: int(why.Code), RequestID: v.RequestID,
		})
		return
	}
	page := pages.Blocked{
		Title: why.Title, PolicyNames: why.Policies, Code: int(why.Code), Reason: why.Reason,
		RequestID: v.RequestID, Time: s.Now(), RetryURL: why.RetryURL, Stronger: why.Stronger, Missing: why.Missing,
		Binding: why.Binding, NextURL: why.NextURL,
	}
	if who != nil {
		page.UserName = who.User
		page.SwitchURL = switchURL(cmp.Or(why.Return, v.Return), v.Begun)
	}
	s.Pages.Write(w, r, http.StatusForbidden, page)
}

// Unavailable answers if it is unknown whether the request is signed in, or if its claims are too old and the provider
// does not answer, or if there is no access token for the app; the page names the reason. It changes no cookie, so that no user is signed out by accident.
func (s *Responder) Unavailable(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	if errors.Is(err, ErrNoAccessToken) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindNoAccessToken, RetryAfter: RetryAfter, ActionURL: v.Return})
		return
	}
	if errors.Is(err, oidc.ErrProviderDown) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindClaimsOld, RetryAfter: RetryAfter, ActionURL: v.Return})
		return
	}
	s.StoreDown(w, r, v, err)
}

// BadRequest answers a request that could be an attack on a parser.
func (s *Responder) BadRequest(w http.ResponseWriter, r *http.Request, v *Visit) {
	s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
}

// StoreDown answers a request for which the store could not be reached.
func (s *Responder) StoreDown(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	s.Problem(w, r, v, s.StoreProblem(v, err))
}

// StoreProblem returns the page that says that the store does not answer. It records the failure.
func (s *Responder) StoreProblem(v *Visit, err error) pages.Problem {
	s.Sessions.NoteFailure(err)
	// An outage is logged once by the health check of the store, not for each request.
	level := zap.ErrorLevel
	if errors.Is(err, session.ErrUnavailable) {
		level = zap.DebugLevel
	}
	s.Logger.Log(level, "session store cannot be asked", zap.String("app", v.Site.App), zap.Error(err))
	return pages.Problem{Kind: pages.KindStoreDown, RetryAfter: RetryAfter, HomeURL: v.Return}
}

// Problem answers with an error page, or its JSON form for scripts.
func (s *Responder) Problem(w http.ResponseWriter, r *http.Request, v *Visit, p pages.Problem) {
	p.RequestID, p.Time = v.RequestID, s.Now()
	if browser.Framed(r) {
		s.framedProblem(w, r, 0, p, cmp.Or(p.ActionURL, p.HomeURL))
		return
	}
	if browser.Classify(r) != browser.NotNavigation || browser.AcceptsHTML(r.Header.Get("Accept")) {
		s.Pages.Write(w, r, 0, p)
		return
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.RetryAfter/time.Second)))
	}
	WriteProblem(w, r, ProblemJSON{Title: http.StatusText(p.StatusCode()), Status: p.StatusCode(), Reason: p.Reason(), Code: p.Code, RequestID: v.RequestID})
}

// framedProblem answers a frame with a short form of another page. That page opens in a new tab.
func (s *Responder) framedProblem(w http.ResponseWriter, r *http.Request, status int, instead pages.Page, full string) {
	s.WriteFramed(w, r, status, pages.Framed{Instead: instead, URL: full, NewTab: true})
}

// WriteFramed answers a frame.
func (s *Responder) WriteFramed(w http.ResponseWriter, r *http.Request, status int, page pages.Framed) {
	w.Header().Set("Vary", varyByKind)
	s.Pages.Write(w, r, status, page)
}

// GoOn sends the browser after a form to a page of the site itself, or of a site that signs users in here. It uses a
// page with a Refresh header and not a redirect: Chromium applies a form-action policy to the whole chain of redirects
// after a form, including those of the app.
func (s *Responder) GoOn(w http.ResponseWriter, r *http.Request, target string) {
	if origin, path := browser.CutOrigin(target); !browser.UnderBase(path) {
		target = s.ReturnTarget(target)
	} else if origin != "" && s.ReturnTarget(origin+browser.Home) != origin+browser.Home {
		target = browser.Home
	}
	if r.Method != http.MethodPost {
		browser.SeeOther(w, target)
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: target})
}

// ToSignInHost sends the browser to an endpoint of the sign-in host.
func (s *Responder) ToSignInHost(w http.ResponseWriter, path string) {
	browser.SeeOther(w, s.SignInHost+path)
}

// RetryAfter is the waiting time that pages show for a temporary failure.
const RetryAfter = 15 * time.Second

// SignInURL returns the URL of a sign-in for a page, on the site of the page.
func SignInURL(page string) string {
	origin, path := browser.CutOrigin(page)
	return origin + browser.Base + "/sign-in?" + url.Values{"return": {path}}.Encode()
}

// Fail answers an internal error.
func (s *Responder) Fail(w http.ResponseWriter, r *http.Request, v *Visit, what string, err error) {
	s.Logger.Error("sign-in failed", zap.String("step", what), zap.String("app", v.Site.App), zap.Error(err))
	s.Problem(w, r, v, pages.Problem{Kind: pages.KindInternal})
}

// switchURL returns the URL of a sign-in as another user. The existing session stays until that sign-in is complete.
// begun proves to a site that the link comes from the sign-in host; it is empty for a link within one site.
func switchURL(ret, begun string) string {
	origin, path := browser.CutOrigin(ret)
	q := url.Values{"return": {browser.ReturnPath(path)}, "other": {"1"}}
	if begun != "" && origin != "" {
		q.Set("begun", begun)
	}
	return origin + browser.Base + "/sign-in?" + q.Encode()
}

// AnswerJSON answers a script of the same origin. Other origins cannot read the answer, and it is not cached.
func AnswerJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept, Cookie")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) // the client has gone: there is no one to answer
	}
}
