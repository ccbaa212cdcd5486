package renew

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// tokenPause is the pause after a renewal that has brought no access token, though a site forwards it.
const tokenPause = time.Minute

// errNoToken: a renewal, as far as it was tried, brings no access token.
var errNoToken = errors.New("renewal brings no access token")

// RenewToken requests another access token for a session, with its refresh token: by one replica, and once for all requests
// that ask at the same time. The claims are renewed with it. If the token is needed for this request, RenewToken waits and
// returns the session as it is then, else it returns at once. The error is ErrProviderDown, that the session has ended
// (Over), or any other if this session gets no token now.
func (s *Renewer) RenewToken(r *http.Request, who *session.Session, token session.Token, urgent bool) (*session.Session, error) {
	p, now := s.ByName[who.Provider()], s.Now()
	if p == nil || !who.Renewable {
		return who, errNoToken
	}
	if held, paused := s.backoffs.of(who.ID, now); paused {
		if held.down && !p.AnsweredSince(held.at) {
			return who, oidc.ErrProviderDown
		}
		return who, errNoToken
	}
	if now.UnixMilli() < s.renewals[p.Name].after.Load() {
		return who, oidc.ErrProviderDown
	}
	run := s.startRenewal(r, p, who, token, need{urgent: urgent, token: true})
	switch {
	case !urgent:
		return who, nil
	case !run.await(p, s.renewals[p.Name]):
		return who, oidc.ErrProviderDown
	case run.err == nil:
		return run.fresh, nil
	case access.Over(run.err):
		return nil, run.err
	case s.downFor(p, who.ID):
		return who, oidc.ErrProviderDown
	}
	return who, errNoToken
}
