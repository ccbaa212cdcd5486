package command

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
)

// maxBindingSites is how many sites are asked for their certificate.
const maxBindingSites = 20

// bindings checks for each site whether browsers can bind sessions there. They do so only on https with a certificate that
// they trust; a warning that the user has clicked away is not enough.
func (d *doctor) bindings(ctx context.Context, sites []siteAddress) []finding {
	sites = sites[:min(len(sites), maxBindingSites)]
	results := make([]finding, len(sites))
	var all sync.WaitGroup
	for i, s := range sites {
		all.Go(func() { results[i] = d.binding(ctx, s) })
	}
	all.Wait()
	return results
}

func (d *doctor) binding(ctx context.Context, s siteAddress) finding {
	say := func(level, format string, args ...any) finding {
		return finding{level, "binding", s.app, fmt.Sprintf(format, args...)}
	}
	switch {
	case s.plain:
		return say(findWarn, "%s has no TLS: browsers bind no session to their device there; serve it with https", s.origin())
	case s.host == "" || strings.Contains(s.host, "*"):
		return say(findOK, "the site has names that are not listed: browsers bind sessions if they trust its certificates")
	}
	dialer := tls.Dialer{Config: &tls.Config{ServerName: s.host, RootCAs: d.roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.host, cmp.Or(s.port, "443")))
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil:
		_ = conn.Close() // nothing was sent
		return say(findOK, "this machine trusts the certificate of %s: browsers can bind sessions there if they do too", s.origin())
	case errors.As(err, &untrusted):
		return say(findWarn, "this machine does not trust the certificate of %s: %s; a browser that does not either binds no session to its device, "+
			"also if the user has clicked its warning away; use a public certificate, or install the root on the devices", s.origin(), adminapi.OneLine(untrusted.Err))
	}
	return say(findOK, "the certificate of %s cannot be checked from here (%s): browsers bind sessions only if they trust it", s.origin(), adminapi.OneLine(err))
}
