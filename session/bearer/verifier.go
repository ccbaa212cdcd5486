package bearer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Config says which tokens a site accepts. With Issuers, Audience and Vet are required.
type Config struct {
	// Own are the tokens that Latchkey issues. Nil: they are not accepted.
	Own *Own
	// Issuers are the issuers whose tokens are accepted.
	Issuers []*Issuer
	// Audience are the names of the site at its issuers: a token must be for one of them.
	Audience []string
	// Scopes are the scopes that a token must have, all of them.
	Scopes []string
	// Clients are the clients whose tokens are accepted. Empty: those of all clients.
	Clients []string
	// AnyType accepts tokens of issuers that do not write the type at+jwt.
	AnyType bool
	// Introspection asks the first issuer about tokens that are no JWT. Nil: such tokens are refused.
	Introspection *Introspection
	// Vet returns what was reported about a user since a token was issued, or session.ErrRevoked: see session.Manager.Vet.
	Vet func(context.Context, *session.Record) (session.Signalled, error)
	// Use takes a proof of a key for all replicas, until a time. It returns session.ErrConflict if another one has taken it.
	// Nil: used proofs are remembered by this process alone.
	Use func(ctx context.Context, proof session.Key, until time.Time) error
	// Guesses are the addresses that send wrong tokens, for all sites that share it. Nil: this site has one of its own.
	Guesses *Guesses
	// OnGuesses is called when the new tokens of an address wait for their check because it sends wrong ones, once a minute for
	// an address, and for few addresses. It must not block. It may be nil.
	OnGuesses func(from netip.Addr)
	// OnToken is called with "verified", or the reason why a token was refused, whenever one was verified. It must not block.
	// It may be nil.
	OnToken func(result string)
	Now     func() time.Time
}

// ResultVerified is the result of a token that was verified.
const ResultVerified = "verified"

// Verifier decides on the tokens of one site. It is safe for concurrent use.
type Verifier struct {
	Config
	kept    kept
	replays replays
	asking  asking
	// unknown are tokens of Latchkey that do not exist, forged others that their issuer has not signed.
	unknown, forged unknown
}

// New returns a verifier.
func New(c Config) *Verifier {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnToken == nil {
		c.OnToken = func(string) {}
	}
	if c.OnGuesses == nil {
		c.OnGuesses = func(netip.Addr) {}
	}
	if c.Guesses == nil {
		c.Guesses = NewGuesses()
	}
	return &Verifier{Config: c, asking: newAsking()}
}

// Ours reports whether a request presents a token of an issuer that the site accepts. That is what the token says; nothing
// is verified. Any other credential may be meant for the application.
func (v *Verifier) Ours(p Presented) bool {
	if p.own {
		return true // of whichever app: no other is to get it
	}
	if p.Token == "" {
		return false
	}
	if v.kept.get(p.hash, v.Now()) != nil {
		return true
	}
	_, payload, _, err := jwks.Split(p.Token)
	if err != nil {
		return false
	}
	claims, err := claim.Parse(payload)
	return err == nil && v.issuer(claims) != nil
}

func (v *Verifier) issuer(claims map[string]json.RawMessage) *Issuer {
	iss, ok := claim.ParseString(claims["iss"])
	if !ok {
		return nil
	}
	for _, one := range v.Issuers {
		if one.ID == iss {
			return one
		}
	}
	return nil
}

// Verify decides on the token that a request presents. from is the address of the client. A refusal is a *Refused. Any other
// error says nothing about the token, for instance if its issuer cannot be reached.
//
// It does not check whether the client has the key of the token: see Prove. Nor does it check whether something ended the
// token since it was verified: see session.Manager.Stands. A token that lacks a scope is refused by CheckScope, because a
// program must be told about the rest first.
func (v *Verifier) Verify(ctx context.Context, p Presented, from netip.Addr) (*Token, error) {
	now := v.Now()
	old := v.kept.get(p.hash, now)
	if old != nil && (!p.own || v.Own.fresh(old)) {
		return old, nil
	}
	if p.Token == "" && !p.own {
		return nil, ErrMalformed
	}
	t, err := v.verify(ctx, p, from, old)
	if t != nil && t == old {
		return t, err
	}
	if err == nil {
		v.kept.put(p.hash, t, now)
		if old == nil {
			v.OnToken(ResultVerified)
		}
	} else if refused, ok := errors.AsType[*Refused](err); ok {
		v.kept.drop(p.hash)
		v.OnToken(refused.Reason)
	} else {
		v.OnToken(ReasonUnverifiable)
	}
	return t, err
}

// verify decides on a token that must be verified, again if it is old. It returns old if that is still what is known of it.
func (v *Verifier) verify(ctx context.Context, p Presented, from netip.Addr, old *Token) (*Token, error) {
	if p.own { // which no issuer gets to see
		return v.verifyOwn(ctx, p, from, old)
	}
	if !jwks.HasParts(p.Token) {
		return v.opaque(ctx, p, from)
	}
	if v.forged.has(p.hash, v.Now()) {
		return nil, v.wrong(from, errForged)
	}
	guesses, refused := v.next(p, &signed, from)
	if refused != nil {
		return nil, refused
	}
	header, payload, _, err := jwks.Split(p.Token)
	if err != nil {
		return v.opaque(ctx, p, from)
	}
	claims, err := claim.Parse(payload)
	if err != nil || claims == nil {
		return nil, badToken(ReasonMalformed, "the token has unreadable claims")
	}
	issuer := v.issuer(claims)
	if issuer == nil {
		return nil, ErrForeign
	}
	if refused := checkHeader(header, v.AnyType); refused != nil {
		return nil, refused
	}
	audience, ok := audienceOf(claims["aud"])
	if !ok || !v.isFor(audience) {
		return nil, badToken(ReasonAudience, "the token is for another audience (aud)")
	}
	if v.AnyType {
		if refused := checkKind(claims, audience, issuer.Clients); refused != nil {
			return nil, refused
		}
	}
	s, refused := read(claims, v.Now(), false)
	if refused != nil {
		return nil, refused
	}
	if err := v.checkSignature(ctx, p, issuer, payload, from, guesses); err != nil {
		return nil, err
	}
	return v.token(ctx, p, issuer, s, claims, payload, keptLife)
}

// opaque decides on a token that is no JWT.
func (v *Verifier) opaque(ctx context.Context, p Presented, from netip.Addr) (*Token, error) {
	if v.Introspection == nil {
		return nil, ErrForeign
	}
	return v.introspected(ctx, p, from)
}

// next refuses most of what was never good of an address that guesses: before any of it is read or looked up, so that it costs little
// more than the answer.
func (v *Verifier) next(p Presented, kind *levels, from netip.Addr) (guesses bool, _ *Refused) {
	now := v.Now()
	if _, guesses = v.Guesses.wrong.Exceeded(from, "", now); !guesses || v.kept.has(p.hash) {
		return false, nil
	}
	refused := v.Guesses.turn(p.hash, kind, from, now)
	if refused != nil && v.Guesses.notice(from, now) {
		v.OnGuesses(from)
	}
	return true, refused
}

// checkSignature returns nil if a token is signed by its issuer. Addresses that guess give way to all others.
func (v *Verifier) checkSignature(ctx context.Context, p Presented, issuer *Issuer, payload []byte, from netip.Addr, guesses bool) error {
	if guesses {
		if err := v.Guesses.slow.enter(ctx); err != nil {
			return err
		}
		defer v.Guesses.slow.leave()
	}
	verified, err := issuer.Keys.VerifySignature(ctx, p.Token)
	if errors.Is(err, jwks.ErrAway) || err != nil && ctx.Err() != nil {
		return err
	}
	if guesses {
		v.Guesses.turns.forget(p.hash)
	}
	if err != nil || !bytes.Equal(verified, payload) {
		v.forged.add(p.hash, v.Now())
		return v.wrong(from, errForged)
	}
	return nil
}

// isFor reports whether one of the audiences is ours. A token may be for several.
func (v *Verifier) isFor(audience []string) bool {
	return slices.ContainsFunc(audience, func(aud string) bool { return slices.Contains(v.Audience, aud) })
}

// token returns what a token says whose claims are genuine. life is for how long that is used at most.
func (v *Verifier) token(ctx context.Context, p Presented, issuer *Issuer, s said, claims map[string]json.RawMessage, payload []byte, life time.Duration) (*Token, error) {
	if len(v.Clients) > 0 && !slices.Contains(v.Clients, s.client) {
		return nil, errClient
	}
	now := v.Now()
	if s.issued.IsZero() { // the issuer does not say it, and has just said that it is good
		s.issued = now
	}
	who := &session.Record{
		ID: session.ID(p.hash[:len(session.ID{})]), Kind: session.Browser, Provider: issuer.Provider.Name,
		Identity: session.Identity{Issuer: issuer.ID, Subject: s.subject},
		Created:  s.issued, Began: s.issued, LastUsed: now, GroupsAsOf: s.issued, Claims: payload,
	}
	oidc.AccessTokens{Provider: issuer.Provider}.Read(who, claim.Set{claims})
	if who.AuthTime.After(now.Add(clockSkew)) {
		return nil, badToken(ReasonNotYet, "the user authenticated in the future (auth_time): compare the clocks")
	}
	reported, err := v.Vet(ctx, who)
	if errors.Is(err, session.ErrRevoked) {
		return nil, ErrRevoked
	} else if err != nil {
		return nil, err
	}
	who.Signalled = reported
	live, err := who.Unstored()
	if err != nil {
		return nil, badToken(ReasonClaims, "the token has claims that cannot be kept")
	}
	until := now.Add(life)
	if s.expires.IsZero() {
		s.expires = now.Add(longestUnsaid)
	}
	if s.expires.Before(until) {
		until = s.expires
	}
	lacks := slices.ContainsFunc(v.Scopes, func(scope string) bool { return !slices.Contains(s.scopes, scope) })
	return &Token{Session: live, Client: s.client, Expires: s.expires, thumbprint: s.thumbprint, lacksScope: lacks, until: until}, nil
}

// longestUnsaid is how long a stream goes on that was opened with a token whose end its issuer does not say.
const longestUnsaid = time.Hour

// CheckScope refuses a token that lacks a scope.
func (t *Token) CheckScope() *Refused {
	if t.lacksScope {
		return errScope
	}
	return nil
}
