package reach

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// CheckEndpoint refuses a provider URL that is not https; http is allowed only for a loopback host.
func CheckEndpoint(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is not an absolute URL without user and fragment", u.Redacted())
	case u.Scheme == "https", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is not https", u.Redacted())
}

// IsLoopback reports whether a host name or address, without port, means this machine for every browser: localhost, a
// name under it (RFC 6761, section 6.3), or a loopback address.
func IsLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
