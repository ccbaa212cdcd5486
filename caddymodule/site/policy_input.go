package site

import (
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/useragent"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Admit implements access.Gate. At the end of a sign-in it evaluates all rules except those that depend on a route. A
// rule that depends on a route is evaluated when the request for it arrives, unless it demanded this sign-in.
func (h *Site) Admit(v *access.Visit, who *session.Record, asked access.Asked) access.Admission {
	request := h.Request(nil, v, h.Compiled.Resolve(h.User(who)), who)
	request.Routed, request.Idle = asked.Policies, asked.Idle
	d := h.Compiled.Evaluate(request)
	a := access.Admission{
		Persistence:   Persistence(d.PersistentBrowser),
		SharedNetwork: h.Compiled.Locate(v.IP).Shared,
		PolicyStatus:  string(d.Status),
		Err:           d.Err,
	}
	a.Policies = applied(&d)
	if d.Verdict != policy.Allow {
		a.Refusal = refusal(&d)
	}
	if d.Verdict == policy.StepUp {
		a.Demand = Demand(&d)
	}
	return a
}

// applied returns the policies that applied, for the sign-in log.
func applied(d *policy.Decision) (out []signinlog.AppliedPolicy) {
	for o := range d.Applied {
		out = append(out, signinlog.AppliedPolicy{
			Name: o.Policy, Result: o.Result.String(), GrantControls: o.Grants, SessionControls: o.Sessions,
		})
	}
	return out
}

// Demand returns what a sign-in must achieve; nil if it only has to identify the user.
func Demand(d *policy.Decision) *oidc.Demand {
	n := d.Demand
	if !n.MFA && len(n.ACRs) == 0 && !n.Reauthenticate && !n.PromptLogin {
		return nil
	}
	return &oidc.Demand{
		MFA: n.MFA, ACRs: n.ACRs, Reauthenticate: n.Reauthenticate, MaxAge: n.MaxAge, PromptLogin: n.PromptLogin,
		Policies: d.DemandPolicies(),
	}
}

// Request returns the input of the policies for a request. r is nil at the end of a sign-in; who is nil for an
// anonymous client.
func (h *Site) Request(r *http.Request, v *access.Visit, subject *policy.Subject, who *session.Record) *policy.Request {
	p := &request{visit: *v}
	if who == nil {
		h.describe(p, r, subject, nil, time.Time{})
		return &p.query
	}
	f := h.factsOf(who, nil)
	h.describe(p, r, subject, &f, who.LastUsed)
	return &p.query
}

// describe is Request with memory that p provides. f are the facts of the session, nil for an anonymous client.
func (h *Site) describe(p *request, r *http.Request, subject *policy.Subject, f *facts, lastUsed time.Time) {
	q, v := &p.query, &p.visit
	q.Subject, q.App, q.IP, q.Time, q.NoRoute = subject, h.SignIn.App, v.IP, time.Now(), r == nil
	if r != nil && h.matchers.count() > 0 {
		p.match = requestMatcher{h.matchers, r}
		q.Match = &p.match
	}
	if h.needed.platform {
		q.Platform = useragent.Platform(v.Header)
	}
	if h.needed.client {
		q.Client = policy.Browser // which is the client that users sign in with
		if r != nil {
			q.Client = useragent.Client(r)
		}
	}
	if f != nil {
		q.Auth, q.Device, q.SignInRisk, q.UserRisk = f.auth, f.device, f.signInRisk, f.userRisk
		if f.signalled != nil {
			restrict(q, f.signalled)
		}
		if r != nil {
			q.Idle = max(q.Time.Sub(lastUsed), 0)
		}
	}
}

// User returns the names by which policies can select a user: the name in the log, a verified mail address, the
// subject.
func (h *Site) User(who *session.Record) policy.User {
	names, claimed := who.Called(h.Tenant.trustsNames(who.Provider))
	id := who.SubjectName()
	if id == "" { // it reads as the name of a service, which grants nothing
		claimed = session.AddName(claimed, who.Identity.Subject)
	}
	return policy.User{
		ID:               id,
		Names:            names,
		Claimed:          claimed,
		Groups:           who.Groups,
		GroupsKnown:      who.GroupsComplete,
		GroupsUnreadable: who.GroupsUnclear,
		Guest:            who.Guest,
		GuestUnreadable:  who.GuestUnclear,
		Provider:         who.Provider,
	}
}

// Persistence is what a policy says of a session's persistence, in the words of the prompt.
func Persistence(p policy.Persistence) prompt.Persistence {
	switch p {
	case policy.Always:
		return prompt.PersistenceAlways
	case policy.Never:
		return prompt.PersistenceNever
	}
	return prompt.PersistenceUnset
}

// refusal returns the reason of a decision for the page, the log and scripts. All three get the same reason.
func refusal(d *policy.Decision) *access.Refusal {
	out := &access.Refusal{
		Code: signinlog.Code(d.Code), Reason: string(d.Reason), Title: pages.BlockPolicy, Policies: d.Policies(),
	}
	switch d.Reason {
	case policy.Denied, policy.NotAdmitted:
		out.Title = pages.BlockNotAssigned
	case policy.NameUnverified:
		out.Title = pages.BlockNotAssigned
	case policy.GroupOverage:
		out.Title = pages.BlockGroups
	case policy.NetworkUnknown:
		out.Title = pages.BlockNetwork
	case policy.PlatformBlocked, policy.DeviceNotCompliant, policy.DeviceUnknown:
		out.Title = pages.BlockDevice
	case policy.BindingRequired:
		out.Title = pages.BlockBinding
	case policy.MFARequired, policy.ACRRequired, policy.FrequencyRequired, policy.EveryTimeRequired, policy.CredentialChanged:
		out.Title = pages.BlockRequirement
	}
	return out
}
