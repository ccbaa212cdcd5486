package reach

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// CheckInside refuses an internal address that is not an origin. Plain http is only allowed for hosts that are not on
// the Internet: this machine, a private address, a name without a dot (such as a container's), or a name under a domain
// for private use.
func CheckInside(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("%q is no address such as http://keycloak:8080", raw)
	case u.User != nil:
		return errors.New("there must be no user name or password in it")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return fmt.Errorf("%q is more than scheme, host and port: the path is that of the public address", raw)
	case u.Scheme == "https", u.Scheme == "http" && isInside(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%q must be https: plain http is for a loopback or private address, a name without a dot, or one that "+
			"ends in .internal, .local, .svc or .home.arpa", raw)
	}
	return fmt.Errorf("%q must be http or https", raw)
}

// isInside reports whether a host cannot be on the Internet.
func isInside(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	if !strings.Contains(host, ".") {
		return true
	}
	for _, private := range []string{".localhost", ".internal", ".local", ".svc", ".home.arpa"} {
		if strings.HasSuffix(host, private) {
			return true
		}
	}
	return false
}

// Under reports whether an address belongs to an origin. No address belongs to an empty origin.
func Under(raw, origin string) bool {
	u, err := url.Parse(raw)
	if err != nil || origin == "" || u.User != nil {
		return false
	}
	o, err := url.Parse(origin)
	return err == nil && sameOrigin(u, o)
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// Inside returns a transport that sends requests for the origin of public to the origin internal. Host,
// X-Forwarded-Host and -Proto stay those of the public address, so that the provider uses the public address in its
// answers.
func Inside(next http.RoundTripper, public, internal string) (http.RoundTripper, error) {
	from, err := url.Parse(public)
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(internal)
	if err != nil {
		return nil, err
	}
	return &inside{next, from, to}, nil
}

type inside struct {
	next     http.RoundTripper
	from, to *url.URL
}

// RoundTrip implements http.RoundTripper.
func (i *inside) RoundTrip(r *http.Request) (*http.Response, error) {
	if !sameOrigin(r.URL, i.from) {
		return i.next.RoundTrip(r)
	}
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	out.Header.Set("X-Forwarded-Host", out.Host)
	out.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	out.URL.Scheme, out.URL.Host = i.to.Scheme, i.to.Host
	resp, err := i.next.RoundTrip(out)
	if resp != nil {
		resp.Request = r // a redirect is relative to the requested address
	}
	return resp, err
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections calls; wrapped transports do not
// pass it on.
func (i *inside) CloseIdleConnections() {
	if c, ok := i.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
