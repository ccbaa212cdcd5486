package signin

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
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
}

// freshTolerance is how old an authentication may be that was demanded to be fresh (F7, A11).
const freshTolerance = 5 * time.Minute

// params adds to an authorization request what asks for the demand (OpenID Connect Core, sections 3.1.2.1 and 5.5).
// again tells that the provider ignored it once.
func (d *Demand) params(cfg *ClaimsConfig, params url.Values, again bool) {
	acrs := slices.Clone(d.ACRs)
	if d.MFA {
		acrs = append(acrs, cfg.MFAContexts...)
	}
	if entra := slices.ContainsFunc(d.ACRs, entraContext.MatchString); entra {
		params.Set("claims", entraClaims(d.ACRs))
		acrs = slices.DeleteFunc(acrs, entraContext.MatchString)
	}
	if len(acrs) > 0 {
		params.Set("acr_values", strings.Join(acrs, " "))
	}
	if d.Reauthenticate {
		params.Set("max_age", strconv.Itoa(int(d.MaxAge/time.Second)))
	}
	// Who is asked for more than the provider's session holds must be asked: without prompt=login many providers
	// answer from that session.
	if d.PromptLogin || again || d.MFA && len(cfg.MFAContexts) == 0 {
		params.Set("prompt", "login")
	}
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

// unmet names the claims that do not show what was demanded. A provider that ignores a demand does not meet it; a claim
// that is missing shows nothing (A11, A12).
func (d *Demand) unmet(cfg *ClaimsConfig, who *session.Session, now time.Time) (claims []string) {
	if d.MFA && !cfg.MFA(who) {
		claims = append(claims, "amr")
	}
	contexts := Contexts(who)
	for _, acr := range d.ACRs {
		if !slices.Contains(contexts, acr) {
			claim := "acr"
			if entraContext.MatchString(acr) {
				claim = "acrs"
			}
			if !slices.Contains(claims, claim) {
				claims = append(claims, claim)
			}
		}
	}
	limit := d.MaxAge
	if limit == 0 {
		limit = freshTolerance
	}
	if d.Reauthenticate && (who.AuthTime.IsZero() || now.Sub(who.AuthTime) >= limit) {
		claims = append(claims, "auth_time")
	}
	return claims
}

// MFA reports whether a session shows a second factor, by what amr and acr say and the configuration counts.
func (cfg *ClaimsConfig) MFA(who *session.Session) bool {
	return slices.ContainsFunc(who.AMR, func(m string) bool { return slices.Contains(cfg.MFAMethods, m) }) ||
		who.ACR != "" && slices.Contains(cfg.MFAContexts, who.ACR)
}

// Contexts are all authentication contexts that a session shows.
func Contexts(who *session.Session) []string { return AppendContexts(nil, who) }

// AppendContexts appends what Contexts returns.
func AppendContexts(to []string, who *session.Session) []string {
	to = append(to, who.Contexts...)
	if who.ACR != "" {
		to = append(to, who.ACR)
	}
	return to
}
