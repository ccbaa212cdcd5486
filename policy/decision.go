package policy

import (
	"slices"
	"time"
)

// Verdict is the result for a request. The zero value refuses it.
type Verdict uint8

// The verdicts.
const (
	Block  Verdict = iota // refuse; no action of the user can change it now
	StepUp                // sign in again, as Demand says
	SignIn                // no user is signed in: sign in, as Demand says
	Allow                 // let it pass
)

var verdictWords = []string{"block", "step_up", "sign_in", "allow"}

func (v Verdict) String() string { return word(verdictWords, v) }

// Reason is a stable word for the reason of a decision, the same in logs, pages, metrics and explanations.
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
	CredentialChanged  Reason = "credential_changed" //nolint:gosec // a word; the provider reported it, and the sign-in is from before
	Blocked            Reason = "blocked"
	PlatformBlocked    Reason = "platform_blocked"     // every policy that blocks has a platform condition
	Denied             Reason = "denied"               // by the site's deny list
	NotAdmitted        Reason = "not_admitted"         // by the site's allow list
	GroupOverage       Reason = "group_overage"        // a refusal only because groups are unknown (A6)
	ClaimUnreadable    Reason = "claim_unreadable"     // a refusal only because the provider states an unknown value
	NameUnverified     Reason = "name_unverified"      // a refusal only because of a name that the provider has not verified
	NetworkUnknown     Reason = "network_unknown"      // a refusal only because the address is unknown (A62)
	DeviceNotCompliant Reason = "device_not_compliant" // the device is known not to be
	DeviceUnknown      Reason = "device_unknown"       // nothing is known about the device
	BindingRequired    Reason = "binding_required"     // the session is not bound to a key of the device
	EvaluationError    Reason = "evaluation_error"     // see Decision.Err
)

// Gaps is a set of unknown facts that affected a result.
type Gaps uint8

// The facts that can be unknown.
const (
	GapGroups Gaps = 1 << iota
	GapNetwork
	GapClaim // a claim that cannot be parsed
	GapName  // a name that the provider has not verified
)

// Has reports whether g contains all of h.
func (g Gaps) Has(h Gaps) bool { return g&h == h }

// Status is the state of conditional access in a sign-in log (L3).
type Status string

// The states.
const (
	StatusNotApplied Status = "notApplied" // no policy applies to this user and app
	StatusSuccess    Status = "success"    // policies apply, and all are satisfied
	StatusFailure    Status = "failure"    // a policy is not satisfied
)

// Demand is what the next sign-in must achieve. It contains what is missing now. Whether the new sign-in is enough is
// decided by Evaluate with its facts.
type Demand struct {
	// MFA demands a second factor.
	MFA bool
	// ACRs are the authentication contexts to request, without duplicates, in the order of the policies.
	ACRs []string
	// Reauthenticate demands an authentication that is not older than MaxAge. A provider that ignores max_age has not
	// satisfied it.
	Reauthenticate bool
	MaxAge         time.Duration
	// PromptLogin demands that the provider asks for credentials, even if it has a recent enough session (F6).
	PromptLogin bool
}

// Decision is the answer to a Request.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Code is the number for the log (semantics 4c); 0 if the request passes or no user is signed in. Code must not
	// branch on it (E0).
	Code   int
	Status Status
	// Gaps are the unknown facts that affected a block or step-up. If they were known, the verdict could be different.
	Gaps   Gaps
	Demand Demand

	// PersistentBrowser is the persistence that enforced policies set. Never overrides always (B5).
	PersistentBrowser Persistence
	// Frequency is the shortest sign-in frequency that applies to this session (F12), whether it is satisfied or not.
	// With EveryTime, Interval is at most EveryTimeTolerance.
	Frequency Frequency
	// MaxIdle is the smallest idle limit that a policy sets; 0 means none.
	MaxIdle time.Duration

	// Err is the evaluation error if Reason is EvaluationError. It can also be set in addition to a certain block.
	Err error
	// ReportOnlyErr is the evaluation error of report-only policies. It does not affect the verdict.
	ReportOnlyErr error

	by   Controls // the unsatisfied controls that caused the verdict
	set  *Set
	few  [8]spoken // the policies that applied; up to eight need no allocation
	n    int
	more []spoken
}

// spoken is the result of a policy that applied.
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

// Applied is an iterator (for o := range d.Applied) over the policies that applied, enforced and report-only. Policies
// for all sites come first; the order is that of the configuration. It allocates nothing.
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

// Policies names the enforced policies that caused the verdict: those that block, are not satisfied, or cannot be
// evaluated. It is empty if a site's lists caused the verdict.
func (d *Decision) Policies() []string {
	return d.names(func(_ *Policy, o Outcome) bool {
		return o.Missing&d.by != 0 || d.Reason == EvaluationError && o.Result == ResultUnknown
	})
}

// DemandPolicies names the enforced policies that caused the Demand, for any verdict.
func (d *Decision) DemandPolicies() []string {
	return d.names(func(_ *Policy, o Outcome) bool { return o.Missing&askable != 0 })
}

// PersistentBrowserPolicies names the enforced policies that set persistence, including overridden ones. A policy that
// sets always but does not certainly apply (see Gaps) is named and has no effect.
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
		p := &d.set.policy(int(d.spoken(i).policy)).source
		if p.Mode == On && f(p, o) {
			names = append(names, p.Name)
		}
		i++
	}
	return slices.Clip(names)
}
