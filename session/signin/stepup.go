package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
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
func Contexts(who *session.Session) []string {
	if who.ACR == "" {
		return who.Contexts
	}
	return append(slices.Clone(who.Contexts), who.ACR)
}

const (
	// loopWindow and loopLimit: so many step-ups in such a time lead nowhere (50196).
	loopWindow = time.Minute
	loopLimit  = 5
)

// StepUp answers a request whose session must be stronger or fresher: a page being opened goes back to the provider,
// whatever else is told in a form that a script can read (F5, RFC 9470).
func (s *Service) StepUp(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Session, why *Refusal, d *Demand) {
	switch Classify(r) {
	case NavigationGet:
		p := s.byName[who.Provider]
		if p == nil {
			s.Challenge(w, r, v, false, d)
			return
		}
		if who.StepUps >= loopLimit && s.Now().Sub(who.SteppedUp) < loopWindow {
			s.log(v, r, nil, person(who, signinlog.Record{Code: signinlog.LoopDetected, Detail: why.Reason}))
			s.problem(w, r, v, pages.Problem{Kind: pages.KindLoop, ActionURL: Base + "/sign-out", HomeURL: Home})
			return
		}
		f := s.newFlow(v, p, v.Return)
		f.Demand, f.Step = d, true
		s.log(v, r, f, person(who, signinlog.Record{Code: why.Code, Detail: why.Reason, PolicyStatus: "failure"}))
		s.begin(w, r, v, f, false)
	case NavigationForm:
		s.problem(w, r, v, pages.Problem{Kind: pages.KindFormNotSent, ActionURL: signInURL(Home)})
	default:
		w.Header().Set("WWW-Authenticate", d.challenge())
		writeProblem(w, r, problemJSON{
			Title: "A stronger sign-in is required", Status: http.StatusUnauthorized, Reason: why.Reason, Code: int(why.Code),
			SignInURL: signInURL(Home), RequestID: v.RequestID,
		})
	}
}

// challenge is the value of WWW-Authenticate (RFC 9470, section 3, with our own scheme: no bearer token would help).
func (d *Demand) challenge() string {
	out := `Latchkey error="insufficient_user_authentication"`
	if len(d.ACRs) > 0 {
		out += `, acr_values="` + strings.Join(d.ACRs, " ") + `"`
	}
	if d.Reauthenticate {
		out += `, max_age="` + strconv.Itoa(int(d.MaxAge/time.Second)) + `"`
	}
	return out
}

// demanded goes on with a sign-in that a policy asks more of: with a flow that asks for it, once more if the provider
// ignored that, and then with a page that names what is missing. It reports whether the sign-in is answered.
func (s *Service) demanded(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, a *answer, admission *Admission) bool {
	p := s.byName[f.Provider]
	var missing []string
	if f.Demand != nil {
		missing = f.Demand.unmet(&p.Claims, &a.draft, s.Now())
	}
	want := f.Demand
	if len(missing) == 0 {
		if admission.Demand == nil {
			return false
		}
		want = admission.Demand
		missing = want.unmet(&p.Claims, &a.draft, s.Now())
	}
	rec := signinlog.Record{
		Code: signinlog.StrongAuthRequired, Detail: strings.Join(missing, " "), PolicyStatus: "failure", Policies: admission.Policies,
	}
	if why := admission.Refusal; why != nil {
		rec.Code = why.Code
	}
	s.logPerson(v, r, f, &a.draft, rec)
	if f.Demand == nil || f.Tries == 0 {
		again := s.newFlow(v, p, f.Return)
		again.Correlation, again.Step, again.Demand = f.Correlation, f.Step, want
		if f.Demand != nil {
			again.Tries = f.Tries + 1
		}
		s.begin(w, r, v, again, false)
		return true
	}
	why := &Refusal{
		Code: rec.Code, Reason: "requirement_not_shown", Title: pages.BlockRequirement, Missing: missing,
		RetryURL: signInURL(f.Return),
	}
	if admission.Refusal != nil {
		why.Policies = admission.Refusal.Policies
	}
	s.Refuse(w, r, v, &a.draft, why)
	return true
}
