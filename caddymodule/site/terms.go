package site

import (
	"errors"
	"net/netip"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// streamTerms are the conditions under which a running request keeps its session (session.Terms).
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

// EndedIdle implements session.Terms. It reports to the running configuration, because a stream can outlive a reload
// and the log of its own configuration is then closed.
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
