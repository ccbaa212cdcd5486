package signin

import (
	"context"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// revokedMeanwhile answers somebody whose sessions were ended while they signed in: at the provider, at the prompt, or
// between any two steps of ours. They may sign in anew; what they had begun is over.
func (s *finisher) revokedMeanwhile(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, who *session.Record, rec signinlog.Record) {
	rec.Code, rec.Detail = signinlog.GrantRevoked, "sessions were ended while the person signed in"
	s.logPerson(v, r, f, who, rec)
	s.problem(w, r, v, pages.Problem{Kind: pages.KindEnded, Code: int(signinlog.GrantRevoked), ActionURL: signInURL(f.Return), HomeURL: browser.Home})
}

// full answers where too many sign-ins wait for their answer. The person is signed in at the provider, so that the next
// try costs them a click.
func (s *finisher) full(w http.ResponseWriter, r *http.Request, v *Visit, f *flow) {
	if s.quiet(&s.crowded) {
		s.Logger.Error("too many sign-ins wait for an answer to \"Stay signed in?\", more are refused", zap.String("app", v.Site.App))
	}
	s.problem(w, r, v, pages.Problem{
		Kind: pages.KindTooMany, Code: int(signinlog.StoreUnavailable), Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, ActionURL: signInURL(f.Return),
	})
}

// endSurplus abandons what one person has left unanswered in too many browsers, the oldest first, and logs each once.
func (s *prompts) endSurplus(ctx context.Context, who session.Identity) {
	surplus, err := s.Sessions.Surplus(ctx, who)
	for _, p := range surplus {
		s.logAbandoned(p)
	}
	if err != nil {
		// They are abandoned all the same when their time is over.
		s.Logger.Warn("pending sign-ins of a person not bounded", zap.Error(err))
	}
}
