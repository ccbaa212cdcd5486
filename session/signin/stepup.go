package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const (
	// loopWindow and loopLimit: so many step-ups in such a time lead nowhere (50196).
	loopWindow = time.Minute
	loopLimit  = 5
)

// StepUp answers a request whose session must be stronger or fresher: a page being opened goes back to the provider,
// whatever else is told in a form that a script can read (F5, RFC 9470).
func (s *starter) StepUp(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Record, why *Refusal, d *Demand) {
	switch browser.Classify(r) {
	case browser.NavigationGet:
		p := s.byName[who.Provider]
		if p == nil {
			s.Challenge(w, r, v, nil, d)
			return
		}
		if who.StepUps >= loopLimit && s.Now().Sub(who.SteppedUp) < loopWindow {
			s.log(v, r, nil, person(who, signinlog.Record{Code: signinlog.LoopDetected, Detail: why.Reason}))
			s.problem(w, r, v, pages.Problem{Kind: pages.KindLoop, Code: int(signinlog.LoopDetected), ActionURL: browser.Base + "/sign-out", HomeURL: browser.Home})
			return
		}
		s.beginStep(w, r, v, who, s.newFlow(v, p, v.Return), step{Demand: d, Code: why.Code, Reason: why.Reason})
	case browser.NavigationForm:
		if s.keepForm(w, r, v, who) {
			s.problem(w, r, v, pages.Problem{Kind: pages.KindStrongerKept, ActionURL: s.stepURL(v, v.Return, d, why)})
			return
		}
		s.problem(w, r, v, pages.Problem{Kind: pages.KindStrongerFirst, ActionURL: s.stepURL(v, browser.Home, d, why)})
	default:
		w.Header().Set("WWW-Authenticate", d.challenge())
		if browser.Framed(r) {
			s.framedStepUp(w, r, v, r.Method == http.MethodPost && s.keepForm(w, r, v, who), d, why)
			return
		}
		writeProblem(w, r, problemJSON{
			Title: "A stronger sign-in is required", Status: http.StatusUnauthorized, Reason: why.Reason, Code: int(why.Code),
			SignInURL: s.stepURL(v, browser.Home, d, why), RequestID: v.RequestID,
		})
	}
}

// step is what a link to a step-up carries, sealed: what is demanded, and why.
type step struct {
	Demand *Demand
	Code   signinlog.Code
	Reason string
	// Anew: the link begins a sign-in, whatever session there is.
	Anew bool
	// At is when the link was made, in Unix milliseconds.
	At int64
}

const (
	stepPlace = "step"
	stepLife  = flowLife
)

// stepURL is the address of a sign-in that achieves a demand. Without the demand in it a script or a form that was
// refused would sign in again in vain.
func (s *flows) stepURL(v *Visit, ret string, d *Demand, why *Refusal) string {
	sealed := s.sealStep(v, step{Demand: d, Code: why.Code, Reason: why.Reason})
	return browser.Base + "/sign-in?" + url.Values{"return": {ret}, "step": {sealed}}.Encode()
}

func (s *flows) sealStep(v *Visit, st step) string {
	st.Demand, st.At = st.Demand.bounded(), s.Now().UnixMilli()
	plain, err := json.Marshal(st)
	if err != nil {
		return "" // strings, numbers and booleans always marshal
	}
	return base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeFlow, plain, v.Host, stepPlace))
}

// openStep reads what a link carries; nil if we did not make it for this host, or too long ago.
func (s *flows) openStep(v *Visit, value string) *step {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || value == "" {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, stepPlace)
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
func (s *starter) beginStep(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Record, f *flow, st step) {
	f.Demand, f.Step = st.Demand, true
	s.log(v, r, f, person(who, signinlog.Record{
		Code: st.Code, Detail: st.Reason, PolicyStatus: "failure", Policies: failed(st.Demand.policies()),
	}))
	s.begin(w, r, v, f, beginning{})
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

// maxRounds bounds how often one sign-in goes to the provider because the policies demand something that was not asked
// for before: an answer can bring a person under further policies.
const maxRounds = 3

// demanded goes on with a sign-in of whose answer a policy asks more: with a flow that asks for it, once more and by
// login if the provider was asked and has not shown it, and then with a page that names what is missing.
func (s *finisher) demanded(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, draft *session.Record, admission *Admission) {
	want := admission.Demand
	missing := want.claims()
	again, loop := s.nextRound(f, want)
	// Asked for and not shown is one code, whichever policy asked (50074); what is only about to be asked for has its own.
	rec := signinlog.Record{
		Code: signinlog.StrongAuthRequired, Detail: strings.Join(missing, " "),
		PolicyStatus: "failure", Policies: admission.Policies,
	}
	switch why := admission.Refusal; {
	case loop:
		rec.Code = signinlog.LoopDetected
	case why != nil && f.Demand == nil:
		rec.Code = why.Code
	}
	s.logPerson(v, r, f, draft, rec)
	if again != nil {
		s.begin(w, r, v, again, beginning{})
		return
	}
	why := &Refusal{
		Code: rec.Code, Reason: "requirement_not_shown", Title: pages.BlockRequirement, Missing: missing, Policies: want.policies(),
	}
	if admission.Refusal != nil {
		why.Policies = admission.Refusal.Policies
	}
	why.RetryURL, why.Return, why.Stronger = signInURL(f.page()), f.page(), want.MFA || len(want.ACRs) > 0
	if f.For == nil {
		why.RetryURL = s.stepURL(v, f.Return, want, why)
	}
	s.Refuse(w, r, v, draft, why)
}

// nextRound is the flow that asks for what is still demanded; nil if asking again is in vain: the provider was asked
// for it and there is no stronger way to ask, or it went round too often, which is a loop.
func (s *finisher) nextRound(f *flow, want *Demand) (again *flow, loop bool) {
	p := s.byName[f.Provider]
	again = s.again(f)
	switch {
	case !f.Demand.asksFor(want):
		if f.Rounds >= maxRounds {
			return nil, true
		}
		again.Demand, again.Rounds, again.Ignored = want.with(f.Demand), f.Rounds+1, false
		if p.Demands(again.request(false)) != p.Demands(f.request(false)) {
			return again, false
		}
	case f.Ignored:
		return nil, false
	}
	if again.Ignored = true; p.Demands(again.request(false)) == p.Demands(f.request(false)) {
		return nil, false
	}
	return again, false
}
