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

// Demand is what a sign-in must achieve besides identifying the user, so that it satisfies policies.
type Demand struct {
	// MFA demands a second factor.
	MFA bool `json:"m,omitempty"`
	// ACRs are authentication contexts; each of them must be met.
	ACRs []string `json:"a,omitempty"`
	// Reauthenticate demands an authentication not older than MaxAge. Zero means now, within the tolerance (F7).
	Reauthenticate bool          `json:"r,omitempty"`
	MaxAge         time.Duration `json:"x,omitempty"`
	// PromptLogin demands that the provider asks for credentials, even if its session is recent enough (F6).
	PromptLogin bool `json:"p,omitempty"`
	// Policies are the names of the policies that cause the demand. They are evaluated again after the sign-in.
	Policies []string `json:"q,omitempty"`
}

// params adds the parameters for the demand to an authorization request (OpenID Connect Core, sections 3.1.2.1 and
// 5.5). The parameter prompt is set separately: see AuthRequest.prompt.
func (d *Demand) params(cfg *ClaimsConfig, params url.Values) {
	if d == nil {
		return
	}
	acrs := slices.Clone(d.ACRs)
	if slices.ContainsFunc(d.ACRs, entraContext.MatchString) {
		params.Set("claims", entraClaims(d.ACRs))
		acrs = slices.DeleteFunc(acrs, entraContext.MatchString)
	}
	if d.MFA { // the claim acr shows it, whatever its value
		acrs = append(acrs, cfg.MFAContexts...)
	}
	if len(acrs) > 0 {
		params.Set("acr_values", strings.Join(acrs, " "))
	}
	if d.Reauthenticate {
		params.Set("max_age", strconv.Itoa(int(d.MaxAge/time.Second)))
	}
}

// asksForLogin reports whether the provider must ask for credentials. It must if more is demanded than its session
// shows: without prompt=login many providers answer from that session.
func (d *Demand) asksForLogin(cfg *ClaimsConfig) bool {
	return d != nil && (d.PromptLogin || d.MFA && len(cfg.MFAContexts) == 0)
}

// PolicyNames returns the names of the policies that cause the demand.
func (d *Demand) PolicyNames() []string {
	if d == nil {
		return nil
	}
	return d.Policies
}

// Covers reports whether a request for d demands everything in want.
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

// With returns d plus the contexts that were demanded before, because the provider might leave them out if they were
// not demanded again.
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

// entraContext matches an authentication context of Entra, which uses the claim acrs (A12).
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

// Shows returns the claims that would prove what is demanded.
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

// MFA reports whether a session shows a second factor: its amr and acr, by the rules of the configuration.
func (cfg *ClaimsConfig) MFA(who *session.Record) bool {
	return claim.AnyOf(who.AMR, cfg.MFAMethods) ||
		who.ACR != "" && slices.Contains(cfg.MFAContexts, who.ACR)
}

// Contexts returns all authentication contexts that a session shows.
func Contexts(who *session.Record) []string { return AppendContexts(nil, who) }

// AppendContexts appends the result of Contexts.
func AppendContexts(to []string, who *session.Record) []string {
	to = append(to, who.Contexts...)
	if who.ACR != "" {
		to = append(to, who.ACR)
	}
	return to
}
