package signin

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Refusal is why somebody may not come in.
type Refusal struct {
	Code signinlog.Code
	// Reason is stable and machine-readable: the same word in the log, on the page and in the answer to a script.
	Reason string
	// Title picks the words of the page.
	Title pages.Block
	// Policies are the public names of those that refuse.
	Policies []string
	// Missing are the claims that do not show what was demanded.
	Missing []string
	// RetryURL is where trying again could help; set by the sign-in. Stronger tells that it asks for more than before.
	RetryURL string
	Stronger bool
	// Return is where a sign-in as somebody else leads; empty means the page that was asked for.
	Return string
}

// problemJSON is the answer to what is no navigation (RFC 9457), with the fields that a script needs to go on.
type problemJSON struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Reason    string `json:"reason"`
	Code      int    `json:"code,omitempty"`
	SignInURL string `json:"sign_in_url,omitempty"`
	RequestID string `json:"request_id"`
}

// varyByKind is Vary where the answer depends on what kind of request it is.
const varyByKind = "Accept, Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest"

func writeProblem(w http.ResponseWriter, r *http.Request, p problemJSON) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", varyByKind)
	p.Type = "about:blank"
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p) // the client has gone; there is nobody left to tell
	}
}

// Challenge answers a request that needs a sign-in: a page being opened starts one; a form being sent is told; whatever
// else is told in a form that a script can read, and is never redirected. why is the error of Session; nil where there is
// a session that will not do. If it is Over, the cookie goes. d is what the sign-in must achieve, nil for nothing more. A
// frame of a page shows a link to a sign-in.
func (s *starter) Challenge(w http.ResponseWriter, r *http.Request, v *Visit, why error, d *Demand) {
	over := Over(why)
	if over {
		s.endCookie(w, v)
		if browser.Classify(r) != browser.NotNavigation {
			s.clearSiteData(w, v, true)
		}
	}
	switch kind, frame := browser.Classify(r), browser.Framed(r); {
	case !v.usable() && (frame || kind != browser.NotNavigation):
		s.problem(w, r, v, pages.Problem{Kind: pages.KindInsecure})
	case kind == browser.NavigationGet && s.hasPending(r, v):
		browser.Redirect(w, stayURL(browser.ReturnPath(v.Return)))
	case kind == browser.NavigationGet:
		how := beginning{Tighten: tightening(why)}
		if over {
			how.challenge = s.challengeOf(r, v)
		}
		s.choose(w, r, v, v.Return, wish{Demand: d}, how)
	case kind == browser.NavigationForm && over && s.keepForm(w, r, v, endedBy(why)):
		s.problem(w, r, v, pages.Problem{Kind: pages.KindFormKept, ActionURL: signInURL(v.Return)})
	case kind == browser.NavigationForm:
		s.problem(w, r, v, pages.Problem{Kind: pages.KindFormNotSent, ActionURL: signInURL(browser.Home)})
	default:
		reason := "sign_in_required"
		if over {
			reason = "session_ended"
		}
		w.Header().Set("WWW-Authenticate", `Latchkey realm="`+browser.Base+`"`)
		if frame {
			s.framedSignIn(w, r, v, over && r.Method == http.MethodPost && s.keepForm(w, r, v, endedBy(why)), d)
			return
		}
		writeProblem(w, r, problemJSON{
			Title: "Sign-in required", Status: http.StatusUnauthorized, Reason: reason,
			SignInURL: signInURL(browser.Home), RequestID: v.RequestID,
		})
	}
}

// Refuse answers a request that may not pass. who is nil for an anonymous client.
func (s *responder) Refuse(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Record, why *Refusal) {
	if browser.Framed(r) {
		s.framedProblem(w, r, http.StatusForbidden, pages.Blocked{Title: why.Title}, browser.PagePath(v.Return))
		return
	}
	if browser.Classify(r) == browser.NotNavigation {
		writeProblem(w, r, problemJSON{
			Title: "Access denied", Status: http.StatusForbidden, Reason: why.Reason, Code: int(why.Code), RequestID: v.RequestID,
		})
		return
	}
	page := pages.Blocked{
		Title: why.Title, PolicyNames: why.Policies, Code: int(why.Code), Reason: why.Reason,
		RequestID: v.RequestID, Time: s.Now(), RetryURL: why.RetryURL, Stronger: why.Stronger, Missing: why.Missing,
	}
	if who != nil {
		page.UserName = who.User
		page.SwitchURL = switchURL(cmp.Or(why.Return, v.Return), v.begun)
	}
	s.Pages.Write(w, r, http.StatusForbidden, page)
}

// Unavailable answers when it could not be found out whether a request is signed in, or its claims are too old and the
// provider does not answer: the page names which of both. No cookie is touched: nobody is signed out by an accident.
func (s *responder) Unavailable(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	if errors.Is(err, ErrProviderDown) {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindClaimsOld, RetryAfter: retryAfter, ActionURL: v.Return})
		return
	}
	s.storeDown(w, r, v, err)
}

// BadRequest answers a request that cannot be told apart from an attack on a parser.
func (s *responder) BadRequest(w http.ResponseWriter, r *http.Request, v *Visit) {
	s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
}

func (s *responder) storeDown(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	s.problem(w, r, v, s.storeProblem(v, err))
}

// storeProblem is the page that says that the store does not answer. It notes the failure.
func (s *responder) storeProblem(v *Visit, err error) pages.Problem {
	s.Sessions.NoteFailure(err)
	// An outage is told of once by who looks after the store, not by each request that meets it.
	level := zap.ErrorLevel
	if errors.Is(err, session.ErrUnavailable) {
		level = zap.DebugLevel
	}
	s.Logger.Log(level, "session store cannot be asked", zap.String("app", v.Site.App), zap.Error(err))
	return pages.Problem{Kind: pages.KindStoreDown, RetryAfter: retryAfter, HomeURL: v.Return}
}

// problem answers with an error page, or with its twin for scripts.
func (s *responder) problem(w http.ResponseWriter, r *http.Request, v *Visit, p pages.Problem) {
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
	writeProblem(w, r, problemJSON{Title: http.StatusText(p.StatusCode()), Status: p.StatusCode(), Reason: p.Reason(), Code: p.Code, RequestID: v.RequestID})
}
