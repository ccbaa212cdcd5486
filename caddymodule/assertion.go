package caddymodule

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// Assertion has the site tell its application who is there by a signed statement: a JWT in the header
// X-Latchkey-Assertion, so that the application can tell our word from anybody else's who can reach it. The public keys are
// at /.latchkey/keys of the site.
type Assertion struct {
	// Who it is for: the claim `aud`. Default: the name of the app.
	Audience string `json:"audience,omitempty"`

	// The groups that it lists: those that match one of these patterns, in which `*` stands for any characters. Upper and
	// lower case differ. Policies have all groups in any case. Default: all groups, which make the header too long for most
	// servers from some 200 on.
	GroupsOnly []string `json:"groups_only,omitempty"`
}

const (
	// assertionHeader is one of those that scrub takes off every request, in every spelling.
	assertionHeader = "X-Latchkey-Assertion"
	// assertionLife is how long an assertion is good, assertionLeft how much of that an application gets at least. One
	// is signed for a session and used until then.
	assertionLife = 2 * time.Minute
	assertionLeft = time.Minute
	// assertionSkew is how far the clock of an application may be behind.
	assertionSkew = 5 * time.Second
	// keyNotice is how long a key stands in the key set before it signs: longer than anybody may keep the set.
	keyNotice = signin.KeySetLife + time.Minute
)

// parseAssertion reads what is signed, and for whom:
//
//	assertion [<audience>] {
//		groups only <pattern>...
//	}
func parseAssertion(d *caddyfile.Dispenser, s *siteParser) error {
	s.Assertion = new(Assertion)
	start := d.Token()
	if d.NextArg() {
		if s.Assertion.Audience = d.Val(); s.Assertion.Audience == "" {
			return d.Err("the audience is empty")
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	if _, err := assertionWords.block(d, "assertion option", s.Assertion); err != nil {
		return err
	}
	return wrapAt(start, s.Assertion.check())
}

var assertionWords = grammar[*Assertion]{
	"groups": {many, func(d *caddyfile.Dispenser, a *Assertion) error {
		if !d.NextArg() {
			return d.Err("an assertion has all groups unless `groups only <pattern>...` says which")
		}
		return parseOnly(d, &a.GroupsOnly)
	}},
}

func (a *Assertion) check() error {
	if a == nil {
		return nil
	}
	if a.Audience != "" {
		if err := checkName(a.Audience); err != nil {
			return fmt.Errorf("assertion: %w", err)
		}
	}
	if err := identity.CheckPatterns(a.GroupsOnly); err != nil {
		return fmt.Errorf("assertion: groups only: %w", err)
	}
	return nil
}

// assertion is a signed statement, ready to be sent for a while. Another host of the site or another key makes another.
type assertion struct {
	text, origin, key string
	made              time.Time
}

// assertionClaims is what an assertion says. A claim that the provider did not state is missing.
type assertionClaims struct {
	Issuer   string `json:"iss"` // the site's origin
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	NotAfter int64  `json:"exp"`
	NotYet   int64  `json:"nbf"`
	// Provider is the issuer at which the person signed in: people are told apart by it and the subject together.
	Provider string `json:"idp"`
	// Session names the session in our logs, and opens nothing.
	Session       string   `json:"sid"`
	User          string   `json:"preferred_username,omitempty"`
	Name          string   `json:"name,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified *bool    `json:"email_verified,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	// GroupsComplete is false if the provider has not told all groups; missing if it has. What GroupsOnly leaves out does not
	// count.
	GroupsComplete *bool  `json:"groups_complete,omitempty"`
	AuthTime       int64  `json:"auth_time,omitempty"`
	ACR            string `json:"acr,omitempty"`
}

// assert puts the assertion into the request. It is signed once for each version of the session's record and used until
// half its life is over. An application that relies on it must not get a request without: an error is a refusal.
func (h *Handler) assert(r *http.Request, p *passage) error {
	if h.Assertion == nil {
		return nil
	}
	now, signer := time.Now(), h.rt.app.rt.sessions.Keys().Signer(time.Now().Add(-keyNotice))
	made, v := p.made, &p.visit
	ready := made.assertion.Load()
	if ready == nil || ready.origin != v.Origin || ready.key != signer.ID || now.Sub(ready.made) >= assertionLife-assertionLeft || now.Before(ready.made) {
		who, err := p.live.Record()
		if err != nil {
			return err
		}
		text, err := h.sign(signer, v.Origin, who, now)
		if err != nil {
			return fmt.Errorf("signing assertion: %w", err)
		}
		h.rt.writer.Measure(assertionHeader, made.user(), text)
		ready = &assertion{text: text, origin: v.Origin, key: signer.ID, made: now}
		made.assertion.Store(ready)
	}
	r.Header[assertionHeader] = []string{ready.text}
	return nil
}

func (h *Handler) sign(signer *keyring.Signer, origin string, who *session.Record, now time.Time) (string, error) {
	claims := assertionClaims{
		Issuer: origin, Subject: who.Identity.Subject, Audience: h.Assertion.Audience,
		IssuedAt: now.Unix(), NotAfter: now.Add(assertionLife).Unix(), NotYet: now.Add(-assertionSkew).Unix(),
		Provider: who.Identity.Issuer, Session: who.ID.Short(), User: who.AppUser(h.rt.app.trustsNames(who.Provider)), Name: who.Name, Email: who.Email,
		Groups: h.rt.assertionOnly.Keep(who.Groups), ACR: who.ACR,
	}
	if claims.Audience == "" {
		claims.Audience = h.rt.site.App
	}
	if who.Email != "" {
		claims.EmailVerified = &who.EmailVerified
	}
	if !who.GroupsComplete {
		claims.GroupsComplete = &who.GroupsComplete
	}
	if !who.AuthTime.IsZero() {
		claims.AuthTime = who.AuthTime.Unix()
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	header := `{"alg":"ES256","typ":"JWT","kid":"` + signer.ID + `"}`
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := signer.Sign([]byte(signed))
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
