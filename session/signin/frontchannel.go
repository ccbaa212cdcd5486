package signin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// frontchannel is where a provider's sign-out page says, in a frame in the person's browser, that they have signed out
// there (OpenID Connect Front-Channel Logout 1.0). It ends the session of this browser if issuer and sid are that
// session's, and nothing else, ever (A43): the address is no secret and carries no proof, so that without the cookie it
// would end other people's sessions for whoever has seen a sid.
//
// Browsers send our SameSite=Lax cookie into a frame only where provider and site are of one registrable domain. From
// anywhere else the request comes without it, and nothing happens; that is what the back channel is for. The answer is
// the same either way, so that it tells nothing about who is signed in.
func (s *signOutEndpoints) frontchannel(w http.ResponseWriter, r *http.Request, v *Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "iss", "sid")
	p := s.byIssuer(q["iss"])
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "+frames(p))
	h.Set("Content-Type", "text/html; charset=utf-8")
	if !ok || p == nil || q["sid"] == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	have, _, err := s.Record(r, v)
	switch {
	case err == nil && have.Identity.Issuer == p.Issuer && have.ProviderSession == q["sid"]:
		ctx, cancel := detach(r, storeTimeout)
		defer cancel()
		if err = s.Sessions.End(ctx, have); err != nil {
			break
		}
		s.endCookie(w, v)
		s.Logger.Info("signed out by the provider in the browser", zap.String("provider", p.Name),
			zap.String("session", have.ID.Short()), zap.String("app", v.Site.App))
		data := told(have)
		data["by"] = ByFrame
		s.notify(EventRevoked, data)
	case err == nil:
		why := "the browser's session is of another sid than the provider names"
		switch {
		case have.Identity.Issuer != p.Issuer:
			why = "the browser's session is of another provider"
		case have.ProviderSession == "":
			why = "the browser's session has no sid: the provider named none in its ID token"
		}
		s.endedNothing(p, v, why)
	case NoSession(err):
		err = nil
		s.endedNothing(p, v, "the request came without a session: browsers send no cookie into a frame of another site")
	}
	if err != nil {
		s.Logger.Error("session store cannot be asked", zap.String("app", v.Site.App), zap.Error(err))
		h.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// endedNothing tells that a front-channel logout has ended nothing, which its answer does not: once a minute for each
// reason, as anybody can ask for it.
func (s *signOutEndpoints) endedNothing(p *Provider, v *Visit, why string) {
	once, _ := s.saidNothing.LoadOrStore(p.Name+" "+why, new(retry.Seldom))
	if once.(*retry.Seldom).Now(s.Now(), time.Minute) {
		s.Logger.Warn("front-channel logout ended nothing", zap.String("provider", p.Name), zap.String("app", v.Site.App),
			zap.String("reason", why))
	}
}

// byIssuer returns the first provider of an issuer, nil if there is none.
func (s *environment) byIssuer(issuer string) *Provider {
	for _, p := range s.Providers {
		if p.Issuer == issuer {
			return p
		}
	}
	return nil
}

// frames lists the origins on which a provider shows its pages, for frame-ancestors: that of its issuer, and those of its
// authorization and end_session endpoints. Nothing for nil.
func frames(p *Provider) string {
	if p == nil {
		return "'none'"
	}
	urls := []string{p.Issuer}
	if m := p.Known(); m != nil {
		urls = append(urls, m.AuthorizationEndpoint, m.EndSessionEndpoint)
	}
	var origins []string
	for _, raw := range urls {
		if o := pages.Origin(raw); o != "" && !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	if len(origins) == 0 {
		return "'none'"
	}
	return strings.Join(origins, " ")
}
