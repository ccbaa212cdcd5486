package site

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

const (
	// assertionLife is how long an assertion is valid, assertionLeft how much of that is left at least when the
	// application gets it. An assertion is signed once for a session and used until then.
	assertionLife = 2 * time.Minute
	assertionLeft = time.Minute
	// assertionSkew is how far the clock of an application may be behind.
	assertionSkew = 5 * time.Second
	// keyNotice is how long a key is in the key set before it signs: longer than the set may be cached.
	keyNotice = signin.KeySetLife + time.Minute
)

// assertionClaims are the claims of an assertion. A claim that the provider did not state is missing.
type assertionClaims struct {
	Issuer   string `json:"iss"` // the site's origin
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	NotAfter int64  `json:"exp"`
	NotYet   int64  `json:"nbf"`
	// Provider is the issuer at which the user signed in. It identifies the user together with the subject.
	Provider string `json:"idp"`
	// Session identifies the session in our logs, and gives no access.
	Session       string   `json:"sid"`
	User          string   `json:"preferred_username,omitempty"`
	Name          string   `json:"name,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified *bool    `json:"email_verified,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	// GroupsComplete is false if the provider has not sent all groups; missing if it has. Groups that GroupsOnly leaves
	// out do not matter.
	GroupsComplete *bool  `json:"groups_complete,omitempty"`
	AuthTime       int64  `json:"auth_time,omitempty"`
	ACR            string `json:"acr,omitempty"`
}

// assert sets the assertion header of the request. An assertion is signed once for each version of the session's
// record, and used until half of its life is over. An application that relies on it must not get a request without it,
// so an error refuses the request.
func (h *Site) assert(r *http.Request, p *request) error {
	if h.Assertion == nil {
		return nil
	}
	now, signer := time.Now(), p.sessions.Keys().Signer(time.Now().Add(-keyNotice))
	made, v := p.view, &p.visit
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
		h.writer.Measure(config.AssertionHeader, made.user(), text)
		ready = &assertion{text: text, origin: v.Origin, key: signer.ID, made: now}
		made.assertion.Store(ready)
	}
	r.Header[config.AssertionHeader] = []string{ready.text}
	return nil
}

func (h *Site) sign(signer *keyring.Signer, origin string, who *session.Record, now time.Time) (string, error) {
	claims := assertionClaims{
		Issuer: origin, Subject: who.Identity.Subject, Audience: h.Assertion.Audience,
		IssuedAt: now.Unix(), NotAfter: now.Add(assertionLife).Unix(), NotYet: now.Add(-assertionSkew).Unix(),
		Provider: who.Identity.Issuer, Session: who.ID.Short(), User: who.AppUser(h.Tenant.trustsNames(who.Provider)), Name: who.Name, Email: who.Email,
		Groups: h.assertionOnly.Keep(who.Groups), ACR: who.ACR,
	}
	if claims.Audience == "" {
		claims.Audience = h.SignIn.App
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
	return signer.Sign(payload)
}
