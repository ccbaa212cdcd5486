package reach

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// maxHops is how many redirects are followed.
const maxHops = 3

// ErrRedirect: a redirect was not followed.
var ErrRedirect = errors.New("provider: a redirect is not followed")

// Following returns a client like c that follows redirects, for requests without secrets: the metadata and the keys of
// a provider, which are public. allowed checks each address. A redirect from https to anything else is never followed.
func Following(c *http.Client, allowed func(string) error) *http.Client {
	follow := *c
	follow.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		last := via[len(via)-1]
		switch {
		case next.Method != http.MethodGet:
			return fmt.Errorf("%w: it is no answer to a GET", ErrRedirect)
		case len(via) > maxHops:
			return fmt.Errorf("%w: there are more than %d", ErrRedirect, maxHops)
		case last.URL.Scheme == "https" && next.URL.Scheme != "https":
			return fmt.Errorf("%w: it leads from https to %s", ErrRedirect, origin(next.URL))
		}
		if err := allowed(next.URL.String()); err != nil {
			return fmt.Errorf("%w: it leads to %s", ErrRedirect, origin(next.URL))
		}
		return nil
	}
	return &follow
}

// origin returns the part of an address for error messages; the rest may contain secrets.
func origin(u *url.URL) string { return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() }
