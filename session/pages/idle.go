package pages

import "net/http"

// IdleWarning is what asset/idle.js says before it signs somebody out for want of use, in the language of a request. The
// script fills {time} in Left with the time that is left.
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
