package caddymodule

import (
	"encoding/binary"
	"sync/atomic"
	"unique"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// made is what one site makes of a session's record for its requests: once for each version of the record, as long as
// the session is in the cache. It does not change. It is as small as it can be, and points to as little as it can: with
// tens of thousands of sessions, that is what every collection of garbage goes through.
type made struct {
	site *Handler
	// text holds the user name, which every line of an access log asks for, and the values of the site's identity headers in
	// their order, each behind its length; empty: no such header.
	text string
	// bits are the person's to the site's policies; few has room for the usual ones.
	bits     []uint64
	few      [7]uint64
	facts    facts
	contexts [1]string // for facts; most people have one
	// newApp: the session has not been used for this app yet.
	newApp bool
	// assertion is the one that was signed last, told what placeholders asked for. Nothing else changes.
	assertion atomic.Pointer[assertion]
	told      atomic.Pointer[person]
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

// made returns what this site makes of a session. An error says that the session cannot be read.
func (h *Handler) made(live *session.Session) (*made, error) {
	kept, _ := live.Ready().(*made)
	for m := kept; m != nil; m = m.next {
		if m.site == h {
			return m, nil
		}
	}
	who, err := live.Record()
	if err != nil {
		return nil, err
	}
	m := &made{site: h, newApp: who.NewApp(h.rt.site.App)}
	m.facts = h.factsOf(who, m.contexts[:0])
	for i, context := range m.facts.auth.ACRs { // else they would hold on to the whole text of the record
		m.facts.auth.ACRs[i] = unique.Make(context).Value()
	}
	m.bits = append(m.few[:0], h.rt.policies.Resolve(h.user(who)).Bits()...)
	user := who.AppUser(h.rt.app.trustsNames(who.Provider))
	text := appendValue(nil, user)
	for i := range h.rt.headers {
		text = appendValue(text, h.rt.headers[i].write(h.rt.writer, user, who))
	}
	m.text = string(text)
	// Two requests at once may each miss what the other adds; it is made again then.
	if kept != nil && kept.nth < maxMadeSites-1 {
		m.next, m.nth = kept, kept.nth+1
	}
	m.self = m
	live.KeepReady(&m.self)
	return m, nil
}

func appendValue(text []byte, value string) []byte {
	return append(binary.BigEndian.AppendUint32(text, uint32(len(value))), value...) //nolint:gosec // part of a record
}

// nextValue takes the first value off a text.
func nextValue(text string) (value, rest string) {
	const head = 4
	end := head + int(text[0])<<24 + int(text[1])<<16 + int(text[2])<<8 + int(text[3])
	return text[head:end], text[end:]
}

func (m *made) user() string {
	user, _ := nextValue(m.text)
	return user
}

// headers hands out the values of the site's identity headers.
func (m *made) headers(take func(i int, value string)) {
	_, text := nextValue(m.text)
	for i := 0; text != ""; i++ {
		var value string
		value, text = nextValue(text)
		take(i, value)
	}
}

// person is what placeholders tell, of nobody if there is an error. It is kept from the first time on: a site that has them
// in its log or in headers asks at every request.
func (m *made) person(live *session.Session) (*person, error) {
	if told := m.told.Load(); told != nil {
		return told, nil
	}
	who, err := live.Record()
	if err != nil {
		return new(person), err
	}
	told := personOf(who)
	m.told.Store(told)
	return told, nil
}

// factsOf are the facts of a session; contexts is empty, and may be room for some.
func (h *Handler) factsOf(who *session.Record, contexts []string) facts {
	return facts{
		auth: policy.Authentication{AuthTime: who.AuthTime, ACRs: oidc.AppendContexts(contexts, who), MFA: h.rt.app.mfa(who)},
		device: policy.Device{
			Compliant: signalOf(who.Compliant), Managed: signalOf(who.Managed), Shared: signalOf(who.Shared),
		},
		signInRisk: riskOf(who.SignInRisk), userRisk: riskOf(who.UserRisk),
	}
}
