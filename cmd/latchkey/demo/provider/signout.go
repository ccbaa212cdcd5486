package provider

import (
	"net/http"
	"net/url"
	"slices"
)

// endSession is RP-initiated logout. There is no session here, so it only ends the refresh tokens of that sign-in.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.problem(w, http.StatusBadRequest, "The sign-out request could not be read.")
		return
	}
	if !r.Form.Has("id_token_hint") {
		look.Write(w, http.StatusOK, "note.html", map[string]any{
			"Title": "Nothing to sign out of", "Text": "This provider remembers no user: it asks who you are each time.",
		})
		return
	}
	c, err := p.read(r.Form.Get("id_token_hint"), typeID, p.ClientID)
	if err != nil {
		p.problem(w, http.StatusBadRequest, "The sign-out request carries no proof of a sign-in here.")
		return
	}
	back := r.Form.Get("post_logout_redirect_uri")
	if back != "" && !slices.Contains(p.PostLogoutURIs, back) {
		p.problem(w, http.StatusBadRequest, "The address to return to after sign-out is not registered here.")
		return
	}
	if err := p.State.revokeSID(c.SID); err != nil {
		p.problem(w, http.StatusInternalServerError, "The sign-out could not be stored. Please try again.")
		return
	}
	if back == "" {
		look.Write(w, http.StatusOK, "note.html", map[string]any{
			"Title": "You are signed out", "Text": "Nothing of this sign-in is left at the demo's provider.",
		})
		return
	}
	if state := r.Form.Get("state"); state != "" {
		back += "?" + url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}
