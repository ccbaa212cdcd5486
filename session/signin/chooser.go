package signin

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// lastProviderLife is how long a browser keeps with which provider somebody last signed in.
const lastProviderLife = 180 * 24 * time.Hour

// rememberProvider keeps the provider of a sign-in in the browser, where the site has several: the choice then shows it
// first. It is a name of the configuration, and says nothing about who signed in.
func (s *starter) rememberProvider(w http.ResponseWriter, v *Visit, name string) {
	if len(s.providersOf(v.Site)) < 2 || s.lastProvider(v) == name {
		return
	}
	sealed := s.Keys.Seal(keyring.PurposeBrowser, []byte(name), v.Host, browser.ProviderCookie)
	browser.SetCookie(w, v.Secure, browser.ProviderCookie, base64.RawURLEncoding.EncodeToString(sealed), lastProviderLife)
}

// lastProvider returns what rememberProvider kept, empty if nothing.
func (s *starter) lastProvider(v *Visit) string {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Provider)
	if err != nil || v.Cookies.Provider == "" {
		return ""
	}
	name, err := s.Keys.Open(keyring.PurposeBrowser, sealed, v.Host, browser.ProviderCookie)
	if err != nil {
		return ""
	}
	return string(name)
}

// choice is the page that lets somebody pick a provider. The one of last time stands first, and is chosen by nobody but
// the person: others may use the browser as well.
func (s *starter) choice(v *Visit, providers []*Provider, link url.Values) pages.Chooser {
	page := pages.Chooser{AppName: v.Site.App}
	last := s.lastProvider(v)
	for _, p := range providers {
		link.Set("provider", p.Name)
		c := pages.Choice{Name: p.Name, Title: p.Title, Last: p.Name == last, URL: browser.Base + "/sign-in?" + link.Encode()}
		if c.Last {
			page.Providers = slices.Insert(page.Providers, 0, c)
			continue
		}
		page.Providers = append(page.Providers, c)
	}
	return page
}

// choiceLink is what the links of the chooser carry besides the provider.
func (s *starter) choiceLink(v *Visit, ret string, want wish) url.Values {
	q := url.Values{"return": {ret}}
	if want.Demand != nil {
		q.Set("step", s.sealStep(v, step{Demand: want.Demand, Anew: true}))
	}
	if want.Other {
		q.Set("other", "1")
	}
	if v.Locales != "" {
		q.Set("ui_locales", v.Locales)
	}
	return q
}
