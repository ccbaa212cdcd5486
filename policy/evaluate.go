package policy

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// The reasons why a request cannot be evaluated.
var (
	errNoTime     = errors.New("the request has no time")
	errNoMatcher  = errors.New("the request cannot be held against matchers")
	errUnknownApp = errors.New("the app is not among the sites")
	errBadValue   = errors.New("the request has an invalid platform, client, risk or device signal")
	errNobody     = errors.New("of the subject nothing but its bits in one set is known")
)

// Evaluate decides on a request. For Allow it allocates nothing if at most eight policies apply and the subject is
// current.
func (s *Set) Evaluate(r *Request) Decision { return s.evaluate(r, nil) }

// Explain is Evaluate that also reports the result of every policy for all sites or for the request's site, in the
// order of the configuration. A request that cannot be evaluated has no outcomes.
func (s *Set) Explain(r *Request) (Decision, []Outcome) {
	rec := &recorder{}
	d := s.evaluate(r, rec)
	return d, rec.outcomes
}

// evaluation is the state of one call of Evaluate.
type evaluation struct {
	set       *Set
	r         *Request
	anonymous bool
	audience  audience
	subject   *Subject
	place     *place
	reach     reach // of the rules that are evaluated, at this place
	device    [attributes]Signal

	refusal   refusal
	unmet     Controls // of enforced policies: controls that another sign-in could satisfy
	everyTime bool     // sign-in frequency every_time is one of them
	gaps      Gaps     // of the policies that set unmet
	failed    bool     // an enforced policy is not satisfied
	renounced bool     // the user must authenticate again, whatever the policies say
}

// evaluate implements Evaluate and Explain. rec is nil for Evaluate.
func (s *Set) evaluate(r *Request, rec *recorder) (d Decision) {
	d.set = s
	d.Reason, d.Status = EvaluationError, StatusNotApplied
	st := s.site(r.App)
	switch {
	case r.Time.IsZero():
		d.Err = errNoTime
	case st == nil:
		d.Err = fmt.Errorf("%w: %q", errUnknownApp, r.App)
	case !r.valid():
		d.Err = errBadValue
	case r.Subject != nil && r.Subject.user == nil && (rec != nil || !r.Subject.fits(s)):
		d.Err = errNobody
	}
	if d.Err != nil {
		d.Code = codeFailed
		return d
	}

	sub := r.Subject
	if !sub.Current(s) {
		sub = s.Resolve(*sub.user)
	}
	e := evaluation{set: s, r: r, anonymous: sub == nil, place: s.place(r.IP)}
	if sub != nil {
		e.audience, e.subject = sub.audience(), sub
	}
	e.device = [attributes]Signal{Compliant: r.Device.Compliant, Managed: r.Device.Managed, Shared: r.Device.Shared}
	switch {
	case e.anonymous || r.mayBind():
	case r.Device.Bound:
		e.device[Bound] = Yes
	default:
		e.device[Bound] = No
	}
	if e.place.Shared {
		e.device[Shared] = Yes // A7
	}

	for _, rules := range s.rules {
		if e.apply(rules, st, &d, rec) {
			d.Status = StatusSuccess
		}
	}
	if e.failed {
		d.Status = StatusFailure
	}
	if sub != nil {
		e.refusal.site, e.refusal.siteReason = sub.refusal(st.number)
	}
	if e.renounced = r.Auth.Renounced && !e.anonymous; e.renounced {
		d.Demand.reauthenticate(0)
		d.Demand.PromptLogin = true
	}
	e.conclude(&d)
	if rec != nil {
		rec.finish(&e, &d, sub)
	}
	return d
}

// valid refuses unknown values: a condition on them would silently not hold.
func (r *Request) valid() bool {
	return int(r.Platform) < len(platformWords) && int(r.Client) < len(clientWords) &&
		int(r.SignInRisk) < len(riskWords) && int(r.UserRisk) < len(riskWords) &&
		int(r.Device.Compliant) < len(signalWords) && int(r.Device.Managed) < len(signalWords) &&
		int(r.Device.Shared) < len(signalWords)
}

// apply evaluates the policies of one set of rules whose assignments match, or may match. It reports whether one that is on
// concerns this user at this site.
func (e *evaluation) apply(rules *rules, st *site, d *Decision, rec *recorder) bool {
	who := rules.anonymous
	if !e.anonymous {
		who = rules.within(e.audience.may)
	}
	e.reach = rules.at(e.place)
	// The sets have the same size. Stating it removes the bounds checks in the loop.
	app, where, enforced := rules.within(st.policies)[:len(who)], e.reach.may[:len(who)], rules.enforced[:len(who)]
	var matched uint64
	for w := range who {
		may := who[w] & app[w]
		matched |= may & enforced[w]
		for may &= where[w]; may != 0; may &= may - 1 {
			e.hold(d, rules, w*64+bits.TrailingZeros64(may), rec)
		}
	}
	return matched != 0
}

// hold evaluates a policy whose assignment matches, or may match.
func (e *evaluation) hold(d *Decision, rules *rules, i int, rec *recorder) {
	p, number := &rules.policies[i], rules.first+i
	unmet, gaps := e.conditions(p)
	var err error
	if unmet == 0 && p.source.Matcher != 0 {
		unmet, err = e.match(&p.source)
	}
	if unmet != 0 {
		if rec != nil {
			rec.add(number, unmet, nil)
		}
		return
	}
	if !e.anonymous && !e.audience.sure.has(number) {
		gaps |= e.subject.gap(number)
	}
	if !e.reach.sure.has(i) {
		gaps |= GapNetwork
	}
	sp := spoken{policy: int32(number), gaps: gaps}
	if err == nil {
		sp.missing = p.source.missing(e.r)
	}
	if p.source.Mode == ReportOnly {
		sp.result = e.wouldBe(sp.missing, err)
		if err != nil {
			d.ReportOnlyErr = errors.Join(d.ReportOnlyErr, p.errorf(err))
		}
	} else {
		sp.result = e.enforce(d, p, sp, err)
	}
	d.speak(sp)
	if rec != nil {
		rec.add(number, 0, err)
	}
}

// match calls the caller's matcher. It is called only for policies that would otherwise apply, so that a failing
// matcher does not affect other requests.
func (e *evaluation) match(p *Policy) (Unmet, error) {
	switch {
	case e.r.NoRoute && slices.Contains(e.r.Routed, p.Name):
		return 0, nil
	case e.r.NoRoute:
		return UnmetMatch | UnmetInformation, nil
	case e.r.Match == nil:
		return 0, errNoMatcher
	}
	ok, err := e.r.Match.MatchPolicy(p.Matcher)
	if err == nil && !ok {
		return UnmetMatch, nil
	}
	return 0, err
}

func (p *compiled) errorf(err error) error {
	return fmt.Errorf("policy %q: %w", p.source.Name, err)
}

// wouldBe is the result of a report-only policy (O1).
func (e *evaluation) wouldBe(missing Controls, err error) Result {
	hard := ControlBlock | ControlDevice | ControlBinding
	if e.anonymous {
		hard = ControlBlock
	}
	switch {
	case err != nil, missing&hard != 0:
		return ResultReportOnlyFailure
	case missing != 0:
		return ResultReportOnlyInterrupted
	}
	return ResultReportOnlySuccess
}

// enforce applies the effect of a policy that is on and applies.
func (e *evaluation) enforce(d *Decision, p *compiled, sp spoken, err error) Result {
	src := &p.source
	switch {
	case src.PersistentBrowser == Never:
		d.PersistentBrowser = Never
	case src.PersistentBrowser == Always && d.PersistentBrowser == Unset && sp.gaps == 0 && err == nil:
		d.PersistentBrowser = Always
	}
	d.Frequency = d.Frequency.shortest(src.SignInFrequency)
	if src.MaxIdle != 0 && (d.MaxIdle == 0 || src.MaxIdle < d.MaxIdle) {
		d.MaxIdle = src.MaxIdle
	}
	if err != nil {
		d.Err = errors.Join(d.Err, p.errorf(err))
		e.failed = true
		return ResultUnknown
	}
	if sp.missing == 0 {
		return ResultSuccess
	}
	e.failed = true
	if sp.missing&ControlBlock != 0 {
		e.refusal.block.add(sp.gaps)
		e.refusal.anywhere = e.refusal.anywhere || p.platforms == 0
	}
	if sp.missing&ControlDevice != 0 && !e.anonymous {
		e.refusal.device.add(sp.gaps)
	}
	if sp.missing&ControlBinding != 0 && !e.anonymous {
		e.refusal.binding.add(sp.gaps)
	}
	if soft := sp.missing & askable; soft != 0 {
		e.unmet |= soft
		e.everyTime = e.everyTime || soft&ControlFrequency != 0 && src.SignInFrequency.EveryTime
		e.gaps |= sp.gaps
		d.Demand.add(src, e.r, soft)
	}
	return ResultFailure
}
