package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

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

// Check refuses limits outside of the bounds. Nil means the defaults.
func (l *RateLimit) Check() error {
	switch {
	case l == nil:
		return nil
	case l.Off && (l.Requests != 0 || l.Per != 0):
		return errors.New("off stands alone")
	case l.Requests < 0 || l.Requests > maxRateRequests:
		return fmt.Errorf("%d is no number of requests from 1 to %d", l.Requests, maxRateRequests)
	case l.Per != 0:
		return CheckDuration(time.Duration(l.Per), maxRatePer)
	}
	return nil
}

// Rate is the limit with its defaults. The zero Rate is no limit.
func (l *RateLimit) Rate() ratelimit.Rate {
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
