package policy

import (
	"slices"
	"time"
)

// Verdict is what happens to a request. The zero value refuses it.
type Verdict uint8

// The verdicts.
const (
	Block  Verdict = iota // refuse; nothing that the person does now changes it
	StepUp                // sign in again, as Demand says
	SignIn                // nobody is signed in: sign in, as Demand says
	Allow                 // let it pass
)

var verdictWords = []string{"block", "step_up", "sign_in", "allow"}

func (v Verdict) String() string { return word(verdictWords, v) }

// Reason is a stable word for why a decision is what it is, the same in logs, pages, metrics and explanations.
type Reason string

// The reasons.
const (
	Allowed            Reason = "allowed"
	SignInRequired     Reason = "sign_in_required"
	MFARequired        Reason = "mfa_required"
	ACRRequired        Reason = "acr_required"
	FrequencyRequired  Reason = "sign_in_frequency"
	EveryTimeRequired  Reason = "sign_in_every_time"
	IdleTooLong        Reason = "idle_too_long"
	Blocked            Reason = "blocked"
	PlatformBlocked    Reason = "platform_blocked"     // every policy that blocks has a platform condition
	Denied             Reason = "denied"               // by the site's deny list
	NotAdmitted        Reason = "not_admitted"         // by the site's allow list
	GroupOverage       Reason = "group_overage"        // a refusal only because groups are unknown (A6)
	ClaimUnreadable    Reason = "claim_unreadable"     // a refusal only because the provider states something that is no known word
	NameUnverified     Reason = "name_unverified"      // a refusal only because of a name that nobody has verified
	NetworkUnknown     Reason = "network_unknown"      // a refusal only because the address is unknown (A62)
	DeviceNotCompliant Reason = "device_not_compliant" // the device is known not to be
	DeviceUnknown      Reason = "device_unknown"       // nothing is known about the device
	EvaluationError    Reason = "evaluation_error"     // see Decision.Err
)

// Gaps says what was unknown and had a part in something.
type Gaps uint8

// The things that may be unknown.
const (
	GapGroups Gaps = 1 << iota
	GapNetwork
	GapClaim // a claim that could not be read
	GapName  // a name that nobody has verified
)

// Has tells whether all of h is in g.
func (g Gaps) Has(h Gaps) bool { return g&h == h }

// Status is the state of conditional access as a sign-in log shows it (L3).
type Status string

// The states.
const (
	StatusNotApplied Status = "notApplied" // no policy is for this user and app
	StatusSuccess    Status = "success"    // some are, and none is left unsatisfied
	StatusFailure    Status = "failure"    // one is not satisfied
)

// Demand is what the next sign-in must achieve. It holds what is missing now; only Evaluate, with the facts of the new
// sign-in, tells whether that was enough.
type Demand struct {
	// MFA asks for a second factor.
	MFA bool
	// ACRs are authentication contexts to ask for, without duplicates, in the order of the policies.
	ACRs []string
	// Reauthenticate asks for an authentication no older than MaxAge. A provider that ignores max_age has not met it.
	Reauthenticate bool
	MaxAge         time.Duration
	// PromptLogin asks for credentials even if the provider has a session that is young enough (F6).
	PromptLogin bool
}

// Decision is the answer to a Request.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Code is the number for the log (semantics 4c), 0 if the request passes or nobody is signed in. Never branch
	// on it (E0).
	Code   int
	Status Status
	// Gaps is what was unknown and had a part in a block or step up; with it known, the verdict may be another.
	Gaps   Gaps
	Demand Demand

	// PersistentBrowser is what enforced policies say about persistence. Never beats always (B5).
	PersistentBrowser Persistence
	// Frequency is the shortest sign-in frequency that holds for this session (F12), satisfied or not. With
	// EveryTime, Interval is at most EveryTimeTolerance.
	Frequency Frequency
	// MaxIdle is the smallest idle limit that a policy sets; 0 is none.
	MaxIdle time.Duration

	// Err is what could not be evaluated, if Reason is EvaluationError, or beside a certain block.
	Err error
	// ReportOnlyErr is what could not be evaluated of report-only policies. It has no influence.
	ReportOnlyErr error

	by   Controls // what the policies left unsatisfied that made the verdict
	set  *Set
	few  [8]spoken // the policies that applied; a handful needs no allocation
	n    int
	more []spoken
}

// spoken is what a policy that applied had to say.
type spoken struct {
	policy  int32
	missing Controls
	gaps    Gaps
	result  Result
}

func (d *Decision) speak(s spoken) {
	if d.n < len(d.few) {
		d.few[d.n] = s
	} else {
		d.more = append(d.more, s)
	}
	d.n++
}

func (d *Decision) spoken(i int) spoken {
	if i < len(d.few) {
		return d.few[i]
	}
	return d.more[i-len(d.few)]
}

// Applied is an iterator (for o := range d.Applied) over the policies that applied, enforced and report-only, those
// for all sites first, in the order of the configuration. It allocates nothing.
func (d *Decision) Applied(yield func(Outcome) bool) {
	for i := range d.n {
		sp := d.spoken(i)
		o := d.set.outcome(int(sp.policy))
		o.Result, o.Missing, o.Gaps = sp.result, sp.missing, sp.gaps
		if !yield(o) {
			return
		}
	}
}

// Policies names the enforced policies that made the verdict: those that block, those that are not satisfied, or those
// that cannot be evaluated. There are none if a site's lists made it.
func (d *Decision) Policies() []string {
	return d.names(func(_ *Policy, o Outcome) bool {
		return o.Missing&d.by != 0 || d.Reason == EvaluationError && o.Result == ResultUnknown
	})
}

// DemandPolicies names the enforced policies that made the Demand, whatever the verdict.
func (d *Decision) DemandPolicies() []string {
	return d.names(func(_ *Policy, o Outcome) bool { return o.Missing&askable != 0 })
}

// PersistentBrowserPolicies names the enforced policies that say something about persistence, the outvoted included.
// One that says always without being certain to apply (see Gaps) is named and has no effect.
func (d *Decision) PersistentBrowserPolicies() []string {
	return d.names(func(p *Policy, _ Outcome) bool { return p.PersistentBrowser != Unset })
}

// FrequencyPolicies names the enforced policies that set a sign-in frequency.
func (d *Decision) FrequencyPolicies() []string {
	return d.names(func(p *Policy, _ Outcome) bool { return p.SignInFrequency.isSet() })
}

// MaxIdlePolicies names the enforced policies that set an idle limit.
func (d *Decision) MaxIdlePolicies() []string {
	return d.names(func(p *Policy, _ Outcome) bool { return p.MaxIdle != 0 })
}

func (d *Decision) names(f func(*Policy, Outcome) bool) (names []string) {
	i := 0
	for o := range d.Applied {
		p := &d.set.policies[d.spoken(i).policy].source
		if p.Mode == On && f(p, o) {
			names = append(names, p.Name)
		}
		i++
	}
	return slices.Clip(names)
}
