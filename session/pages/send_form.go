package pages

import (
	"net/http"
	"time"
)

// SendForm offers to send a form that was kept during a sign-in. The page does not show the form's content. Its own
// form posts to URL: latchkey-form, and latchkey-form-answer=send|drop.
type SendForm struct {
	// URL is path and query of the page to which the form was sent; it is shown.
	URL     string
	AppName string
	Token   string
	// Sent is when the form was first sent.
	Sent time.Time
}

func (SendForm) template() string { return "send_form" }

func (SendForm) status() int { return http.StatusOK }

func (SendForm) title() (string, []string) { return "send_form.title", nil }

func (SendForm) posts() {}

// leads: an application may answer a form with a redirect to any address, to which Chromium applies the form-action.
func (SendForm) leads() {}
