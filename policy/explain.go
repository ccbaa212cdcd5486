package policy

import "slices"

// recorder records the steps of the evaluator.
type recorder struct {
	met      map[int]meeting // the policies that were evaluated
	outcomes []Outcome
}

type meeting struct {
	unmet Unmet
	err   error
}

func (rec *recorder) add(i int, unmet Unmet, err error) {
	if rec.met == nil {
		rec.met = make(map[int]meeting)
	}
	rec.met[i] = meeting{unmet, err}
}

// finish adds the policies that were not evaluated because the index excluded them.
func (rec *recorder) finish(e *evaluation, d *Decision, sub *Subject) {
	var excluded bitset
	if sub != nil {
		excluded = e.set.audienceOf(sub.user, audience{make(bitset, e.set.words), make(bitset, e.set.words)})
	}
	applied := make(map[int]spoken, d.n)
	for i := range d.n {
		applied[int(d.spoken(i).policy)] = d.spoken(i)
	}
	for i, p := range e.set.all {
		if p.site != "" && p.site != e.r.App {
			continue
		}
		o := e.set.outcome(i)
		o.Err = rec.met[i].err
		if sp, ok := applied[i]; ok {
			o.Result, o.Missing, o.Gaps = sp.result, sp.missing, sp.gaps
			rec.outcomes = append(rec.outcomes, o)
			continue
		}
		o.Result = notApplied(p.source.Mode)
		o.Unmet = rec.met[i].unmet
		if _, ok := rec.met[i]; !ok {
			o.Unmet, o.Excluded = e.ruledOut(i, excluded)
		}
		rec.outcomes = append(rec.outcomes, o)
	}
}

func notApplied(m Mode) Result {
	return [...]Result{On: ResultNotApplied, ReportOnly: ResultReportOnlyNotApplied, Off: ResultNotEnabled}[m]
}

// ruledOut returns why the index excluded a policy, and which of its conditions do not hold either.
func (e *evaluation) ruledOut(i int, excluded bitset) (unmet, ex Unmet) {
	p, r := e.set.policy(i), e.set.of(i)
	unmet, _ = e.conditions(p)
	src := &p.source
	if src.Mode == Off {
		unmet |= UnmetMode
	}
	switch {
	case e.anonymous && r.anonymous.has(i-r.first), !e.anonymous && e.audience.may.has(i):
	case e.anonymous:
		unmet |= UnmetInformation
	default:
		unmet |= UnmetUsers
		if excluded.has(i) {
			ex |= UnmetUsers
		}
	}
	if !src.forApp(e.r.App) {
		unmet |= UnmetApp
		if slices.Contains(src.Exclude.Apps, e.r.App) {
			ex |= UnmetApp
		}
	}
	if !r.at(e.place).may.has(i - r.first) {
		unmet |= UnmetLocation
		if e.place.matches(src.Exclude.Networks) {
			ex |= UnmetLocation
		}
	}
	return unmet, ex
}
