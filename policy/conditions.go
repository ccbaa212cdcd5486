package policy

import "slices"

// conditions returns which of p's conditions do not hold, and the unknown facts about those that do.
func (e *evaluation) conditions(p *compiled) (unmet Unmet, gaps Gaps) {
	r := e.r
	if p.platforms != 0 && p.platforms&(1<<r.Platform) == 0 {
		unmet |= UnmetPlatform
	}
	if p.clients != 0 && p.clients&(1<<r.Client) == 0 {
		unmet |= UnmetClient
	}
	if p.signInRisk != 0 {
		unmet |= e.riskUnmet(p.signInRisk, r.SignInRisk, UnmetSignInRisk, &gaps)
	}
	if p.userRisk != 0 {
		unmet |= e.riskUnmet(p.userRisk, r.UserRisk, UnmetUserRisk, &gaps)
	}
	if p.onlyBinding && r.mayBind() {
		unmet |= UnmetInformation // the first request shows it; the log of the sign-in must not call it satisfied
	}
	for a, want := range p.devices {
		is := e.device[a]
		switch {
		case want == 0:
		case Attribute(a) == Bound && is == Unknown:
			if e.anonymous || !slices.Contains(r.Routed, p.source.Name) {
				unmet |= UnmetInformation // it is known at the first request after the sign-in
			}
		case is == Unreadable:
			gaps |= GapClaim
		case is == Unknown && e.anonymous && want&(1<<Yes) == 0:
			unmet |= UnmetInformation // after a sign-in the condition may fail
		case Attribute(a) == Shared && is != Yes && !e.place.Known && e.set.places.anyShare:
			gaps |= GapNetwork // the address may be in a shared network
		case is == Unknown && e.anonymous:
			unmet |= UnmetInformation // a sign-in may supply it
		case want&(1<<is) == 0:
			unmet |= UnmetDevice
		}
	}
	return unmet, gaps
}

func (e *evaluation) riskUnmet(want uint8, is Risk, unmet Unmet, gaps *Gaps) Unmet {
	switch {
	case is == RiskUnreadable:
		*gaps |= GapClaim
	case is == RiskUnknown && e.anonymous:
		return UnmetInformation // a sign-in may supply it
	case want&(1<<is) == 0:
		return unmet
	}
	return 0
}
