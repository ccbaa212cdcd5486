package oidc

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Demand is what a sign-in must achieve beyond saying who somebody is, for policies that are not satisfied otherwise.
type Demand struct {
	// MFA asks for a second factor.
	MFA bool `json:"m,omitempty"`
	// ACRs are authentication contexts; each of them must be met.
	ACRs []string `json:"a,omitempty"`
	// Reauthenticate asks for an authentication no older than MaxAge. Zero means now, give or take the tolerance (F7).
	Reauthenticate bool          `json:"r,omitempty"`
	MaxAge         time.Duration `json:"x,omitempty"`
	// PromptLogin asks for credentials even if the provider has a session that is young enough (F6).
	PromptLogin bool `json:"p,omitempty"`
	// Policies demand it, by name. They are asked again about what comes back.
	Policies []string `json:"q,omitempty"`
}

// params adds to an authorization request what asks for the demand (OpenID Connect Core, sections 3.1.2.1 and 5.5).
// The parameter prompt is not among it: see AuthRequest.prompt.
func (d *Demand) params(cfg *ClaimsConfig, params url.Values) {
	if d == nil {
		return
	}
	acrs := slices.Clone(d.ACRs)
	if slices.ContainsFunc(d.ACRs, entraContext.MatchString) {
		params.Set("claims", entraClaims(d.ACRs))
		acrs = slices.DeleteFunc(acrs, entraContext.MatchString)
	}
	if d.MFA { // which the claim acr shows, whatever its values look like
		acrs = append(acrs, cfg.MFAContexts...)
	}
	if len(acrs) > 0 {
		params.Set("acr_values", strings.Join(acrs, " "))
	}
	if d.Reauthenticate {
		params.Set("max_age", strconv.Itoa(int(d.MaxAge/time.Second)))
	}
}

// asksForLogin reports whether the provider has to ask for credentials. Who is asked for more than the provider's session holds
// must be asked: without prompt=login many providers answer from that session.
func (d *Demand) asksForLogin(cfg *ClaimsConfig) bool {
	return d != nil && (d.PromptLogin || d.MFA && len(cfg.MFAContexts) == 0)
}

// PolicyNames are those that demand it.
func (d *Demand) PolicyNames() []string {
	if d == nil {
		return nil
	}
	return d.Policies
}

// Covers reports whether a request for d has asked for all that want demands.
func (d *Demand) Covers(want *Demand) bool {
	switch {
	case d == nil:
		return false
	case want.MFA && !d.MFA, want.PromptLogin && !d.PromptLogin:
		return false
	case want.Reauthenticate && !d.PromptLogin && (!d.Reauthenticate || d.MaxAge > want.MaxAge):
		return false
	}
	return !slices.ContainsFunc(want.ACRs, func(acr string) bool { return !slices.Contains(d.ACRs, acr) })
}

// With is d and the contexts that were asked for before: what the provider has shown for them it might leave out if it
// were not asked again.
func (d *Demand) With(before *Demand) *Demand {
	if before == nil {
		return d
	}
	out := *d
	out.ACRs = slices.Clone(d.ACRs)
	for _, acr := range before.ACRs {
		if !slices.Contains(out.ACRs, acr) {
			out.ACRs = append(out.ACRs, acr)
		}
	}
	return &out
}

// entraContext is an authentication context of Entra, which is asked for and stated by the claim acrs (A12).
var entraContext = regexp.MustCompile(`^[cC][0-9]{1,2}$`)

func entraClaims(acrs []string) string {
	want := map[string]any{"essential": true}
	contexts := slices.DeleteFunc(slices.Clone(acrs), func(a string) bool { return !entraContext.MatchString(a) })
	if len(contexts) == 1 {
		want["value"] = contexts[0]
	} else {
		want["values"] = contexts
	}
	out, err := json.Marshal(map[string]any{"id_token": map[string]any{"acrs": want}})
	if err != nil {
		return "" // strings and booleans always marshal
	}
	return string(out)
}

// Shows names the claims that would show what is demanded.
func (d *Demand) Shows() (claims []string) {
	if d.MFA {
		claims = append(claims, "amr")
	}
	for _, acr := range d.ACRs {
		claim := "acr"
		if entraContext.MatchString(acr) {
			claim = "acrs"
		}
		if !slices.Contains(claims, claim) {
			claims = append(claims, claim)
		}
	}
	if d.Reauthenticate || d.PromptLogin {
		claims = append(claims, "auth_time")
	}
	return claims
}

// MFA reports whether a session shows a second factor, by what amr and acr say and the configuration counts.
func (cfg *ClaimsConfig) MFA(who *session.Record) bool {
	return claim.AnyOf(who.AMR, cfg.MFAMethods) ||
		who.ACR != "" && slices.Contains(cfg.MFAContexts, who.ACR)
}

// Contexts are all authentication contexts that a session shows.
func Contexts(who *session.Record) []string { return AppendContexts(nil, who) }

// AppendContexts appends what Contexts returns.
func AppendContexts(to []string, who *session.Record) []string {
	to = append(to, who.Contexts...)
	if who.ACR != "" {
		to = append(to, who.ACR)
	}
	return to
}
