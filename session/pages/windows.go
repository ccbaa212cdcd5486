package pages

import "net/http"

// SignInWindow contains the texts that asset/ask.js shows before it opens a sign-in in a separate window, in the
// language of a request.
type SignInWindow struct {
	Lang   string `json:"lang"`
	Dir    string `json:"dir"`
	Title  string `json:"title"`
	Lead   string `json:"lead"`
	Action string `json:"action"`
	Later  string `json:"later"`
}

// SignInWindow returns the texts for a request.
func (p *Pages) SignInWindow(r *http.Request) (SignInWindow, error) {
	b := p.languages.of(r)
	w := SignInWindow{Lang: b.tag.String(), Dir: b.dir}
	err := b.sayAll(map[string]*string{
		"window.title": &w.Title, "window.lead": &w.Lead, "problem.form_not_sent.action": &w.Action, "window.later": &w.Later,
	})
	return w, err
}

// Done ends a sign-in in a window that an app has opened for it (asset/session.js). It and Again are the only pages with a script.
// The script notifies the app and closes the window; without it the user closes the window.
type Done struct{}

func (Done) template() string { return "done" }

func (Done) status() int { return http.StatusOK }

func (Done) title() (string, []string) { return "done.title", nil }

func (Done) script() string { return "done.js" }

// IdleWarning contains the texts that asset/idle.js shows before an idle user is signed out, in the language of a
// request. The script replaces {time} in Left by the time left.
type IdleWarning struct {
	Lang    string `json:"lang"`
	Dir     string `json:"dir"`
	Title   string `json:"title"`
	Lead    string `json:"lead"`
	Left    string `json:"left"`
	Stay    string `json:"stay"`
	SignOut string `json:"sign_out"`
}

// IdleWarning returns the texts for a request.
func (p *Pages) IdleWarning(r *http.Request) (IdleWarning, error) {
	b := p.languages.of(r)
	w := IdleWarning{Lang: b.tag.String(), Dir: b.dir}
	err := b.sayAll(map[string]*string{
		"idle.title": &w.Title, "idle.lead": &w.Lead, "idle.left": &w.Left, "sign_out.back": &w.Stay, "sign_out.action": &w.SignOut,
	}, "time", "{time}")
	return w, err
}
