package signin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Challenge answers a request that needs a sign-in. A request that opens a page starts one; a form gets a page that
// says so; any other request gets a JSON problem and is never redirected. why is the error of Session; nil if there is
// a session that is not sufficient. If it is Over, the cookie is cleared. d is what the sign-in must achieve, nil for
// nothing more. A frame shows a link to a sign-in. A page of a bound session whose request lacks what proves its device
// gets one more try (bound_retry.go); a form is treated like one of an ended session. If the provider had the session
// ended, a page says so first.
func (s *starter) Challenge(w http.ResponseWriter, r *http.Request, v *access.Visit, why error, d *oidc.Demand) {
	over := access.Over(why)
	if over {
		s.EndCookie(w, v)
		if browser.Classify(r) != browser.NotNavigation {
			s.ClearSiteData(w, v, true)
		}
	}
	naked := access.Naked(why)
	switch kind, frame := browser.Classify(r), browser.Framed(r); {
	case !v.Usable() && (frame || kind != browser.NotNavigation):
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindInsecure})
	case naked && opensPage(r):
		s.bounce(w, r, v)
	case kind == browser.NavigationGet && s.hasPending(r, v):
		browser.Redirect(w, stayURL(browser.ReturnPath(v.Return)))
	case kind == browser.NavigationGet:
		how := beginning{Tighten: access.Tightening(why)}
		if over && s.endedByProvider(w, r, v) {
			return
		}
		if over {
			how.challenge = s.challengeOf(r, v)
		}
		s.choose(w, r, v, v.Return, wish{Demand: d}, how)
	case kind == browser.NavigationForm && (over || naked) && s.keepForm(w, r, v, access.EndedBy(why)):
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFormKept, ActionURL: access.SignInURL(v.Return)})
	case kind == browser.NavigationForm:
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindFormNotSent, ActionURL: access.SignInURL(browser.Home)})
	default:
		reason := "sign_in_required"
		if over {
			reason = "session_ended"
		}
		if naked && !frame {
			s.bindingMissing(w, r, v)
			return
		}
		askFor(w, v)
		if frame {
			s.framedSignIn(w, r, v, (over || naked) && r.Method == http.MethodPost && s.keepForm(w, r, v, access.EndedBy(why)), d)
			return
		}
		access.WriteProblem(w, r, access.ProblemJSON{
			Title: "Sign-in required", Status: http.StatusUnauthorized, Reason: reason,
			SignInURL: access.SignInURL(browser.Home), RequestID: v.RequestID,
		})
	}
}

// askFor sets the challenges for a request that may be a program's. Programs read the first one, and some no other.
func askFor(w http.ResponseWriter, v *access.Visit) {
	for _, ask := range v.Ask {
		w.Header().Add("WWW-Authenticate", ask)
	}
	w.Header().Add("WWW-Authenticate", `Latchkey realm="`+browser.Base+`"`)
}

// endedByProvider tells a user whose session was ended by the provider why there is none any more, once: the cookie is
// cleared with it. It returns false if that is not known; a sign-in begins then at once.
func (s *starter) endedByProvider(w http.ResponseWriter, r *http.Request, v *access.Visit) bool {
	token, err := s.Token(v)
	if err != nil {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	why := s.Sessions.WhyEnded(ctx, token.ID)
	if why == "" {
		return false
	}
	s.Problem(w, r, v, pages.Problem{
		Kind: pages.KindEndedByProvider, Status: http.StatusUnauthorized, Why: pages.Why(why), Code: int(signinlog.GrantRevoked),
		ActionURL: access.SignInURL(v.Return),
	})
	return true
}

// A frame in a page of an app cannot show a sign-in: providers and our own pages refuse frames, because a framed
// sign-in could be clickjacked. It shows a small page with one link, which leaves the frame (field trial 5.5).

// framedSignIn answers a frame that needs a sign-in. The link begins one in the whole window, unless there is a session
// by then: the page has an opaque origin, so the sign-in counts as begun elsewhere (see keepsUser).
//
// In a page of another site the browser sends no cookies to the frame, neither before nor after a sign-in. There the
// link opens the content of the frame in a new tab.
func (s *starter) framedSignIn(w http.ResponseWriter, r *http.Request, v *access.Visit, kept bool, d *oidc.Demand) { // kept: its form is kept
	page := pages.Framed{Why: pages.FrameSignIn, AppName: v.Site.App}
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		page.Why, page.URL, page.NewTab = pages.FrameElsewhere, browser.PagePath(v.Return), true
	case kept:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindFormKept}, access.SignInURL(v.Return)
	case r.Method == http.MethodPost:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindFormNotSent}, access.SignInURL(framedReturn(r, v))
	default:
		page.URL = browser.Base + "/sign-in?" + s.choiceLink(v, framedReturn(r, v), wish{Demand: d}).Encode()
	}
	s.WriteFramed(w, r, http.StatusUnauthorized, page)
}

// framedStepUp answers a frame whose session must be stronger or fresher.
func (s *starter) framedStepUp(w http.ResponseWriter, r *http.Request, v *access.Visit, kept bool, d *oidc.Demand, why *access.Refusal) {
	page := pages.Framed{Why: pages.FrameStronger}
	switch {
	case kept:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindStrongerKept}, s.stepURL(v, v.Return, d, why)
	case r.Method == http.MethodPost:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindStrongerFirst}, s.stepURL(v, framedReturn(r, v), d, why)
	default:
		page.URL = s.stepURL(v, framedReturn(r, v), d, why)
	}
	s.WriteFramed(w, r, http.StatusUnauthorized, page)
}

// framedReturn returns the page to which a sign-in for a frame returns: the page with the frame, if it has this origin
// and the browser names it, else the content of the frame.
func framedReturn(r *http.Request, v *access.Visit) string {
	if from := r.Referer(); r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		if page := browser.TargetPath(v.Origin, from); page != browser.Home && !browser.IsCut(page) || from == v.Origin+browser.Home {
			return page
		}
	}
	return browser.ReturnPath(v.Return)
}

const (
	// loopWindow and loopLimit: so many step-ups in such a time are a loop (50196).
	loopWindow = time.Minute
	loopLimit  = 5
)

// StepUp answers a request whose session must be stronger or fresher. A request that opens a page goes back to the
// provider; any other request gets a JSON problem (F5, RFC 9470).
func (s *starter) StepUp(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, why *access.Refusal, d *oidc.Demand) {
	switch browser.Classify(r) {
	case browser.NavigationGet:
		p := s.ByName[who.Provider]
		if p == nil {
			s.Challenge(w, r, v, nil, d)
			return
		}
		if who.StepUps >= loopLimit && s.Now().Sub(who.SteppedUp) < loopWindow {
			s.log(v, r, nil, access.EntryOf(who, signinlog.Record{Code: signinlog.LoopDetected, Detail: why.Reason}))
			s.Problem(w, r, v, pages.Problem{Kind: pages.KindLoop, Code: int(signinlog.LoopDetected), ActionURL: browser.Base + "/sign-out", HomeURL: browser.Home})
			return
		}
		s.beginStep(w, r, v, who, s.newFlow(v, p, v.Return), step{Demand: d, Code: why.Code, Reason: why.Reason})
	case browser.NavigationForm:
		if s.keepForm(w, r, v, who) {
			s.Problem(w, r, v, pages.Problem{Kind: pages.KindStrongerKept, ActionURL: s.stepURL(v, v.Return, d, why)})
			return
		}
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindStrongerFirst, ActionURL: s.stepURL(v, browser.Home, d, why)})
	default:
		w.Header().Set("WWW-Authenticate", challenge(d))
		if browser.Framed(r) {
			s.framedStepUp(w, r, v, r.Method == http.MethodPost && s.keepForm(w, r, v, who), d, why)
			return
		}
		access.WriteProblem(w, r, access.ProblemJSON{
			Title: "A stronger sign-in is required", Status: http.StatusUnauthorized, Reason: why.Reason, Code: int(why.Code),
			SignInURL: s.stepURL(v, browser.Home, d, why), RequestID: v.RequestID,
		})
	}
}

// challenge returns the value of WWW-Authenticate (RFC 9470, section 3, with our own scheme, because a bearer token
// would not help).
func challenge(d *oidc.Demand) string {
	out := `Latchkey error="insufficient_user_authentication"`
	if len(d.ACRs) > 0 {
		out += `, acr_values="` + strings.Join(d.ACRs, " ") + `"`
	}
	if d.Reauthenticate {
		out += `, max_age="` + strconv.Itoa(int(d.MaxAge/time.Second)) + `"`
	}
	return out
}
