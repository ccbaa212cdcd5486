package firstfile

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// CheckIssuer checks the issuer of a provider: https, or http for a loopback host (OpenID Connect Discovery, section 3).
func CheckIssuer(text string) error {
	if err := CheckWord("issuer", text, 1024); err != nil {
		return err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("issuer %q is no address; it looks like https://login.example.com", text)
	case u.User != nil:
		return fmt.Errorf("issuer at %s has a user name or a password in it", u.Host)
	case strings.ContainsAny(text, "?#"):
		return fmt.Errorf("issuer %q has a query or a fragment", text)
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return fmt.Errorf("issuer %q is the address of the metadata: leave out /.well-known/openid-configuration", text)
	case u.Scheme == "http" && !reach.IsLoopback(u.Hostname()):
		return fmt.Errorf("issuer %q has no TLS: http is accepted for a loopback host only", text)
	}
	return nil
}

// CheckAddress checks the address of a site. Without TLS browsers keep no cookie of it, but on a loopback host.
func CheckAddress(text string) error {
	if err := CheckWord("site address", text, 512); err != nil {
		return err
	}
	host, insecure := strings.CutPrefix(text, "http://")
	host = strings.TrimPrefix(host, "https://")
	name := host
	if strings.Contains(host, ":") {
		var port string
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil || !isPort(port) {
			return fmt.Errorf("site address %q: want a host name, with a port if it is not the default", text)
		}
	}
	switch {
	case name == "" || strings.ContainsAny(name, "/?@,;=") || strings.HasPrefix(name, "."):
		return fmt.Errorf("site address %q: want a host name such as wiki.example.com, without a path", text)
	case strings.Contains(name, "*"):
		return fmt.Errorf("site address %q: name each host, because its redirect URI has to be registered", text)
	case insecure && !reach.IsLoopback(name):
		return fmt.Errorf("site address %q has no TLS: browsers would keep no cookie of it", text)
	}
	return nil
}

// CheckUpstream checks the address of an app, as reverse_proxy takes it.
func CheckUpstream(text string) error {
	if err := CheckWord("upstream", text, 512); err != nil {
		return err
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(text, "http://"), "https://")
	fault := fmt.Errorf("upstream %q: want host:port, http://host:port or https://host", text)
	if rest == "" || strings.ContainsAny(rest, "/?@,;=") {
		return fault
	}
	host, port, err := net.SplitHostPort(rest)
	switch {
	case err != nil && rest == text:
		return fault // without a scheme a port has to say what is meant
	case err != nil:
		return nil
	case !isPort(port) || host == "" && rest != text:
		return fault
	}
	return nil
}

// checkStore checks where sessions are kept. A password in the address would end up in the file.
func checkStore(text string) error {
	if text == "" || text == StoreFile {
		return nil
	}
	if err := CheckWord("store", text, 1024); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
		return fmt.Errorf("store: want %s, redis://host:6379/0 or rediss://host:6379/0", StoreFile)
	}
	if _, has := u.User.Password(); has {
		return fmt.Errorf("store at %s: leave the password out of the address, it is read from the environment variable %s", u.Host, redisVariable)
	}
	return nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
