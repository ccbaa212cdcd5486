package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const (
	// crossOrigin is why a request of a page of another origin is refused.
	crossOrigin = "cross_origin"
	// preflight is the decision on a CORS preflight that is passed on.
	preflight = "preflight"
)

// foreign reports whether a page of another origin sends a request that is only for pages of the site (A23).
func (h *Handler) foreign(r *http.Request, own string) bool {
	return crossorigin.Upgrade(r, own, h.Origins) || crossorigin.Write(r, own, h.Origins, h.Cors)
}

// refuseForeign answers a request that is foreign.
func (h *Handler) refuseForeign(service *signin.Service, w http.ResponseWriter, r *http.Request, v *signin.Visit) {
	decided(r, crossOrigin)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.String("latchkey_reason", crossOrigin))
	}
	v.RequestID = requestID(r)
	service.Refuse(w, r, v, nil, &signin.Refusal{Reason: crossOrigin})
}

// preflight passes a CORS preflight on without identity, unless the policies refuse a client whom no sign-in could help.
// No session is looked at: a preflight has no cookies.
func (h *Handler) preflight(service *signin.Service, w http.ResponseWriter, r *http.Request, v *signin.Visit, next caddyhttp.Handler) error {
	crossorigin.Strip(r)
	decision := h.rt.policies.Evaluate(h.request(r, v, nil, nil))
	if decision.Verdict != policy.SignIn {
		return h.refuse(service, h.readableAnswer(w, r), r, v, nil, &decision)
	}
	decided(r, preflight)
	return next.ServeHTTP(w, r)
}

// readableAnswer is the writer for answers of the gateway itself: scripts of `cors` origins can read them. Pages are for
// users; no script of another origin reads one.
func (h *Handler) readableAnswer(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if len(h.Cors) == 0 || browser.Classify(r) != browser.NotNavigation {
		return w
	}
	return crossorigin.Readable(w, r, h.Cors)
}

func parseOrigins(d *caddyfile.Dispenser, s *siteParser) error {
	if err := names(d, &s.Origins); err != nil {
		return err
	}
	return wrapAt(d.Token(), checkOrigins("origins", s.Origins))
}

func parseCors(d *caddyfile.Dispenser, s *siteParser) error {
	if err := names(d, &s.Cors); err != nil {
		return err
	}
	return wrapAt(d.Token(), checkOrigins("cors", s.Cors))
}

func checkOrigins(word string, origins []string) error {
	for _, o := range origins {
		if err := crossorigin.Check(o); err != nil {
			return fmt.Errorf("%s: %q: %w", word, o, err)
		}
	}
	return nil
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
