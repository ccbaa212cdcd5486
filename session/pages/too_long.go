package pages

import "net/http"

// TooLong ends a sign-in for a page whose address was too long to keep. It shows a link and does not continue
// automatically, because the user must know that another page opens than the requested one.
type TooLong struct {
	// URL is the shortened address, a path on this origin.
	URL string
}

func (TooLong) template() string { return "too_long" }

func (TooLong) status() int { return http.StatusOK }

func (TooLong) title() (string, []string) { return "too_long.title", nil }
