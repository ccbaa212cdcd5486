package bound

import (
	"cmp"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/proof"
)

const (
	proofHeader      = "Secure-Session-Response"
	identifierHeader = "Sec-Secure-Session-Id"
)

// sameOrigin reports whether a browser sends the request on behalf of a page of this origin, as it does for its own
// requests about bound sessions. Clients that say nothing are no browser that could be misled. For a session of all hosts
// of a site Chromium names the origin of the site.
func sameOrigin(r *http.Request, v *access.Visit, place string) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if whole := access.SiteOf(place); whole != "" && site == "same-site" {
		return origin == siteOrigin(v.Origin, v.Host, whole)
	}
	return (site == "" || site == "same-origin") && (origin == "" || origin == v.Origin)
}

// Register answers the registration of a key. The session is the one of the authorization: after a sign-in without a
// question the browser does not send the session cookie that it has just got. The session cookie is sent again, in the
// form of a bound session, and the session counts as bound once the browser shows it. If this answer is lost, the session
// stays as it is.
func (s *Binder) Register(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	given, err := proof.Register(r.Header.Values(proofHeader), v.Origin)
	place := s.Binds.Place(v.Host)
	if err != nil || !sameOrigin(r, v, place) {
		s.unregistered(w, v, errors.Join(err, errNotRegistered))
		return
	}
	// Chromium 156 puts the authorization into the proof, the specification into a header of its own.
	a, ok := s.openAuthorization(v, cmp.Or(given.Authorization, r.Header.Get("Authorization")))
	c, known := s.openChallenge(v, given.Challenge)
	if !ok || !known || !c.good(toRegister, a.token.ID, s.Now()) {
		s.unregistered(w, v, errNotRegistered)
		return
	}
	who, err := s.register(r, v, &a, place, given.Key)
	switch {
	case err == nil:
		s.Logger.Info("device key registered", zap.String("session", who.ID.Short()), zap.String("app", v.Site.App),
			zap.String("algorithm", given.Key.Algorithm()))
		s.GiveHandle(w, v, who.Raised(s.Now()), a.token)
		s.give(w, v, who, who.Binding.At(place))
	case access.NoSession(err) || errors.Is(err, session.ErrBound) || errors.Is(err, errNotRegistered):
		s.unregistered(w, v, err)
	default:
		s.Logger.Warn("device key not registered", zap.String("session", a.token.ID.Short()), zap.String("app", v.Site.App), zap.Error(err))
		write(w, http.StatusServiceUnavailable, nil)
	}
}

// errNotRegistered: the request is not one that an offer of ours has caused.
var errNotRegistered = errors.New("not the registration that was offered")

// register gives a session the key. The browser has no say in which session that is.
func (s *Binder) register(r *http.Request, v *access.Visit, a *authorization, place string, key proof.Key) (*session.Record, error) {
	live, err := s.Sessions.Reload(r.Context(), a.token)
	if err != nil {
		return nil, err
	}
	if !s.Sessions.Admits(live, v.Site.App) || live.Kind == session.Browser && !s.Binds.All {
		return nil, errNotRegistered
	}
	who, err := live.Record()
	if err != nil {
		return nil, err
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	return s.Sessions.Bind(ctx, who.ID, session.DeviceKey{
		Place: place, Identifier: identifier(place, who), Key: key.Bytes(), Algorithm: key.Algorithm(),
	}, a.replaces)
}

// unregistered refuses a registration. The browser then does without, and the session stays as it is.
func (s *Binder) unregistered(w http.ResponseWriter, v *access.Visit, err error) {
	s.Logger.Info("registration of a device key refused", zap.String("app", v.Site.App), zap.Error(err))
	write(w, http.StatusForbidden, nil)
}
