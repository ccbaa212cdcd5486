package pages

import "net/http"

// SignOut asks before signing out. Its form posts to <Base>/sign-out: csrf, and everywhere=1 if the box is ticked.
type SignOut struct {
	UserName string
	CSRF     string
	// Everywhere offers to end all sessions of this person.
	Everywhere bool
	// BackURL leads back without signing out; empty leaves the link away.
	BackURL string
}

// SignedOut is the page after.
type SignedOut struct {
	// SignInURL starts a new sign-in; empty leaves the button away.
	SignInURL string
}

func (SignOut) template() string   { return "sign_out" }
func (SignedOut) template() string { return "signed_out" }

func (SignOut) status() int   { return http.StatusOK }
func (SignedOut) status() int { return http.StatusOK }

func (SignOut) title() (string, []string)   { return "sign_out.title", nil }
func (SignedOut) title() (string, []string) { return "signed_out.title", nil }

func (SignOut) posts() {}
