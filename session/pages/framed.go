package pages

import "net/http"

// Frame is the reason why a frame in another page shows no content.
type Frame string

// The reasons.
const (
	FrameSignIn    Frame = "sign_in"   // 401: no user is signed in
	FrameStronger  Frame = "stronger"  // 401: the sign-in must be stronger or fresher
	FrameElsewhere Frame = "elsewhere" // 401: a frame in a page of another site, to which the browser sends no session cookie
)

// Framed is shown in a frame instead of a page of the app. It is the only page that pages of any origin may frame. A
// page of an attacker could trick the user into a click on it, so it contains nothing harmful: one link, which leaves
// the frame, and no form.
type Framed struct {
	Why Frame
	// Instead is the Problem or Blocked whose heading and explanation are shown instead of those of Why.
	Instead Page
	// AppName is the app that the user would sign in to; may be empty.
	AppName string
	// URL is the target of the link: a path on this origin. Empty omits the link.
	URL string
	// NewTab opens the link in a new tab, and says so. Otherwise it replaces the whole page.
	NewTab bool
}

func (Framed) template() string { return "framed" }

// instead is what Problem and Blocked have in common.
type instead interface {
	Page
	Key() string
}

func (f Framed) of() instead {
	page, _ := f.Instead.(instead)
	return page
}

func (f Framed) status() int {
	if page := f.of(); page != nil {
		return page.status()
	}
	return http.StatusUnauthorized
}

func (f Framed) title() (string, []string) {
	page := f.of()
	switch {
	case page != nil:
		return page.title()
	case f.Why == FrameStronger, f.Why == FrameElsewhere:
		return "framed." + string(f.Why) + ".title", nil
	case f.AppName != "":
		return "chooser.title_app", []string{"app", f.AppName}
	}
	return "chooser.title", nil
}

// Lead returns the text key of the explanation.
func (f Framed) Lead() string {
	page := f.of()
	switch {
	case page != nil:
		return page.Key() + ".lead"
	case f.Why == FrameStronger, f.Why == FrameElsewhere:
		return "framed." + string(f.Why) + ".lead"
	}
	return "framed.sign_in.lead"
}

// Note returns the text key of what else the user can do; empty if there is nothing to say.
func (f Framed) Note() string {
	if page, ok := f.Instead.(Blocked); ok && page.Binding != "" {
		return "blocked.binding." + string(page.Binding)
	}
	if page, ok := f.Instead.(Problem); ok {
		return page.Because()
	}
	return ""
}

// Action returns the text key of the link.
func (f Framed) Action() string {
	page := f.of()
	switch {
	case f.NewTab:
		return "framed.open"
	case page != nil:
		return page.Key() + ".action"
	case f.Why == FrameStronger:
		return "problem.stronger_first.action"
	}
	return "problem.form_not_sent.action"
}
