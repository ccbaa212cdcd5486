package pages

import "net/http"

// Frame is why a frame of another page shows no content.
type Frame string

// The reasons that exist.
const (
	FrameSignIn    Frame = "sign_in"   // 401: no user is signed in
	FrameStronger  Frame = "stronger"  // 401: the session must be stronger or fresher
	FrameElsewhere Frame = "elsewhere" // 401: a frame in a page of another site, where the browser sends no session cookie
)

// Framed stands in a frame in place of a page of the app. It is the only page of ours that pages of any origin may frame,
// so it holds nothing that a click, however provoked, could do harm with: one link, which leaves the frame, and no form.
type Framed struct {
	Why Frame
	// Instead is the Problem or Blocked whose heading and explanation are shown in place of what Why says.
	Instead Page
	// AppName is the app that the user would sign in to; may be empty.
	AppName string
	// URL is where the link leads: a path on this origin. Empty leaves the link away.
	URL string
	// NewTab opens the link in a tab of its own, and says so. Otherwise it opens in place of the whole page.
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

// Lead is the text key of the explanation.
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

// Action is the text key of the link.
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
