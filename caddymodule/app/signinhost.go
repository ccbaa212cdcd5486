package app

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// siteFor implements access.Config.SiteFor.
func (a *App) siteFor(app, origin string) *access.Site {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.sites {
		if (app == "" || h.App == app) && config.Served(h.Hosts, origin, a.SignInHost.Address()) {
			return &h.SignIn
		}
	}
	return nil
}

// siblings returns access.Config.Siblings.
func siblings(a *App) func(host string) []string {
	if a.SignInHost == nil {
		return nil
	}
	return func(host string) []string {
		var all []string
		a.mu.Lock()
		for _, h := range a.sites {
			all = append(all, h.Hosts...)
		}
		a.mu.Unlock()
		return config.Siblings(host, all)
	}
}

// checkSignInSite refuses a sign-in host that no site serves. Sites are provisioned after the app, so it searches the
// configuration of the app http. Caddy does not export that configuration, so it is read by reflection. If a later
// version of Caddy renames the field, Start finds the error instead.
func (a *App) checkSignInSite(ctx caddy.Context) error {
	if a.SignInHost == nil {
		return nil
	}
	whole := reflect.ValueOf(ctx).FieldByName("cfg")
	if whole.Kind() != reflect.Pointer || whole.IsNil() {
		return nil
	}
	apps := whole.Elem().FieldByName("AppsRaw")
	if apps.Kind() != reflect.Map {
		return nil
	}
	raw := apps.MapIndex(reflect.ValueOf("http"))
	if !raw.IsValid() || raw.Kind() != reflect.Slice || raw.Len() == 0 {
		return nil
	}
	for _, site := range findHandlers(nil, json.RawMessage(raw.Bytes()), 0) {
		var h struct {
			Hosts []string `json:"hosts"`
		}
		if json.Unmarshal(site, &h) == nil && config.Served(h.Hosts, a.SignInHost.Origin, a.SignInHost.Origin) {
			return nil
		}
	}
	return a.errUnserved()
}

func (a *App) errUnserved() error {
	u, err := url.Parse(a.SignInHost.Origin)
	if err != nil {
		return err
	}
	return a.SignInHost.At(fmt.Errorf("sign_in_host: no site with the directive latchkey serves %s; `%s { latchkey }` is enough", u.Hostname(), u.Host))
}
