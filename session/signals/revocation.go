package signals

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Global Token Revocation (draft-parecki-oauth-global-token-revocation-06): one request orders that all sessions of a user
// end. It says who the user is as an event does, and the same code carries it out. Unlike an event it has no time of its
// own: all that began before it arrives ends.

const (
	// MaxRevocation is the longest body of a request that is read.
	MaxRevocation = 16 << 10
	// maxAssertionLife is how long an assertion may be valid. Okta's is for five minutes.
	maxAssertionLife = time.Hour
	assertionType    = "global-token-revocation+jwt"
)

// The reasons why a request is not carried out, besides a *Refused: its code is AuthenticationFailed, InvalidKey,
// InvalidIssuer or InvalidAudience if the caller is not believed, and InvalidRequest if the request is malformed.
var (
	// ErrNotTheirs: the caller may not name users of this issuer.
	ErrNotTheirs = errors.New("the subject is of another issuer than the users of this provider")
	// ErrNoUser: no user has a session or a token under this address or number.
	ErrNoUser = errors.New("no user is known by this subject")
	// ErrNotAUser: the subject names something else than one user, such as one session.
	ErrNotAUser = errors.New("the subject does not name a user as a whole")
)

// Assertion is a verified statement of a provider that it sends a request. It is for one request only.
type Assertion struct {
	id      string
	expires time.Time
}

// VerifyCaller checks an assertion: a signed token as Okta sends it, with the type global-token-revocation+jwt. Its issuer
// and audience are those of the events. clientID is our name at the provider, which the token may have as its subject.
// The errors are those of Verify, with AuthenticationFailed in place of InvalidRequest.
func (t *Transmitter) VerifyCaller(ctx context.Context, raw, clientID string) (*Assertion, error) {
	if len(raw) > MaxRevocation {
		return nil, refuse(AuthenticationFailed, "the assertion is too long")
	}
	claims, payload, err := t.open(raw, assertionType)
	var refused *Refused
	if errors.As(err, &refused) && refused.Code == InvalidRequest {
		return nil, refuse(AuthenticationFailed, refused.Description) // the request itself may be well-formed
	}
	if err != nil {
		return nil, err
	}
	a, err := t.readAssertion(claims, clientID)
	if err != nil {
		return nil, err
	}
	return a, t.signed(ctx, raw, payload)
}

func (t *Transmitter) readAssertion(claims map[string]json.RawMessage, clientID string) (*Assertion, error) {
	a := &Assertion{}
	var ok bool
	if a.id, ok = claim.ParseString(claims["jti"]); !ok || a.id == "" || len(a.id) > maxTokenID {
		return nil, refuse(AuthenticationFailed, "the assertion has no usable jti")
	}
	if sub, has := claims["sub"]; has {
		if text, ok := claim.ParseString(sub); !ok || text != clientID && text != t.Issuer {
			return nil, refuse(AuthenticationFailed, "the assertion is about another client (sub)")
		}
	}
	now := t.Now()
	issued, ok := claim.Time(claims["iat"])
	if !ok || issued.After(now.Add(clockSkew)) {
		return nil, refuse(AuthenticationFailed, "the assertion has no iat, or was issued in the future: compare the clocks")
	}
	if a.expires, ok = claim.Time(claims["exp"]); !ok || a.expires.Sub(issued) > maxAssertionLife {
		return nil, refuse(AuthenticationFailed, "the assertion has no exp, or is valid for more than an hour")
	}
	if !now.Before(a.expires.Add(clockSkew)) {
		return nil, refuse(AuthenticationFailed, "the assertion is not valid any more (exp)")
	}
	if raw, has := claims["nbf"]; has {
		if from, ok := claim.Time(raw); !ok || from.After(now.Add(clockSkew)) {
			return nil, refuse(AuthenticationFailed, "the assertion is not valid yet (nbf)")
		}
	}
	return a, nil
}

// Revoke carries out a request of a caller who is believed. by is nil if the caller has a secret. It returns nil only
// after what follows is written. A request that is sent again with the same assertion gets the same answer and does
// nothing; another request with that assertion is refused.
func (r *Receiver) Revoke(ctx context.Context, a *Actor, by *Assertion, body []byte) error {
	subject, err := readRevocation(body)
	if err != nil {
		return err
	}
	if by == nil {
		return r.revoke(ctx, a, subject)
	}
	sum := sha256.Sum256(body)
	used := session.Entry{
		Key: session.HashKey("gr", r.Transmitter.Issuer, by.id), Value: append(sum[:], answerOpen), Expires: by.expires.Add(2 * clockSkew),
	}
	switch err := a.Store.Create(ctx, used); {
	case errors.Is(err, session.ErrConflict):
		before, err := a.Store.Get(ctx, used.Key)
		if err != nil {
			return err
		}
		if len(before.Value) != len(used.Value) || !bytes.Equal(before.Value[:len(sum)], sum[:]) {
			return refuse(AuthenticationFailed, "the assertion was used before, for another request (jti)")
		}
		switch used.Version = before.Version; before.Value[len(sum)] {
		case answerDone:
			return nil
		case answerNoUser:
			return ErrNoUser
		}
	case err != nil:
		return err
	default:
		used.Version = 1
	}
	done := r.revoke(ctx, a, subject)
	switch {
	case done == nil:
		used.Value[len(sum)] = answerDone
	case errors.Is(done, ErrNoUser):
		used.Value[len(sum)] = answerNoUser
	default:
		return done
	}
	if _, err := a.Store.Replace(ctx, used); err != nil && !errors.Is(err, session.ErrConflict) && !errors.Is(err, session.ErrNotFound) {
		return err
	}
	return done
}

// What came of a request, behind the hash of its body.
const (
	answerOpen byte = iota
	answerDone
	answerNoUser
)

// revoke ends all sessions of a user. Every session that exists at this moment began before it; the tolerance is for a
// provider whose clock is ahead of ours.
func (r *Receiver) revoke(ctx context.Context, a *Actor, subject *Subject) error {
	t, ok := r.Provider.targetOf(subject, GlobalRevocation)
	result, err := UnknownWho, error(nil)
	switch {
	case !ok && r.Provider.foreign(subject.User):
		err = ErrNotTheirs
	case !ok:
		err = ErrNotAUser
	default:
		result, err = a.Carry(ctx, &Report{
			Event: Event{Kind: GlobalRevocation}, Subject: *subject, At: a.Now().Add(clockSkew), Provider: r.Provider, Options: r.Options,
			By: access.BySignal, From: r.Name,
		})
		if err != nil {
			err = fmt.Errorf("ending sessions: %w", err)
		} else if result == NothingToDo && len(t.subjects) == 0 {
			err = ErrNoUser
		}
	}
	r.count(GlobalRevocation, result)
	return err
}

// readRevocation reads the body of a request: an object with sub_id. The subject must name a user and nothing less.
func readRevocation(body []byte) (*Subject, error) {
	if len(body) > MaxRevocation {
		return nil, malformed("the request is too long")
	}
	request, err := claim.Parse(body)
	if err != nil || request == nil {
		return nil, malformed("the request is no object of JSON")
	}
	members, err := claim.Parse(request["sub_id"])
	if err != nil || members == nil {
		return nil, malformed("the request names no subject (sub_id)")
	}
	subject, err := readSubject(members)
	if err != nil {
		return nil, err
	}
	if names := subject.User.each(); len(names) > 0 && !slices.ContainsFunc(names, func(i Identifier) bool { return i.Value != "" }) {
		return nil, malformed("the format of the subject is not supported")
	}
	if subject.Session != nil || subject.Device != nil {
		return nil, ErrNotAUser
	}
	return &subject, nil
}

// foreign reports whether a user is named by another issuer's ID, and by nothing else.
func (p *Provider) foreign(user *Identifier) bool {
	names := user.each()
	return len(names) > 0 && !slices.ContainsFunc(names, func(i Identifier) bool {
		return i.Format != IssSub || i.Issuer == p.Issuer || slices.Contains(p.Also, i.Issuer)
	})
}

// IsAssertion reports whether a credential has the form of a signed token, so that it is no secret.
func IsAssertion(credential string) bool {
	_, _, _, err := jwks.Split(credential)
	return err == nil && strings.Count(credential, ".") == 2
}
