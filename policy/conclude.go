package policy

// The numbers for the log (semantics 4c).
const (
	codeBlocked   = 53003 // BlockedByConditionalAccess
	codePlatform  = 50005 // DevicePolicyError
	codeNotForYou = 50105 // EntitlementGrantsNotFound
	codeDevice    = 53000 // DeviceNotCompliant
	codeUnbound   = 50155 // DeviceAuthenticationFailed
	codeNoDevice  = 50187 // no device information
	codeFailed    = 50131 // ConditionalAccessFailed
	codeMFA       = 50076 // UserStrongAuthClientAuthNRequired
	codeFrequency = 70044 // session invalid by sign-in frequency
	codeEveryTime = 70046 // reauthentication check failed
	codeIdle      = 70008 // expired from inactivity
)

// refusal collects the causes that refuse a request.
type refusal struct {
	block    grounds
	anywhere bool // a policy without a platform condition blocks
	device   grounds
	binding  grounds

	site       grounds
	siteReason Reason
}

// grounds says whether something refuses the request, and whether that is certain.
type grounds struct {
	any, sure bool
	gaps      Gaps
}

func (g *grounds) add(gaps Gaps) {
	g.any = true
	g.sure = g.sure || gaps == 0
	g.gaps |= gaps
}

// refusal reports whether the lists of a site refuse the subject. The deny list comes first.
func (sub *Subject) refusal(site int) (g grounds, why Reason) {
	said := sub.admission()
	switch {
	case said.denied.has(site):
		g.add(0)
		return g, Denied
	case said.deniedMaybe.has(site):
		g.add(sub.groupGap())
		return g, Denied
	case said.allowed.has(site):
		return g, ""
	case said.allowedMaybe.has(site):
		g.add(sub.groupGap())
		return g, NotAdmitted
	}
	g.add(0)
	return g, NotAdmitted
}

// conclude sets the verdict. A refusal comes before a demand (R4, R5), and a certain cause before an uncertain one, so
// neither depends on the order of the policies.
func (e *evaluation) conclude(d *Decision) {
	f := &e.refusal
	switch {
	case f.block.sure:
		e.blocked(d)
	case f.site.sure:
		e.keptOut(d)
	case f.block.any:
		e.blocked(d)
	case f.site.any:
		e.keptOut(d)
	case d.Err != nil:
		d.refuse(grounds{sure: true}, EvaluationError, codeFailed, 0)
	case f.device.any && e.r.Device.Compliant == No:
		d.refuse(f.device, DeviceNotCompliant, codeDevice, ControlDevice)
	case f.device.any:
		d.refuse(f.device, DeviceUnknown, codeNoDevice, ControlDevice)
	case f.binding.any:
		d.refuse(f.binding, BindingRequired, codeUnbound, ControlBinding)
	case e.anonymous:
		d.Verdict, d.Reason, d.Status = SignIn, SignInRequired, StatusNotApplied // L3: there is no user yet
	case e.unmet != 0 || e.renounced:
		d.Verdict, d.Gaps, d.by = StepUp, e.gaps, e.unmet
		d.Reason, d.Code = e.ask()
	default:
		d.Verdict, d.Reason = Allow, Allowed
	}
	if d.Verdict == Block {
		d.Demand = Demand{} // R4: no further prompts
	}
}

func (e *evaluation) blocked(d *Decision) {
	if e.refusal.anywhere {
		d.refuse(e.refusal.block, Blocked, codeBlocked, ControlBlock)
	} else {
		d.refuse(e.refusal.block, PlatformBlocked, codePlatform, ControlBlock)
	}
}

func (e *evaluation) keptOut(d *Decision) {
	d.refuse(e.refusal.site, e.refusal.siteReason, codeNotForYou, 0)
}

// refuse sets a block. If the only cause is an unknown fact, the reason says so (A6, A62). by is the control with which
// policies refuse, if any.
func (d *Decision) refuse(g grounds, why Reason, code int, by Controls) {
	d.Verdict, d.Reason, d.Code, d.by = Block, why, code, by
	if g.sure {
		return
	}
	d.Gaps = g.gaps
	switch {
	case g.gaps.Has(GapClaim):
		d.Reason = ClaimUnreadable
	case g.gaps.Has(GapGroups):
		d.Reason = GroupOverage
	case g.gaps.Has(GapName):
		d.Reason = NameUnverified
	default:
		d.Reason = NetworkUnknown
	}
}

// ask returns the reason for a step-up: a sign-in that does not count any more, else the first control in the order of R5.
func (e *evaluation) ask() (Reason, int) {
	switch {
	case e.renounced:
		return CredentialChanged, codeEveryTime
	case e.unmet&ControlMFA != 0:
		return MFARequired, codeMFA
	case e.unmet&ControlACR != 0:
		return ACRRequired, codeMFA
	case e.everyTime:
		return EveryTimeRequired, codeEveryTime
	case e.unmet&ControlFrequency != 0:
		return FrequencyRequired, codeFrequency
	}
	return IdleTooLong, codeIdle
}
