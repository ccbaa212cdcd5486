package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// crossOrigin is why a request is refused that a page of another origin has opened.
const crossOrigin = "cross_origin"

// foreignUpgrade reports whether a page of another origin asks for a WebSocket, or for another protocol. Browsers send the
// cookies along from every host of the same site, whatever SameSite says, and hold a WebSocket to no rule of CORS: who can
// put a page on a sister host could talk to the app as whoever looks at it. Every browser names the origin; what names none
// is no page.
func (h *Handler) foreignUpgrade(r *http.Request, own string) bool {
	// CONNECT opens one over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
	if len(r.Header["Upgrade"]) == 0 && r.Method != http.MethodConnect {
		return false
	}
	for _, from := range r.Header["Origin"] {
		if from != own && !slices.Contains(h.Origins, from) {
			return true
		}
	}
	return false
}

// refuseUpgrade answers a foreignUpgrade.
func (h *Handler) refuseUpgrade(service *signin.Service, w http.ResponseWriter, r *http.Request, v *signin.Visit) {
	decided(r, crossOrigin)
	v.RequestID = requestID(r)
	service.Refuse(w, r, v, nil, &signin.Refusal{Reason: crossOrigin})
}

func parseOrigins(d *caddyfile.Dispenser, s *siteParser) error {
	if err := names(d, &s.Origins); err != nil {
		return err
	}
	return wrapAt(d.Token(), checkOrigins(s.Origins))
}

// trailingDotsKept is the value of Handler.TrailingDots.
const trailingDotsKept = "keep"

func parseUpgrade(d *caddyfile.Dispenser, s *siteParser) error {
	if err := names(d, &s.Upgrade); err != nil {
		return err
	}
	return wrapAt(d.Token(), checkUpgrades(s.Upgrade))
}

func checkUpgrades(protocols []string) error {
	for _, p := range protocols {
		if err := scrub.CheckUpgrade(p); err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
	}
	return nil
}

var errOrigin = errors.New("an origin is a scheme and a host as browsers spell them, such as https://tools.example.com, with a port only if it is not the scheme's own")

// checkOrigins holds origins to the spelling in which browsers send them: they are compared byte for byte.
func checkOrigins(origins []string) error {
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("origins: %q: %w", o, errOrigin)
		}
		host, ok := scrub.Host(u.Host)
		if !ok || strings.Contains(host, "*") || origin(u.Scheme == "https", host, u.Host) != o {
			return fmt.Errorf("origins: %q: %w", o, errOrigin)
		}
	}
	return nil
}
