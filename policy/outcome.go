package policy

import "strings"

// Result is the result of one policy (L4, O1).
type Result uint8

// The results.
const (
	ResultSuccess               Result = iota // applied and is satisfied
	ResultFailure                             // applied and blocks, or is not satisfied
	ResultNotApplied                          // some condition is not met
	ResultNotEnabled                          // mode off
	ResultUnknown                             // could not be evaluated, which refuses the request
	ResultReportOnlySuccess                   // would be satisfied
	ResultReportOnlyFailure                   // would refuse the request
	ResultReportOnlyInterrupted               // would ask for a sign-in
	ResultReportOnlyNotApplied                // some condition is not met
)

var resultWords = []string{
	"success", "failure", "notApplied", "notEnabled", "unknown",
	"reportOnlySuccess", "reportOnlyFailure", "reportOnlyInterrupted", "reportOnlyNotApplied",
}

func (r Result) String() string { return word(resultWords, r) }

// Unmet is a set of reasons why a policy does not apply.
type Unmet uint16

// The reasons, in the order in which First looks for them (W3).
const (
	UnmetMode        Unmet = 1 << iota // the policy is off
	UnmetUsers                         // the user is not included, or is excluded
	UnmetApp                           // the app is not included, or is excluded
	UnmetLocation                      // the network is not included, or is excluded
	UnmetPlatform                      //
	UnmetClient                        //
	UnmetSignInRisk                    //
	UnmetUserRisk                      //
	UnmetDevice                        //
	UnmetMatch                         // the caller's matcher says no
	UnmetInformation                   // no user is signed in or there is no route, and the policy depends on it
)

var unmetWords = []string{
	"policyNotEnabled", "users", "application", "location", "devicePlatform", "clientApps",
	"signInRisk", "userRisk", "devices", "match", "notEnoughInformation",
}

// First returns the first reason, in Microsoft's words where they exist, or "" (W2).
func (u Unmet) First() string {
	for i, w := range unmetWords {
		if u&(1<<i) != 0 {
			return w
		}
	}
	return ""
}

// Words returns all reasons.
func (u Unmet) Words() []string { return wordsOf(unmetWords, uint16(u)) }

func (u Unmet) String() string { return strings.Join(u.Words(), ",") }

// Controls is a set of controls that are not satisfied.
type Controls uint8

// The controls that can be left unsatisfied, in the order in which they are asked for (R5).
const (
	ControlBlock Controls = 1 << iota
	ControlMFA
	ControlACR
	ControlBinding
	ControlDevice
	ControlFrequency
	ControlIdle
)

var controlWords = []string{"block", "mfa", "acr", "bound_session", "compliant_device", "sign_in_frequency", "max_idle"}

// Words returns all controls in c.
func (c Controls) Words() []string { return wordsOf(controlWords, uint16(c)) }

func (c Controls) String() string { return strings.Join(c.Words(), ",") }

func wordsOf(words []string, mask uint16) (list []string) {
	for i, w := range words {
		if mask&(1<<i) != 0 {
			list = append(list, w)
		}
	}
	return list
}

// Outcome is the result of one policy with its details.
type Outcome struct {
	Policy string
	// Site is the app of the policy's site, or empty if the policy is for all sites.
	Site     string
	Position string
	Mode     Mode
	Result   Result
	// Grants and Sessions are the policy's controls in the words of the configuration. The caller must not change them.
	Grants, Sessions []string
	// Missing are the controls that are not satisfied, if the policy applied.
	Missing Controls
	// Gaps are the facts that were unknown when it counted as applying.
	Gaps Gaps
	// Unmet is why it did not apply. Only Explain sets Unmet, Excluded and Err.
	Unmet Unmet
	// Excluded is the part of Unmet that comes from the exclude part.
	Excluded Unmet
	// Err is why it could not be evaluated.
	Err error
}

func (s *Set) outcome(i int) Outcome {
	p := s.policy(i)
	return Outcome{
		Policy: p.source.Name, Site: p.site, Position: p.source.Position, Mode: p.source.Mode,
		Grants: p.grants, Sessions: p.sessions,
	}
}

// controls returns the grant and session controls in words.
func (p *Policy) controls() (grants, sessions []string) {
	if p.Block {
		grants = append(grants, "block")
	}
	for _, r := range p.Require {
		grants = append(grants, r.String())
	}
	if len(p.RequireAny) > 0 {
		var one []string
		for _, r := range p.RequireAny {
			one = append(one, r.String())
		}
		grants = append(grants, "any of "+strings.Join(one, " "))
	}
	if p.SignInFrequency.isSet() {
		sessions = append(sessions, "sign_in_frequency "+p.SignInFrequency.String())
	}
	if p.PersistentBrowser != Unset {
		sessions = append(sessions, "persistent_browser "+p.PersistentBrowser.String())
	}
	if p.MaxIdle != 0 {
		sessions = append(sessions, "max_idle "+p.MaxIdle.String())
	}
	return grants, sessions
}
