package bound

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/proof"
)

// refreshTime is the longest time for an answer: the browser holds every request of the user meanwhile.
const refreshTime = 4500 * time.Millisecond

// noteTime is how long the store may take to note that a challenge was answered.
const noteTime = time.Second

// A browser asks for a new short cookie before, or when, it needs one. What it is answered decides on its key: 403 makes
// it sign a new challenge, 5xx makes it try again later, and any other status of 400 and more, or `continue: false`, makes
// it throw the key away (measured in Chromium 156). There is therefore no other answer than these and 200.

// verdict is what a refresh is answered.
type verdict struct {
	// who gets a new cookie; nil if there is none.
	who *session.Record
	// over: the session has ended, or was never this browser's. refused: the proof is not good, and a new one may be.
	over, refused bool
	// err says why; for a failure, with neither over nor refused, it is that.
	err error
	// device is the key that the browser must prove, nil if it is not known. token is the request's. refusals is how many
	// refusals the browser knows of.
	device   *session.DeviceKey
	token    session.Token
	refusals uint8
}

// Refresh answers a browser that asks for a new short cookie. It is no use of the session: it moves no idle limit.
func (s *Binder) Refresh(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	result := make(chan verdict, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), refreshTime)
	defer cancel()
	go func() { result <- s.judge(r.WithContext(ctx), v) }()
	var d verdict
	select {
	case d = <-result:
	case <-ctx.Done():
		d.err = ctx.Err()
	}
	switch {
	case d.over:
		s.Logger.Info("bound session is over", zap.String("app", v.Site.App), zap.Error(d.err))
		write(w, http.StatusOK, ended{Identifier: named(r)})
	case d.refused:
		s.refuse(w, v, &d)
	case d.who == nil:
		s.Logger.Warn("bound session cannot be refreshed now", zap.String("app", v.Site.App), zap.Error(d.err))
		write(w, http.StatusServiceUnavailable, nil)
	default:
		s.attempts.accepted(d.token.ID)
		s.give(w, v, d.who, d.device)
	}
}

// refuse sends a new challenge. A browser that was refused three times in a row is told to try again later, because it
// would take one more refusal for the end of its session.
func (s *Binder) refuse(w http.ResponseWriter, v *access.Visit, d *verdict) {
	now := s.Now()
	count, ok := s.attempts.refuse(d.token.ID, d.refusals, now)
	s.Logger.Info("proof of a device refused", zap.String("session", d.token.ID.Short()), zap.String("app", v.Site.App),
		zap.Bool("later", !ok), zap.Error(d.err))
	status := http.StatusForbidden
	if !ok {
		status = http.StatusServiceUnavailable
	}
	s.challenge(w, v, d.device.Identifier, challenge{use: toRefresh, whom: d.device.KeyID(), made: now, ends: now.Add(challengeGrace), refusals: count})
	write(w, status, nil)
}

var (
	errUsed       = errors.New("challenge was answered before")
	errChallenge  = errors.New("not a challenge that may be answered now")
	errOther      = errors.New("the browser asks for another session")
	errNotBound   = errors.New("session is not bound")
	errElsewhere  = errors.New("a page of another origin asks")
	errNotEntered = errors.New("the user may no longer enter")
)

// judge decides on a refresh.
func (s *Binder) judge(r *http.Request, v *access.Visit) (d verdict) {
	began := s.Now()
	live, token, err := s.Handle(r, v)
	d.token = token
	if err != nil {
		return d.lost(err)
	}
	if token.Bound {
		if live, err = s.Confirmed(r, live, token); err != nil {
			return d.lost(err)
		}
	}
	who, err := live.Record()
	if err != nil {
		return d.lost(err)
	}
	d.device = who.Binding.Named(named(r))
	switch {
	case !live.Bound || !token.Bound:
		if s.Now().Before(who.Created.Add(offerLife)) { // its own registration may be under way, with the same identifier
			d.err = errNotBound
			return d
		}
		return d.ends(errNotBound)
	case d.device == nil || !s.usedAt(v, d.device.Place):
		return d.ends(errOther)
	case !sameOrigin(r, v, d.device.Place):
		d.refused, d.err = true, errElsewhere
		return d
	}
	if v.Host != s.SignInHostname { // there the user is no app's; each site asks its own rules
		if !s.Takes(v.Site, who) {
			return d.ends(access.ErrNotHere)
		}
		switch a := v.Site.Gate.Admit(v, who, access.Asked{}); {
		case a.Err != nil: // no reason to end a session
			d.err = a.Err
			return d
		case a.Refusal != nil && a.Demand == nil:
			return d.ends(errNotEntered)
		}
	}
	stored, err := s.prove(r, v, &d)
	if err != nil {
		d.refused, d.err = true, err
		return d
	}
	if stored { // ended meanwhile, or before and not known here: the cookie would be there again after the sign-out
		if _, err := s.Sessions.ReloadSince(r.Context(), token, began); access.NoSession(err) {
			return d.lost(err)
		}
	}
	d.who = who
	return d
}

// prove checks the proof of a refresh, and that nothing was given for its challenge before. stored: the store has noted
// that. If the store cannot be asked, what this process knows decides.
func (s *Binder) prove(r *http.Request, v *access.Visit, d *verdict) (stored bool, err error) {
	key, err := proof.ParseKey(d.device.Key)
	if err != nil {
		return false, err
	}
	given, err := proof.Refresh(r.Header.Values(proofHeader), key, v.Origin)
	if err != nil {
		return false, err
	}
	c, ok := s.openChallenge(v, given.Challenge)
	if ok && s.Now().Sub(c.made) < inARow {
		d.refusals = c.refusals
	}
	if !ok || !c.good(toRefresh, d.device.KeyID(), s.Now()) {
		return false, errChallenge
	}
	if !s.attempts.use(given.Challenge, c.ends, s.Now()) {
		return false, errUsed
	}
	ctx, cancel := context.WithTimeout(r.Context(), noteTime)
	defer cancel()
	err = s.Store.Create(ctx, session.Entry{
		Key: usedKey(given.Challenge), Value: []byte{1}, Expires: c.ends.Add(skew),
	})
	switch {
	case errors.Is(err, session.ErrConflict):
		return false, errUsed
	case err != nil:
		s.Sessions.NoteFailure(err)
		return false, nil // Handle has found the session, so this server may use what it knows
	}
	return true, nil
}

// usedAt reports whether a key of a place is proven at this host.
func (s *Binder) usedAt(v *access.Visit, place string) bool {
	return place == "" || place == v.Host || place == s.Binds.Place(v.Host) && v.Host == s.SignInHostname
}

// usedKey is where the store notes that a challenge was answered.
func usedKey(challenge string) session.Key { return session.HashKey("bu", challenge) }

// named is the session that a browser asks for. Chromium 156 sends the identifier as it is, the specification wants a
// string in quotes.
func named(r *http.Request) string {
	name := r.Header.Get(identifierHeader)
	if len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	if len(name) > maxIdentifier || strings.Trim(name, identifierLetters) != "" {
		return ""
	}
	return name
}

// An identifier of ours has only these letters, and no more of them.
const (
	identifierLetters = "!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	maxIdentifier     = 64
)

// ends is the verdict on a session that is over.
func (d verdict) ends(err error) verdict {
	d.over, d.err = true, err
	return d
}

// lost is the verdict if the session cannot be used. It is over only if that is certain: a cookie of an unknown key may be
// another replica's.
func (d verdict) lost(err error) verdict {
	d.over, d.err = access.NoSession(err) && !errors.Is(err, keyring.ErrUnknownKey), err
	return d
}
