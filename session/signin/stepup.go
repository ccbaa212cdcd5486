package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

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
		s.beginStep(w, r, v, who, s.newFlow(v, p, v.Return), step{Demand: d, Policies: why.Policies, Code: why.Code, Reason: why.Reason})
	case NavigationForm:
		if s.keepForm(w, r, v, who) {
			s.problem(w, r, v, pages.Problem{Kind: pages.KindStrongerKept, ActionURL: s.stepURL(v, v.Return, d, why)})
			return
		}
		s.problem(w, r, v, pages.Problem{Kind: pages.KindStrongerFirst, ActionURL: s.stepURL(v, Home, d, why)})
	default:
		w.Header().Set("WWW-Authenticate", d.challenge())
		writeProblem(w, r, problemJSON{
			Title: "A stronger sign-in is required", Status: http.StatusUnauthorized, Reason: why.Reason, Code: int(why.Code),
			SignInURL: s.stepURL(v, Home, d, why), RequestID: v.RequestID,
		})
	}
}

// step is what a link to a step-up carries, sealed: what is demanded, and which policies demand it.
type step struct {
	Demand   *Demand
	Policies []string
	Code     signinlog.Code
	Reason   string
	// At is when the link was made, in Unix milliseconds.
	At int64
}

const (
	stepPlace = "step"
	stepLife  = flowLife
	// maxSteppedPolicies bounds the policies that a flow names: it has to fit into a cookie.
	maxSteppedPolicies = 4
	maxPolicyName      = 64
)

// stepURL is the address of a sign-in that achieves a demand. Without the demand in it a script or a form that was
// refused would sign in again in vain.
func (s *Service) stepURL(v *Visit, ret string, d *Demand, why *Refusal) string {
	plain, err := json.Marshal(step{Demand: d, Policies: nameFew(why.Policies), Code: why.Code, Reason: why.Reason, At: s.Now().UnixMilli()})
	if err != nil {
		return signInURL(ret)
	}
	sealed := s.Keys.Seal(session.PurposeFlow, plain, v.Host, stepPlace)
	return Base + "/sign-in?" + url.Values{"return": {ret}, "step": {base64.RawURLEncoding.EncodeToString(sealed)}}.Encode()
}

// openStep reads what a link carries; nil if we did not make it for this host, or too long ago.
func (s *Service) openStep(v *Visit, value string) *step {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || value == "" {
		return nil
	}
	plain, err := s.Keys.Open(session.PurposeFlow, sealed, v.Host, stepPlace)
	if err != nil {
		return nil
	}
	var st step
	if json.Unmarshal(plain, &st) != nil || st.Demand == nil || !s.Now().Before(time.UnixMilli(st.At).Add(stepLife)) {
		return nil
	}
	return &st
}

// beginStep sends the session's person back to the provider, and logs what for.
func (s *Service) beginStep(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Session, f *flow, st step) {
	f.Demand, f.Step, f.Policies = st.Demand, true, nameFew(st.Policies)
	s.log(v, r, f, person(who, signinlog.Record{
		Code: st.Code, Detail: st.Reason, PolicyStatus: "failure", Policies: failed(f.Policies),
	}))
	s.begin(w, r, v, f, false)
}

func nameFew(policies []string) []string {
	out := slices.Clone(policies[:min(len(policies), maxSteppedPolicies)])
	for i, name := range out {
		out[i] = name[:min(len(name), maxPolicyName)]
	}
	return out
}

func failed(policies []string) (list []signinlog.AppliedPolicy) {
	for _, name := range policies {
		list = append(list, signinlog.AppliedPolicy{Name: name, Result: "failure"})
	}
	return list
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
	// Asked for and not shown is one code, whichever policy asked (50074); what is only about to be asked for has its own.
	rec := signinlog.Record{
		Code: signinlog.StrongAuthRequired, Detail: strings.Join(missing, " "), PolicyStatus: "failure",
		Policies: slices.Concat(failed(f.Policies), admission.Policies),
	}
	policies := f.Policies
	if why := admission.Refusal; why != nil {
		policies = slices.Concat(policies, why.Policies)
		if f.Demand == nil {
			rec.Code = why.Code
		}
	}
	s.logPerson(v, r, f, &a.draft, rec)
	if f.Demand == nil || f.Tries == 0 {
		again := s.newFlow(v, p, f.Return)
		again.Correlation, again.Step, again.Demand, again.Policies, again.For = f.Correlation, f.Step, want, f.Policies, f.For
		if f.Demand != nil {
			again.Tries = f.Tries + 1
		}
		s.begin(w, r, v, again, false)
		return true
	}
	why := &Refusal{
		Code: rec.Code, Reason: "requirement_not_shown", Title: pages.BlockRequirement, Missing: missing, Policies: policies,
	}
	why.RetryURL, why.Return, why.Stronger = signInURL(f.page()), f.page(), want.MFA || len(want.ACRs) > 0
	if f.Step && f.For == nil {
		why.RetryURL = s.stepURL(v, f.Return, want, why)
	}
	s.Refuse(w, r, v, &a.draft, why)
	return true
}
