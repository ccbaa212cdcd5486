package signals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

const (
	// MaxToken is the longest token that is read. An event is well under 4 KiB.
	MaxToken = 64 << 10
	// maxTokenID limits the claim jti, for which the specifications set no limit.
	maxTokenID = 1024
	// clockSkew is how far the transmitter's clock may be ahead of ours. An event is never taken to have happened later
	// than now, so the tolerance ends no session that began after the event.
	clockSkew = 5 * time.Minute
)

// ErrUnknownKey: the key of a token is not known, and the keys cannot be fetched again yet. Anyone can cause this.
var ErrUnknownKey = errors.New("the key of the token is not known yet")

// Keys verifies signatures with the keys of a transmitter. It is implemented by jwks.Set.
type Keys interface {
	VerifySignature(ctx context.Context, token string) (payload []byte, err error)
}

// Transmitter is the party that sends events, as the configuration names it.
type Transmitter struct {
	// Issuer is compared byte for byte with the token.
	Issuer string
	// Audience are our names at the transmitter: a token must be for one of them.
	Audience []string
	Keys     Keys
	Now      func() time.Time
}

// Token is a verified security event token.
type Token struct {
	// ID is unique among the tokens of the transmitter.
	ID     string
	Issued time.Time
	// Happened is when the event happened: event_timestamp or toe, else when the token was issued. It is never later than
	// Issued, but for fractions of a second, nor than now.
	Happened time.Time
	Event    Event
	// Subject is whom or what the event is about. It names nothing in a message about the stream itself.
	Subject Subject
}

// Verify checks a security event token (RFC 8417; Shared Signals Framework 1.0, section 4). Checks that need no key come
// first. A refusal is a *Refused. Any other error says nothing about the token, for instance if the keys cannot be
// fetched; the transmitter should send it again.
//
// Verify does not check whether the token was received before.
func (t *Transmitter) Verify(ctx context.Context, raw string) (*Token, error) {
	if len(raw) > MaxToken {
		return nil, malformed("the token is too long")
	}
	claims, payload, err := t.open(raw, eventType)
	if err != nil {
		return nil, err
	}
	token, err := t.read(claims)
	if err != nil {
		return nil, err
	}
	if err := t.signed(ctx, raw, payload); err != nil {
		return nil, err
	}
	return token, nil
}

// eventType is the type of a security event token.
const eventType = "secevent+jwt"

// open reads a token that must have a type, our issuer and one of our audiences. It does not check the signature.
func (t *Transmitter) open(raw, typ string) (claims map[string]json.RawMessage, payload []byte, err error) {
	header, payload, _, err := jwks.Split(raw)
	if err != nil {
		return nil, nil, malformed("the token is not a signed token")
	}
	if err := checkHeader(header, typ); err != nil {
		return nil, nil, err
	}
	claims, err = claim.Parse(payload)
	if err != nil || claims == nil {
		return nil, nil, malformed("the token has unreadable claims")
	}
	if iss, ok := claim.ParseString(claims["iss"]); !ok || iss != t.Issuer {
		return nil, nil, refuse(InvalidIssuer, "the token is of another issuer (iss)")
	}
	if !t.isFor(claims["aud"]) {
		return nil, nil, refuse(InvalidAudience, "the token is not for this receiver (aud)")
	}
	return claims, payload, nil
}

// signed checks the signature of a token that was read.
func (t *Transmitter) signed(ctx context.Context, raw string, payload []byte) error {
	verified, err := t.Keys.VerifySignature(ctx, raw)
	switch {
	case errors.Is(err, jwks.ErrAway), err != nil && ctx.Err() != nil:
		return err
	case errors.Is(err, jwks.ErrOld) && !errors.Is(err, jwks.ErrMisfit):
		// The transmitter may have a new key. A refusal would be final, and the event lost.
		return fmt.Errorf("%w: %w", ErrUnknownKey, err)
	case err != nil || !bytes.Equal(verified, payload):
		return refuse(InvalidKey, "the token is not signed by the transmitter")
	}
	return nil
}

// checkHeader demands the type of a token, so that no other token of the same issuer, such as an ID token or a logout
// token, is taken for one (RFC 8417, section 2.3; Shared Signals Framework, section 4.1.1; RFC 8725, section 3.11).
func checkHeader(raw []byte, want string) error {
	header, err := claim.Parse(raw)
	if err != nil || header == nil {
		return malformed("the token has an unreadable header")
	}
	if header["crit"] != nil {
		return malformed("the token demands an extension (crit) that is not understood")
	}
	typ, _ := claim.ParseString(header["typ"])
	if typ = strings.ToLower(typ); strings.TrimPrefix(typ, "application/") != want {
		return malformed("the token is not of the type " + want + " (typ)")
	}
	alg, _ := claim.ParseString(header["alg"])
	for _, accepted := range jwks.Algorithms {
		if alg == string(accepted) {
			return nil
		}
	}
	return refuse(InvalidKey, "the token is signed by an algorithm that is not accepted (alg)")
}

// isFor reports whether one of the audiences is ours. A token may be for several receivers.
func (t *Transmitter) isFor(raw json.RawMessage) bool {
	one, ok := claim.ParseString(raw)
	auds := []string{one}
	if !ok {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return false
		}
		auds = auds[:0]
		for _, raw := range list {
			aud, ok := claim.ParseString(raw)
			if !ok {
				return false
			}
			auds = append(auds, aud)
		}
	}
	return slices.ContainsFunc(auds, func(aud string) bool { return slices.Contains(t.Audience, aud) })
}

func (t *Transmitter) read(claims map[string]json.RawMessage) (*Token, error) {
	// Their absence is what distinguishes an event from an ID token or access token (Shared Signals Framework, 4.1.2).
	for _, name := range []string{"sub", "exp", "nonce"} {
		if _, has := claims[name]; has {
			return nil, malformed("the token has a claim that no security event token has (" + name + ")")
		}
	}
	token := &Token{}
	var ok bool
	if token.ID, ok = claim.ParseString(claims["jti"]); !ok || token.ID == "" || len(token.ID) > maxTokenID {
		return nil, malformed("the token has no usable jti")
	}
	now := t.Now()
	if token.Issued, ok = parseMoment(claims["iat"]); !ok {
		return nil, malformed("the token has no iat")
	}
	if token.Issued.After(now.Add(clockSkew)) {
		return nil, malformed("the token was issued in the future (iat): compare the clocks")
	}
	var events map[string]json.RawMessage
	if json.Unmarshal(claims["events"], &events) != nil || len(events) != 1 {
		return nil, malformed("the token does not have exactly one event (events)")
	}
	for uri, raw := range events {
		body, err := claim.Parse(raw)
		if err != nil || body == nil {
			return nil, malformed("the event is no object")
		}
		token.Event = readEvent(uri, body)
		if token.Subject, err = subjectOf(claims, body); err != nil {
			return nil, err
		}
		if token.Happened, err = happened(claims, body, token.Issued); err != nil {
			return nil, err
		}
	}
	// An event has happened when its token is issued. iat has whole seconds.
	if latest := token.Issued.Add(time.Second); token.Happened.After(latest) {
		token.Happened = latest
	}
	if token.Happened.After(now) {
		token.Happened = now
	}
	return token, nil
}

// happened returns when the event happened: event_timestamp of the event (CAEP, section 2), else toe (RFC 8417, section
// 2.2), else when the token was issued. Some transmitters count in milliseconds.
func happened(claims, event map[string]json.RawMessage, issued time.Time) (time.Time, error) {
	for _, raw := range []json.RawMessage{event["event_timestamp"], claims["toe"]} {
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		at, ok := parseMoment(raw)
		if !ok {
			return time.Time{}, malformed("the time of the event is unreadable (event_timestamp, toe)")
		}
		return at, nil
	}
	return issued, nil
}

// fromMillis is the number from which on a time counts milliseconds: as seconds it would be the year 5138, as
// milliseconds it is 1973.
const fromMillis = 100_000_000_000

func parseMoment(raw json.RawMessage) (time.Time, bool) {
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		if f, err := n.Float64(); err == nil && f >= fromMillis {
			if f >= fromMillis*1000 {
				return time.Time{}, false
			}
			return time.UnixMilli(int64(f)).UTC(), true
		}
	}
	return claim.Time(raw)
}
