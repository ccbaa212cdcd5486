package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// SignInHost is the host at which users sign in for all sites: with one sign-in and one question "Stay signed in?",
// even if the sites are under different domains. A site sends a browser without a session there, and the browser comes
// back with a session. If the user already has a session at the sign-in host, no page is shown.
type SignInHost struct {
	// The origin that browsers use: scheme, host and port, such as `https://login.example.com`. Plain http is accepted
	// only for loopback hosts. A site with the handler `latchkey` must serve this host; it needs no other
	// configuration.
	Origin string `json:"origin"`

	// Where the configuration has it, as file:line, for error messages.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// CheckSignInHost returns the origin in the form in which a Visit stores it.
func CheckSignInHost(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case HasPlaceholder(text):
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
	canonical, err := CheckSignInHost(s.Origin)
	if err == nil && canonical != s.Origin {
		err = fmt.Errorf("sign_in_host: write %q as %q", s.Origin, canonical)
	}
	return err
}

// Address is the origin of the sign-in host, empty if there is none.
func (s *SignInHost) Address() string {
	if s == nil {
		return ""
	}
	return s.Origin
}

// under reports whether the sign-in host is on https, and is a domain or a host under it.
func (s *SignInHost) under(domain string) bool {
	if s == nil {
		return false
	}
	u, err := url.Parse(s.Origin)
	return err == nil && u.Scheme == "https" && (u.Hostname() == domain || strings.HasSuffix(u.Hostname(), "."+domain))
}

// CheckRegistrable refuses a name that is not a registrable domain in canonical form: hosts under a public suffix, such as
// co.uk, belong to many owners, and browsers bind no session for a part of a domain.
func CheckRegistrable(name string) error {
	host, ok := scrub.Host(name)
	if _, err := netip.ParseAddr(name); err == nil || !ok || host != name {
		return fmt.Errorf("site: %q is no domain such as example.com", name)
	}
	switch domain, err := publicsuffix.EffectiveTLDPlusOne(name); {
	case err != nil:
		return fmt.Errorf("site: %s is a public suffix, and no domain of one owner", name)
	case domain != name:
		return fmt.Errorf("site: browsers bind sessions for a whole registrable domain: write site %s", domain)
	}
	return nil
}

// Siblings returns the hosts of sites that have the registrable domain of host, without host itself, in their order. A host
// may begin with an asterisk for its first label.
func Siblings(host string, sites []string) (found []string) {
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return nil
	}
	for _, one := range sites {
		name, _ := cutPort(one)
		name = strings.ToLower(name)
		rest := strings.TrimPrefix(name, "*.")
		if of, err := publicsuffix.EffectiveTLDPlusOne(rest); err == nil && of == domain && name != host && !strings.Contains(rest, "*") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// At adds the position of the sign-in host to an error.
func (s *SignInHost) At(err error) error {
	if s.Position == "" {
		return err
	}
	return fmt.Errorf("%w, at %s", err, s.Position)
}

var errNoHostName = errors.New("the site has no host name, which sign_in_host needs: people are sent back to hosts that the configuration names and to no others")

// CheckSiteHosts refuses host names that a site with a sign-in host cannot have.
func CheckSiteHosts(hosts []string) error {
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

// cutPort splits the port off a host.
func cutPort(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), ""
}

// Served reports whether origin belongs to one of the hosts. Its port must be the default port of the scheme, the port
// in hosts, or the port of the sign-in host: behind a proxy, all sites have the proxy's port.
func Served(hosts []string, origin, signInHost string) bool {
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

// covers reports whether host equals name, or matches it if name contains an asterisk. An asterisk stands for one
// label.
func covers(name, host string) bool {
	if !strings.Contains(name, "*") {
		return name == host
	}
	a, b := strings.Split(name, "."), strings.Split(host, ".")
	return len(a) == len(b) && !slices.ContainsFunc(a, func(label string) bool { return strings.Contains(label, "*") && label != "*" }) &&
		slices.EqualFunc(a, b, func(a, b string) bool { return a == b || a == "*" })
}
