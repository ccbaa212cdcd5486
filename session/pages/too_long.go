package pages

import "net/http"

// TooLong ends a sign-in for a page whose address was too long to be kept. It leads on by a link and not by itself: a user
// who is taken to another place than the one they opened has to know.
type TooLong struct {
	// URL is the page that is left of the address, a path on this origin.
	URL string
}

func (TooLong) template() string { return "too_long" }

func (TooLong) status() int { return http.StatusOK }

func (TooLong) title() (string, []string) { return "too_long.title", nil }
