package caddymodule

import (
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Admit implements signin.Gate: at the end of a sign-in everything but the routes is held against the person. What
// depends on a route speaks when the request for it comes.
func (h *Handler) Admit(v *signin.Visit, who *session.Session) signin.Admission {
	request := h.request(nil, v, h.rt.policies.Resolve(user(who)), who)
	d := h.rt.policies.Evaluate(request)
	a := signin.Admission{
		Persistence:   persistence(d.PersistentBrowser),
		SharedNetwork: h.rt.policies.Locate(v.IP).Shared,
		PolicyStatus:  string(d.Status),
	}
	for o := range d.Applied {
		a.Policies = append(a.Policies, signinlog.AppliedPolicy{Name: o.Policy, Result: o.Result.String()})
	}
	if d.Verdict == policy.Block {
		a.Refusal = refusal(&d)
	}
	return a
}

// request describes a request to the policies. r is nil at the end of a sign-in, who for an anonymous client.
func (h *Handler) request(r *http.Request, v *signin.Visit, subject *policy.Subject, who *session.Session) *policy.Request {
	q := &policy.Request{Subject: subject, App: h.rt.site.App, IP: v.IP, Time: time.Now(), NoRoute: r == nil}
	if r != nil && len(h.rt.matchers.sets) > 0 {
		q.Match = &requestMatcher{h.rt.matchers, r}
	}
	if who != nil {
		q.Auth = policy.Authentication{AuthTime: who.AuthTime}
		if who.ACR != "" {
			q.Auth.ACRs = []string{who.ACR}
		}
	}
	return q
}

// user is a person as policies can name them: by the name that the log shows, by a verified mail address, by subject.
func user(who *session.Session) policy.User {
	return policy.User{
		Names:       who.Names(),
		Groups:      who.Groups,
		GroupsKnown: who.GroupsComplete,
		Guest:       who.Guest,
		Provider:    who.Provider,
	}
}

func persistence(p policy.Persistence) signin.Persistence {
	switch p {
	case policy.Always:
		return signin.PersistenceAlways
	case policy.Never:
		return signin.PersistenceNever
	}
	return signin.PersistenceUnset
}

// refusal puts a decision into words for the person, the log and a script: the same reason in each.
func refusal(d *policy.Decision) *signin.Refusal {
	out := &signin.Refusal{
		Code: signinlog.Code(d.Code), Reason: string(d.Reason), Title: pages.BlockPolicy, Policies: d.Policies(),
	}
	switch d.Reason {
	case policy.Denied, policy.NotAdmitted:
		out.Title = pages.BlockNotAssigned
	case policy.GroupOverage:
		out.Title = pages.BlockGroups
	case policy.NetworkUnknown:
		out.Title = pages.BlockNetwork
	case policy.PlatformBlocked, policy.DeviceNotCompliant, policy.DeviceUnknown:
		out.Title = pages.BlockDevice
	case policy.MFARequired, policy.ACRRequired, policy.FrequencyRequired, policy.EveryTimeRequired:
		out.Title = pages.BlockRequirement
	}
	return out
}
