package crossorigin

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// Of returns an origin in the form in which browsers send it, without the default port of the scheme. canonical is host
// in the form of scrub.Host.
func Of(secure bool, canonical, host string) string {
	scheme, standard := "http", "80"
	if secure {
		scheme, standard = "https", "443"
	}
	if strings.Contains(canonical, ":") {
		canonical = "[" + canonical + "]"
	}
	if _, port, err := net.SplitHostPort(host); err == nil && port != "" && port != standard {
		return scheme + "://" + canonical + ":" + port
	}
	return scheme + "://" + canonical
}

var errSpelling = errors.New("an origin is a scheme and a host as browsers spell them, such as https://tools.example.com or capacitor://localhost, with a port only if it is not the scheme's own")

// noOrigin are schemes whose pages have no origin of their own (browsers send `null`), and schemes that no page has.
var noOrigin = []string{"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "null", "view-source", "ws", "wss"}

// Check requires that a configured origin is in the form in which browsers send it, because origins are compared byte
// for byte. Besides http and https it accepts the schemes of apps and browser extensions. For those, browsers keep the
// case of the host.
func Check(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || slices.Contains(noOrigin, u.Scheme) {
		return errSpelling
	}
	host, ok := scrub.Host(u.Host)
	switch {
	case strings.Contains(u.Host, "*"):
		ok = false
	case u.Scheme == "http" || u.Scheme == "https":
		ok = ok && Of(u.Scheme == "https", host, u.Host) == origin
	default:
		// "." is the host of apps made with Electron, and the only allowed host that is not a host name.
		ok = (ok && !strings.HasSuffix(u.Hostname(), ".") && !strings.HasSuffix(u.Host, ":") || u.Host == ".") &&
			u.Scheme != "" && u.Scheme+"://"+u.Host == origin
	}
	if !ok {
		return errSpelling
	}
	return nil
}
