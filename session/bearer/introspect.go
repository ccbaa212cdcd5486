package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Introspection is how an issuer is asked about a token (RFC 7662).
type Introspection struct {
	// ClientID and ClientSecret authenticate the gateway there. The secret is called at each request, so that a rotated one
	// needs no reload.
	ClientID     string
	ClientSecret func() (string, error)
}

const (
	// activeLife is how long the answer counts that a token is good, inactiveLife the answer that it is not.
	activeLife   = time.Minute
	inactiveLife = 10 * time.Second
	// maxInactive limits the tokens that are known not to be good.
	maxInactive = 8192
	// maxAsking is how many tokens are asked about at the same time.
	maxAsking = 16
)

// errBusy: too many tokens are asked about at the moment.
var errBusy = errors.New("too many tokens are asked about")

// asking is the state of introspection: what is being asked, and what was answered with no.
type asking struct {
	mu       sync.Mutex
	calls    map[digest]*call
	inactive map[digest]time.Time // until when
}

// call is one request that is under way, for all clients that present the same token.
type call struct {
	done  chan struct{}
	token *Token
	err   error
}

func newAsking() asking {
	return asking{calls: map[digest]*call{}, inactive: map[digest]time.Time{}}
}

var errInactive = badToken(ReasonInactive, "the issuer says that the token is not good")

// introspected decides on a token that is no JWT. The issuer is asked once for all clients that present the same token at
// the same time.
func (v *Verifier) introspected(ctx context.Context, p Presented, from netip.Addr) (*Token, error) {
	now, a := v.Now(), &v.asking
	if wait, exceeded := v.Guesses.wrong.Exceeded(from, "", now); exceeded && !v.kept.has(p.hash) {
		return nil, tooMany(wait)
	}
	a.mu.Lock()
	if until, known := a.inactive[p.hash]; known && now.Before(until) {
		a.mu.Unlock()
		v.Guesses.wrong.Allow(from, "", now)
		return nil, errInactive
	}
	if t := v.kept.get(p.hash, now); t != nil { // since Verify looked
		a.mu.Unlock()
		return t, nil
	}
	c := a.calls[p.hash]
	if c == nil {
		if len(a.calls) >= maxAsking {
			a.mu.Unlock()
			return nil, errBusy
		}
		c = &call{done: make(chan struct{})}
		a.calls[p.hash] = c
		// A client that disconnects does not make the request of the others fail.
		go v.ask(context.WithoutCancel(ctx), p, c)
	}
	a.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if refused := (*Refused)(nil); errors.As(c.err, &refused) {
		v.Guesses.wrong.Allow(from, "", now)
	}
	return c.token, c.err
}

// ask asks about a token and ends the call.
func (v *Verifier) ask(ctx context.Context, p Presented, c *call) {
	c.token, c.err = v.introspect(ctx, p)
	if c.err == nil { // before the call ends, so that the next client with the token does not begin another one
		v.kept.put(p.hash, c.token, v.Now())
	}
	a := &v.asking
	a.mu.Lock()
	delete(a.calls, p.hash)
	if refused := (*Refused)(nil); errors.As(c.err, &refused) {
		now := v.Now()
		if len(a.inactive) >= maxInactive {
			maps.DeleteFunc(a.inactive, func(_ digest, until time.Time) bool { return !now.Before(until) })
		}
		if len(a.inactive) < maxInactive {
			a.inactive[p.hash] = now.Add(inactiveLife)
		}
	}
	a.mu.Unlock()
	close(c.done)
}

// introspect asks the first issuer about a token, and reads the answer as the claims of a JWT are read.
func (v *Verifier) introspect(ctx context.Context, p Presented) (*Token, error) {
	issuer := v.Issuers[0]
	body, err := v.Introspection.send(ctx, issuer, p.Token)
	if err != nil {
		return nil, fmt.Errorf("asking about a token: %w", err)
	}
	claims, err := claim.Parse(body)
	if err != nil || claims == nil {
		return nil, errors.New("asking about a token: the answer is no JSON object")
	}
	if string(claims["active"]) != "true" {
		return nil, errInactive
	}
	if raw, has := claims["iss"]; has {
		if iss, _ := claim.ParseString(raw); iss != issuer.ID {
			return nil, ErrForeign
		}
	}
	// token_type is that of RFC 6749, section 7.1: it tells an access token from a refresh token where the issuer writes it.
	kind, _ := claim.ParseString(claims["token_type"])
	if _, has := claims["token_type"]; has && !strings.EqualFold(kind, schemeBearer) && !strings.EqualFold(kind, schemeDPoP) && !strings.EqualFold(kind, "access_token") {
		return nil, badToken(ReasonKind, "the token is no access token (token_type)")
	}
	audience, ok := audienceOf(claims["aud"])
	if !ok || !v.isFor(audience) {
		return nil, badToken(ReasonAudience, "the token is for another audience (aud)")
	}
	s, refused := read(claims, v.Now(), true)
	if refused != nil {
		return nil, refused
	}
	if strings.EqualFold(kind, schemeDPoP) && s.thumbprint == "" {
		return nil, badToken(ReasonBound, "the token is bound to a key that its issuer does not name (cnf)")
	}
	nameUser(claims)
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	return v.token(ctx, p, issuer, s, claims, payload, activeLife)
}

// nameUser lets the member username of RFC 7662 name the user where the issuer has no preferred_username.
func nameUser(claims map[string]json.RawMessage) {
	const name = "preferred_username"
	if raw, has := claims["username"]; has && claims[name] == nil {
		claims[name] = raw
	}
}

// send sends one request and returns its body.
func (i *Introspection) send(ctx context.Context, issuer *Issuer, token string) ([]byte, error) {
	at, err := issuer.Introspection(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := i.ClientSecret()
	if err != nil {
		return nil, fmt.Errorf("client secret: %w", err)
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// RFC 6749, section 2.3.1: both are form-encoded first.
	req.SetBasicAuth(url.QueryEscape(i.ClientID), url.QueryEscape(secret))
	resp, err := issuer.Client.Do(req)
	if err != nil {
		return nil, oidc.Truncated(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}
