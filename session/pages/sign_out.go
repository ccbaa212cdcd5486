package pages

import "net/http"

// SignOut asks for confirmation before signing out. Its form posts to <Base>/sign-out: csrf, and everywhere=1 and
// tokens=1 if their checkboxes are ticked.
type SignOut struct {
	UserName string
	CSRF     string
	// Everywhere offers to end all sessions of this user.
	Everywhere bool
	// HeldTokens is how many tokens for programs the user has, for a checkbox that revokes them; zero omits it.
	HeldTokens int
	// BackURL leads back without signing out; empty omits the link.
	BackURL string
}

// SignedOut is the page after sign-out.
type SignedOut struct {
	// SignInURL starts a new sign-in; empty omits the button.
	SignInURL string
}

func (SignOut) template() string   { return "sign_out" }
func (SignedOut) template() string { return "signed_out" }

func (SignOut) status() int   { return http.StatusOK }
func (SignedOut) status() int { return http.StatusOK }

func (SignOut) title() (string, []string)   { return "sign_out.title", nil }
func (SignedOut) title() (string, []string) { return "signed_out.title", nil }

func (SignOut) posts() {}
