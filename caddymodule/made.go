package caddymodule

import (
	"sync/atomic"

	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// made is what one site makes of a session's record for its requests: once for each version of the record, as long as
// the session is in the cache. It does not change. It is one piece of memory as far as it can be: with tens of thousands
// of sessions, each piece more is looked at by every collection of garbage, and is far away for every request.
type made struct {
	site *Handler
	// headers are in the order of the site's identity headers; empty: no such header. few has room for the usual ones.
	headers     []string
	few         [4]string
	names       [session.MaxNames]string // for subject
	contexts    [1]string                // for facts; most people have one
	placeholder func(key string) (any, bool)
	facts       facts
	subject     policy.Subject
	who         session.ID
	// assertion is the one that was signed last, the only part that changes.
	assertion atomic.Pointer[assertion]
	// self is what is kept beside the session; next is what another site has made of it, and after how many.
	self any
	next *made
	nth  int
}

// facts are what a session tells the policies beside who somebody is.
type facts struct {
	auth                 policy.Authentication
	device               policy.Device
	signInRisk, userRisk policy.Risk
}

// maxMadeSites bounds for how many sites something is kept beside one session.
const maxMadeSites = 16

// made returns what this site makes of a session.
func (h *Handler) made(who *session.Session) *made {
	if m := h.ready(who); m != nil {
		return m
	}
	m := &made{
		site: h, who: who.ID,
		placeholder: func(key string) (any, bool) { return placeholder(key, who) },
	}
	m.facts = h.newFacts(who, m.contexts[:0])
	h.rt.policies.ResolveTo(&m.subject, user(who, m.names[:0]))
	m.headers = m.few[:0]
	for i := range h.rt.headers {
		m.headers = append(m.headers, h.rt.headers[i].value(who))
	}
	// Two requests at once may each miss what the other adds; it is made again then.
	if other, ok := who.Ready().(*made); ok && other.nth < maxMadeSites-1 {
		m.next, m.nth = other, other.nth+1
	}
	m.self = m
	who.KeepReady(&m.self)
	return m
}

func (h *Handler) ready(who *session.Session) *made {
	m, _ := who.Ready().(*made)
	for m != nil && m.site != h {
		m = m.next
	}
	return m
}

// MarshalLogObject implements zapcore.ObjectMarshaler: what the access log says of a request that is allowed, put together
// only if it is written.
func (m *made) MarshalLogObject(to zapcore.ObjectEncoder) error {
	to.AddString("latchkey_decision", policy.Allow.String())
	to.AddString("latchkey_session", m.who.Short())
	return nil
}

func (h *Handler) factsOf(who *session.Session) *facts {
	if m := h.ready(who); m != nil {
		return &m.facts
	}
	f := h.newFacts(who, nil)
	return &f
}

// newFacts are the facts of a session; contexts is empty, and room for some.
func (h *Handler) newFacts(who *session.Session, contexts []string) facts {
	return facts{
		auth: policy.Authentication{AuthTime: who.AuthTime, ACRs: signin.AppendContexts(contexts, who), MFA: h.rt.app.mfa(who)},
		device: policy.Device{
			Compliant: signalOf(who.Compliant), Managed: signalOf(who.Managed), Shared: signalOf(who.Shared),
		},
		signInRisk: riskOf(who.SignInRisk), userRisk: riskOf(who.UserRisk),
	}
}
