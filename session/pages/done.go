package pages

import "net/http"

// Done ends a sign-in in a window that an app has opened for it (asset/session.js). It is the only page with a script,
// which tells the app and closes the window; without it the person does.
type Done struct{}

func (Done) template() string { return "done" }

func (Done) status() int { return http.StatusOK }

func (Done) title() (string, []string) { return "done.title", nil }

func (Done) script() string { return "done.js" }
