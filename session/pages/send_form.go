package pages

import (
	"net/http"
	"time"
)

// SendForm offers to send a form again that was kept through a sign-in. What was typed is not on the page. Its form posts
// to URL: latchkey-form, and latchkey-form-answer=send|drop.
type SendForm struct {
	// URL is path and query of the page that the form was sent to; it is shown.
	URL     string
	AppName string
	Token   string
	// Sent is when it was sent first.
	Sent time.Time
}

func (SendForm) template() string { return "send_form" }

func (SendForm) status() int { return http.StatusOK }

func (SendForm) title() (string, []string) { return "send_form.title", nil }

func (SendForm) posts() {}

// leads: an application may answer a form with a redirect to anywhere, which Chromium holds against the form-action.
func (SendForm) leads() {}
