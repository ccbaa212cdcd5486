package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// SignInHost is the host at which people sign in for all sites: one sign-in and one "Stay signed in?", whatever domains
// the sites are under. A site without a session sends the browser there and gets it back with a session, without a page
// if it has one already.
type SignInHost struct {
	// Scheme, host and port as browsers see them, such as `https://login.example.com`. Plain http is for loopback hosts.
	// A site with the handler `latchkey` must serve the host; it needs nothing else.
	Origin string `json:"origin"`

	// Where the configuration has it, as file:line, for error messages.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// parseSignInHost reads a host, with a port where it is not the scheme's own, and with http:// for a loopback host.
func parseSignInHost(d *caddyfile.Dispenser, a *AppConfig) error {
	h := &SignInHost{Position: position(d)}
	text, err := one(d)
	if err != nil {
		return err
	}
	if h.Origin = text; !strings.Contains(text, "://") {
		h.Origin = "https://" + text
	}
	if h.Origin, err = checkSignInHost(h.Origin); err != nil {
		return wrapAt(d.Token(), err)
	}
	a.SignInHost = h
	return nil
}

// checkSignInHost returns an origin in the form in which a Visit has it.
func checkSignInHost(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case hasPlaceholder(text):
		return "", fmt.Errorf("sign_in_host: %q: placeholders are not replaced here; {$NAME} is, when the Caddyfile is read", strings.TrimPrefix(text, "https://"))
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("sign_in_host: %q is no host such as login.example.com", strings.TrimPrefix(text, "https://"))
	}
	host, ok := scrub.Host(u.Host)
	switch {
	case !ok:
		return "", fmt.Errorf("sign_in_host: %q is not a valid host", u.Host)
	case u.Scheme == "https", u.Scheme == "http" && reach.IsLoopback(host):
		return crossorigin.Of(u.Scheme == "https", host, u.Host), nil
	case u.Scheme == "http":
		return "", fmt.Errorf("sign_in_host: %q must be https; http is for loopback hosts only", text)
	}
	return "", fmt.Errorf("sign_in_host: %q is neither https nor http", text)
}

func (s *SignInHost) check() error {
	if s == nil {
		return nil
	}
	canonical, err := checkSignInHost(s.Origin)
	if err == nil && canonical != s.Origin {
		err = fmt.Errorf("sign_in_host: write %q as %q", s.Origin, canonical)
	}
	return err
}

func (s *SignInHost) origin() string {
	if s == nil {
		return ""
	}
	return s.Origin
}

// at adds the position to an error.
func (s *SignInHost) at(err error) error {
	if s.Position == "" {
		return err
	}
	return fmt.Errorf("%w, at %s", err, s.Position)
}

var errNoHostName = errors.New("the site has no host name, which sign_in_host needs: people are sent back to hosts that the configuration names and to no others")

// checkSiteHosts holds the names of a site against what a hand-over needs.
func checkSiteHosts(hosts []string) error {
	if len(hosts) == 0 {
		return errNoHostName
	}
	for _, h := range hosts {
		name, _ := cutPort(h)
		if _, ok := scrub.Host(strings.ReplaceAll(name, "*", "x")); !ok {
			return fmt.Errorf("the site's host %q is not valid, or only known when it runs: with sign_in_host every host is named", h)
		}
	}
	return nil
}

// siteHosts are the hosts of a site block, each with its port if it names one.
func (b siteBlock) siteHosts() (hosts []string) {
	for _, key := range b.keys {
		addr, err := httpcaddyfile.ParseAddress(key)
		if err != nil || addr.Host == "" {
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(addr.Host, "."))
		if addr.Port != "" {
			host = net.JoinHostPort(host, addr.Port)
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// cutPort takes the port off a host, in whatever form it is.
func cutPort(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), ""
}

// served reports whether one of the hosts is the one of an origin. A port is good if it is the scheme's own, if the site
// names it, or if the sign-in host is on it as well: behind a proxy all are on the proxy's.
func served(hosts []string, origin, signInHost string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return false
	}
	at, err := url.Parse(signInHost)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(hosts, func(h string) bool {
		name, port := cutPort(h)
		return covers(name, u.Hostname()) && (u.Port() == "" || u.Port() == port || u.Port() == at.Port())
	})
}

// covers reports whether a host is a name, or one that a name with an asterisk stands for, which is for one label.
func covers(name, host string) bool {
	if !strings.Contains(name, "*") {
		return name == host
	}
	a, b := strings.Split(name, "."), strings.Split(host, ".")
	return len(a) == len(b) && !slices.ContainsFunc(a, func(label string) bool { return strings.Contains(label, "*") && label != "*" }) &&
		slices.EqualFunc(a, b, func(a, b string) bool { return a == b || a == "*" })
}

// siteFor implements signin.Config.SiteFor.
func (a *App) siteFor(app, origin string) *signin.Site {
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	for _, h := range a.rt.sites {
		if (app == "" || h.App == app) && served(h.Hosts, origin, a.SignInHost.origin()) {
			return &h.rt.site
		}
	}
	return nil
}

// checkSignInSite refuses a sign-in host that no site serves. Sites are provisioned after the app, so that they are looked
// for in the configuration of the app http as it came; Caddy shows it to nobody, so it is read through reflection. Where a
// later Caddy calls it something else, Start finds it out.
func (a *App) checkSignInSite(ctx caddy.Context) error {
	if a.SignInHost == nil {
		return nil
	}
	config := reflect.ValueOf(ctx).FieldByName("cfg")
	if config.Kind() != reflect.Pointer || config.IsNil() {
		return nil
	}
	apps := config.Elem().FieldByName("AppsRaw")
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
		if json.Unmarshal(site, &h) == nil && served(h.Hosts, a.SignInHost.Origin, a.SignInHost.Origin) {
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
	return a.SignInHost.at(fmt.Errorf("sign_in_host: no site with the directive latchkey serves %s; `%s { latchkey }` is enough", u.Hostname(), u.Host))
}
