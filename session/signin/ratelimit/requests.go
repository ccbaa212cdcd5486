package ratelimit

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	// starts is how many times as often as other endpoints one may be asked that only sends a browser to a provider: it
	// costs about a twentieth, and nothing can show yet whose request it is.
	starts = 20
	// userShare is which part of what an address may ask for one user may ask for beside it, userLeast how often at least:
	// a sign-in asks the prompt twice.
	userShare = 20
	userLeast = 4
)

// Requests limits the requests to endpoints of sign-in. A request counts at its address until it has proven whose it is;
// then it counts at the user instead. So an address can send as many users as there are behind it, and few requests that
// come to nothing; and a user who signs in again and again is limited like the others at the address. It is safe for
// concurrent use; a nil one limits nothing.
type Requests struct {
	addresses, starts, users *Limiter
}

// NewRequests returns the limits of which an address has so many for each endpoint; nil if the rate means no limit.
func NewRequests(r Rate) *Requests {
	if !r.limited() {
		return nil
	}
	return &Requests{
		addresses: New(r),
		starts:    New(Rate{N: starts * r.N, Per: r.Per}),
		users:     New(Rate{N: max(userLeast, r.N/userShare), Per: r.Per}),
	}
}

// Begin counts a request at its address. If there were too many, ok is false, nothing is counted, and wait is the time
// until the next one is allowed. start says that the endpoint only sends a browser to a provider.
func (q *Requests) Begin(client netip.Addr, endpoint string, start bool, now time.Time) (wait time.Duration, ok bool) {
	if q == nil {
		return 0, true
	}
	return q.at(start).Allow(client, endpoint, now)
}

// Proven counts a request, which Begin has counted at its address, at its user instead. If there were too many of the user,
// nothing changes.
func (q *Requests) Proven(client netip.Addr, endpoint string, start bool, issuer, subject string, now time.Time) {
	if q == nil {
		return
	}
	key := maphash.Comparable(q.users.seed, [3]string{endpoint, issuer, subject})
	if _, ok := q.users.allow(key, now); ok {
		q.at(start).GiveBack(client, endpoint)
	}
}

func (q *Requests) at(start bool) *Limiter {
	if start {
		return q.starts
	}
	return q.addresses
}
