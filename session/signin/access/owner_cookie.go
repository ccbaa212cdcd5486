package access

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// An app stores data of a user in the browser that outlives the session: its own cookies, its storage. A site with
// personal AppData has a cookie that proves who was last signed in there. The cookie is in the same cookie jar as the
// data, so it exists after an idle sign-out, a revocation or a restart, and the server stores nothing. If it is
// missing, or proves another user, the data is deleted before the app gets the request.

const (
	// OwnerPlace separates the proof from the tokens of forms, which use the same key.
	OwnerPlace = "owner"
	// ownerSize is the length of the part after browser.OwnerCookie. It distinguishes apps that share a host.
	ownerSize = 8
)

func ownerCookie(app string) string {
	_, hash, _ := strings.Cut(string(session.HashKey("owner", app)), ":")
	return browser.OwnerCookie + hash[:ownerSize]
}

// KeepApart deletes what the app has stored for a user other than who, removes these cookies from the request, and
// records the new owner. If who already is the owner, which is almost always so, it does nothing. The caller must call
// it before the app writes the answer, because the browser uses the last cookie with a name.
func (s *Authenticator) KeepApart(w http.ResponseWriter, request http.Header, v *Visit, who session.Identity) {
	rule := v.Site.AppData
	if v.OnBehalf || !rule.Personal() {
		return
	}
	name := ownerCookie(v.Site.App)
	if proof, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Value(name)); err == nil && len(proof) > 0 &&
		s.Keys.Verify(proof, OwnerPlace, v.Host, v.Site.App, who.Issuer, who.Subject) {
		return
	}
	complete := rule.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
	rule.Strip(request)
	if rule.Storage {
		w.Header().Set("Clear-Site-Data", rule.SiteData())
	}
	if complete {
		proof := s.Keys.Sum(OwnerPlace, v.Host, v.Site.App, who.Issuer, who.Subject)
		browser.SetCookie(w, v.Secure, name, base64.RawURLEncoding.EncodeToString(proof), browser.LongestLife)
	}
}

// ForgetOwner deletes what the app has stored for the last user who was signed in here. It reports whether the browser
// proves that there was one.
func (s *Authenticator) ForgetOwner(w http.ResponseWriter, v *Visit) bool {
	name := ownerCookie(v.Site.App)
	owned := v.Cookies.Value(name) != ""
	if owned && v.Site.AppData.Personal() {
		v.Site.AppData.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
		browser.ClearCookie(w, v.Secure, name)
	}
	return owned
}

// ClearSiteData makes the browser delete its cache of this site, and its storage if the site is configured so. Browsers
// obey on any answer of a secure origin. But Back can still show the page from which that answer was requested;
// therefore a page or a posted form comes in between.
//
// The directive "cookies" is never sent. It deletes the cookies of all hosts of the registrable domain, including those
// that the same answer sets (measured in Chromium 156 and Firefox 153).
func (s *Authenticator) ClearSiteData(w http.ResponseWriter, v *Visit, storage bool) {
	rule := appdata.Rule{Cache: true}
	if v.Site.AppData != nil && !v.OnBehalf {
		rule = appdata.Rule{Cache: v.Site.AppData.Cache, Storage: v.Site.AppData.Storage && storage}
	}
	if value := rule.SiteData(); value != "" {
		w.Header().Set("Clear-Site-Data", value)
	}
}
