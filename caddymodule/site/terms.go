package site

import (
	"errors"
	"net/netip"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// streamTerms is a request that may go on after it was allowed: what holds for its session meanwhile (session.Terms).
type streamTerms struct {
	site      *Site
	sessions  *session.Manager
	ip        netip.Addr
	userAgent string
}

// App implements session.Terms.
func (o *streamTerms) App() string { return o.site.SignIn.App }

// IdleLimit implements session.Terms.
func (o *streamTerms) IdleLimit(who *session.Session) time.Duration {
	return o.site.SignIn.IdleLimit(who)
}

// EndedIdle implements session.Terms. What outlives a reload is told to the configuration that runs: the log of its own
// takes nothing more.
func (o *streamTerms) EndedIdle(who *session.Record, limit time.Duration) {
	service := o.site.Tenant.Current()
	if service == nil { // this configuration is about to stop
		service, _ = o.site.Tenant.Service()
	}
	if service != nil {
		service.EndedIdle(who, &o.site.SignIn, limit, o.ip.String(), o.userAgent)
	}
}

var errSessionOver = errors.New("the session that the answer was opened with is over")
