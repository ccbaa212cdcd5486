package site

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// siteView is what one site makes of a session's record for its requests: once for each version of the record, as long as
// the session is in the cache. It does not change. It is as small as it can be, and points to as little as it can: with
// tens of thousands of sessions, that is what every collection of garbage goes through.
type siteView struct {
	site *Site
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
	next *siteView
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

// view returns what this site makes of a session. An error says that the session cannot be read.
func (h *Site) view(live *session.Session) (*siteView, error) {
	kept, _ := live.Ready().(*siteView)
	for m := kept; m != nil; m = m.next {
		if m.site == h {
			return m, nil
		}
	}
	who, err := live.Record()
	if err != nil {
		return nil, err
	}
	m := &siteView{site: h, newApp: who.NewApp(h.SignIn.App)}
	m.facts = h.factsOf(who, m.contexts[:0])
	for i, context := range m.facts.auth.ACRs { // else they would hold on to the whole text of the record
		m.facts.auth.ACRs[i] = unique.Make(context).Value()
	}
	m.bits = append(m.few[:0], h.Compiled.Resolve(h.User(who)).Bits()...)
	user := who.AppUser(h.Tenant.trustsNames(who.Provider))
	text := appendValue(nil, user)
	for i := range h.headers {
		text = appendValue(text, h.headers[i].write(h.writer, user, who))
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

func (m *siteView) user() string {
	user, _ := nextValue(m.text)
	return user
}

// headers hands out the values of the site's identity headers.
func (m *siteView) headers(take func(i int, value string)) {
	_, text := nextValue(m.text)
	for i := 0; text != ""; i++ {
		var value string
		value, text = nextValue(text)
		take(i, value)
	}
}

// person is what placeholders tell, of nobody if there is an error. It is kept from the first time on: a site that has them
// in its log or in headers asks at every request.
func (m *siteView) person(live *session.Session) (*person, error) {
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
func (h *Site) factsOf(who *session.Record, contexts []string) facts {
	return facts{
		auth: policy.Authentication{AuthTime: who.AuthTime, ACRs: oidc.AppendContexts(contexts, who), MFA: h.Tenant.mfa(who)},
		device: policy.Device{
			Compliant: SignalOf(who.Compliant), Managed: SignalOf(who.Managed), Shared: SignalOf(who.Shared),
		},
		signInRisk: riskOf(who.SignInRisk), userRisk: riskOf(who.UserRisk),
	}
}

// assertion is a signed statement, ready to be sent for a while. Another host of the site or another key makes another.
type assertion struct {
	text, origin, key string
	made              time.Time
}

// person is what placeholders tell of a user and what is not at hand of a session.
type person struct {
	name, email, subject string
	groups               groups
}

// personOf copies what it tells into one piece of memory, and so keeps nothing else of the record.
func personOf(who *session.Record) *person {
	size := len(who.Name) + len(who.Email) + len(who.Identity.Subject)
	for _, g := range who.Groups {
		size += len(g)
	}
	var text strings.Builder
	text.Grow(size)
	keep := func(s string) string {
		start := text.Len()
		text.WriteString(s)
		return text.String()[start:]
	}
	p := &person{keep(who.Name), keep(who.Email), keep(who.Identity.Subject), make(groups, len(who.Groups))}
	for i, g := range who.Groups {
		p.groups[i] = keep(g)
	}
	return p
}

// groups is a list that prints as text and is a list to CEL: `"admins" in {http.auth.user.groups}`. The text is that of a
// header in the default encoding.
type groups []string

func (g groups) String() string { return identity.UTF8.List(g) }

// SignalOf reads a stored signal. Any word but true, false and unreadable is Unknown.
func SignalOf(word string) policy.Signal {
	switch word {
	case "true":
		return policy.Yes
	case "false":
		return policy.No
	case session.Unreadable:
		return policy.Unreadable
	}
	return policy.Unknown
}

// riskOf reads a risk that a provider stated, as the session's record has it.
func riskOf(word string) (r policy.Risk) {
	if word != "" {
		_ = r.UnmarshalText([]byte(word)) // leaves r unknown
	}
	return r
}
