package site

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
)

// streamTerms are the conditions under which a running request keeps its session (session.Terms).
type streamTerms struct {
	site      *Site
	sessions  *session.Manager
	ip        netip.Addr
	userAgent string
}

func (p *request) terms(h *Site, r *http.Request) streamTerms {
	return streamTerms{site: h, sessions: p.sessions, ip: p.visit.IP, userAgent: r.UserAgent()}
}

// answerTerms are those of a request that may be of a program.
type answerTerms struct {
	streamTerms
	token *bearer.Token // nil for a session
	// open: the answer can stay open, so it ends with its token. Any other request was decided on when it came: a long push
	// finishes, within finishing, unless its token is revoked.
	open bool
}

// finishing is how long a request that began with a good token may go on after the token has ended.
const finishing = time.Hour

// still returns an error that is session.ErrNotFound or session.ErrExpired if the request must end.
func (o *answerTerms) still(ctx context.Context, who session.ID, now time.Time) error {
	switch {
	case o.token == nil:
		return o.sessions.Still(ctx, who, o)
	case !now.Before(o.token.Expires) && (o.open || !now.Before(o.token.Expires.Add(finishing))):
		return session.ErrExpired
	case o.site.Programs.Revoked(ctx, o.token):
		return session.ErrNotFound
	case errors.Is(o.sessions.Stands(ctx, o.token.Session, o.App()), session.ErrRevoked):
		return session.ErrNotFound
	}
	return nil
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
