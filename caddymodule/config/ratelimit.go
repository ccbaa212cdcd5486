package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// RateLimit limits how many requests one client address may send to each expensive sign-in endpoint without proving whose
// they are. A request that a user has sent, because the provider or a session says so, counts at that user instead, who may
// send a twentieth as many, at least four. To `/.latchkey/sign-in`, which only sends a browser to a provider, an address may
// send twenty times as many. The address is Caddy's `client_ip`. IPv6 addresses in the same /64 count as one.
type RateLimit struct {
	// How many requests are allowed at once, and then in each period. Default: 1200. At most 1000000.
	Requests int `json:"requests,omitempty"`

	// The period. Default: 1 minute; at most a day.
	Per caddy.Duration `json:"per,omitempty"`

	// No limit. Use this if a proxy in front of this server already limits requests.
	Off bool `json:"off,omitempty"`
}

// defaultRate limits what comes to nothing. Any number of users behind one address can sign in, as long as no more than 1200
// of their requests wait at once for a provider. One address that floods can use about 3% of a core.
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
