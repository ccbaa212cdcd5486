package crossorigin

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// Of builds an origin from scheme, host and port as a browser spells it: without the scheme's own port. canonical is host in
// the form of scrub.Host.
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

// noOrigin are schemes whose pages have no origin of their own (a browser sends `null` for them), or that no page has.
var noOrigin = []string{"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "null", "view-source", "ws", "wss"}

// Check holds an origin of the configuration to the spelling in which browsers send it: origins are compared byte for byte.
// Beside http and https it takes the scheme of an app or a browser extension. There a browser keeps the case of the host.
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
		// "." is the host of apps that are made with Electron. It is the one that is no host name.
		ok = (ok && !strings.HasSuffix(u.Hostname(), ".") && !strings.HasSuffix(u.Host, ":") || u.Host == ".") &&
			u.Scheme != "" && u.Scheme+"://"+u.Host == origin
	}
	if !ok {
		return errSpelling
	}
	return nil
}
