package caddymodule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// RateLimit is how often one address may ask for each endpoint of sign-in that costs something. The address is Caddy's
// `client_ip`; IPv6 addresses of one /64 count as one.
type RateLimit struct {
	// How many requests at once, and then how many in each period. Default: 1200. At most 1000000.
	Requests int `json:"requests,omitempty"`

	// The period. Default: 1 minute; at most a day.
	Per caddy.Duration `json:"per,omitempty"`

	// No limit: something in front of this server has one.
	Off bool `json:"off,omitempty"`
}

// defaultRate lets an office of thousands behind one address sign in: a sign-in takes three or four requests, one for
// each endpoint, so 1200 people can do so at once and 20 in each second after that. One address then costs at most some
// three hundredths of a core.
var defaultRate = ratelimit.Rate{N: 1200, Per: time.Minute}

const (
	maxRateRequests = 1_000_000
	maxRatePer      = 24 * time.Hour
)

func (l *RateLimit) check() error {
	switch {
	case l == nil:
		return nil
	case l.Off && (l.Requests != 0 || l.Per != 0):
		return errors.New("off stands alone")
	case l.Requests < 0 || l.Requests > maxRateRequests:
		return fmt.Errorf("%d is no number of requests from 1 to %d", l.Requests, maxRateRequests)
	case l.Per != 0:
		return checkDuration(time.Duration(l.Per), maxRatePer)
	}
	return nil
}

func (l *RateLimit) rate() ratelimit.Rate {
	rate := defaultRate
	switch {
	case l == nil:
		return rate
	case l.Off:
		return ratelimit.Rate{}
	}
	if l.Requests != 0 {
		rate.N = l.Requests
	}
	if l.Per != 0 {
		rate.Per = time.Duration(l.Per)
	}
	return rate
}

// parseRateLimit reads
//
//	rate_limit <number>/<duration>|off
func parseRateLimit(d *caddyfile.Dispenser, a *AppConfig) error {
	text, err := one(d)
	if err != nil {
		return err
	}
	a.RateLimit = &RateLimit{Off: text == "off"}
	if a.RateLimit.Off {
		return nil
	}
	number, period, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return d.Errf("rate_limit: %q is neither off nor a number and a duration such as 1200/1m", text)
	}
	if n == 0 {
		return d.Errf("rate_limit: with 0 requests nobody could sign in; off means no limit")
	}
	per, err := parseDuration(period)
	if err != nil {
		return d.Errf("rate_limit: %w", err)
	}
	if per == 0 {
		return d.Errf("rate_limit: the duration must be more than 0")
	}
	a.RateLimit.Requests, a.RateLimit.Per = n, caddy.Duration(per)
	if err := a.RateLimit.check(); err != nil {
		return d.Errf("rate_limit: %w", err)
	}
	return nil
}
