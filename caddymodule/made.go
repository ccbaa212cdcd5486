package caddymodule

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// made is what one site makes of a session's record for its requests: once for each version of the record, as long as
// the session is in the cache. It does not change.
type made struct {
	site        *Handler
	subject     *policy.Subject
	facts       facts
	headers     []string // in the order of the site's identity headers; empty: no such header
	placeholder func(key string) (any, bool)
	// logged is what the access log says of a request that is allowed.
	logged zap.Field
	// assertion is the one that was signed last, the only part that changes.
	assertion atomic.Pointer[assertion]
}

// facts are what a session tells the policies beside who somebody is.
type facts struct {
	auth                 policy.Authentication
	device               policy.Device
	signInRisk, userRisk policy.Risk
}

// madeSites are what several sites have made of one session.
type madeSites []*made

// maxMadeSites bounds for how many sites something is kept beside one session.
const maxMadeSites = 16

// made returns what this site makes of a session.
func (h *Handler) made(who *session.Session) *made {
	if m := h.ready(who); m != nil {
		return m
	}
	m := &made{
		site:        h,
		subject:     h.rt.policies.Resolve(user(who)),
		facts:       h.newFacts(who),
		headers:     make([]string, len(h.rt.headers)),
		placeholder: func(key string) (any, bool) { return placeholder(key, who) },
		logged:      zap.Inline(allowedEntry(who.ID)),
	}
	for i := range h.rt.headers {
		m.headers[i] = h.rt.headers[i].value(who)
	}
	sites, _ := who.Ready().(madeSites)
	if len(sites) >= maxMadeSites {
		sites = sites[1:]
	}
	// Two requests at once may each miss what the other adds; it is made again then.
	who.KeepReady(append(sites[:len(sites):len(sites)], m))
	return m
}

func (h *Handler) ready(who *session.Session) *made {
	sites, _ := who.Ready().(madeSites)
	for _, m := range sites {
		if m.site == h {
			return m
		}
	}
	return nil
}

func (h *Handler) factsOf(who *session.Session) *facts {
	if m := h.ready(who); m != nil {
		return &m.facts
	}
	f := h.newFacts(who)
	return &f
}

func (h *Handler) newFacts(who *session.Session) facts {
	return facts{
		auth: policy.Authentication{AuthTime: who.AuthTime, ACRs: signin.Contexts(who), MFA: h.rt.app.mfa(who)},
		device: policy.Device{
			Compliant: signalOf(who.Compliant), Managed: signalOf(who.Managed), Shared: signalOf(who.Shared),
		},
		signInRisk: riskOf(who.SignInRisk), userRisk: riskOf(who.UserRisk),
	}
}
