package pages

import "net/http"

// SignInWindow is what asset/ask.js says before it opens a sign-in in a window of its own, in the language of a request.
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
