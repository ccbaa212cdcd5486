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

// siteView is what one site needs of a session's record for its requests. It is computed once for each version of the
// record and kept as long as the session is in the cache. It does not change. It is small and has few pointers, because
// with tens of thousands of sessions every garbage collection scans all of them.
type siteView struct {
	site *Site
	// text holds the user name, which every access log line needs, and the values of the site's identity headers in
	// their order. Each value follows its length; an empty value means no such header.
	text string
	// bits are the user's bits in the site's policies; few has room for the usual number.
	bits     []uint64
	few      [7]uint64
	facts    facts
	contexts [1]string // for facts; most users have one
	// newApp: the session has not been used for this app yet.
	newApp bool
	nth    uint8 // see next
	// assertion is the last signed assertion; told is what placeholders have asked for. No other field changes.
	assertion atomic.Pointer[assertion]
	told      atomic.Pointer[person]
	// self is the value that is kept with the session. next is the view of another site; nth is its number in the list.
	self any
	next *siteView
}

// facts are what a session tells the policies, besides the user's identity.
type facts struct {
	auth                 policy.Authentication
	device               policy.Device
	signInRisk, userRisk policy.Risk
	// signalled is what was reported since the sign-in and is valid for a time; nil if there is nothing.
	signalled *session.Signalled
}

// restrict adds what was reported about the user to a request, as far as it is still valid. A report never makes a risk
// smaller or a device better than the provider's claims do.
func restrict(q *policy.Request, said *session.Signalled) {
	q.UserRisk = higher(q.UserRisk, said.UserRisk.At(q.Time))
	q.SignInRisk = higher(q.SignInRisk, said.SignInRisk.At(q.Time))
	if said.Compliant.At(q.Time) == "false" {
		q.Device.Compliant = policy.No
	}
}

func higher(claimed policy.Risk, reported string) policy.Risk {
	r := riskOf(reported)
	if claimed == policy.RiskUnreadable || r < policy.RiskMedium || claimed != policy.RiskHidden && r <= claimed {
		return claimed
	}
	return r
}

// maxMadeSites limits for how many sites a view is kept with one session.
const maxMadeSites = 16

// view returns this site's view of a session. An error means that the session cannot be read.
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
	for i, context := range m.facts.auth.ACRs { // the copy does not keep the text of the whole record in memory
		m.facts.auth.ACRs[i] = unique.Make(context).Value()
	}
	m.bits = append(m.few[:0], h.Compiled.Resolve(h.User(who)).Bits()...)
	user := who.AppUser(h.Tenant.trustsNames(who.Provider))
	text := appendValue(nil, user)
	for i := range h.headers {
		text = appendValue(text, h.headers[i].write(h.writer, user, who))
	}
	m.text = string(text)
	// Of two concurrent requests one may overwrite the view that the other adds; that view is then computed again.
	if kept != nil && kept.nth < maxMadeSites-1 {
		m.next, m.nth = kept, kept.nth+1
	}
	m.self = m
	live.KeepReady(&m.self)
	return m, nil
}

// attachSession stores the session and the site's view of it in the request.
func (h *Site) attachSession(p *request, live *session.Session) (err error) {
	p.live = live
	if p.view, err = h.view(live); err == nil {
		p.subject = h.Compiled.Subject(p.view.bits)
	}
	return err
}

func appendValue(text []byte, value string) []byte {
	return append(binary.BigEndian.AppendUint32(text, uint32(len(value))), value...) //nolint:gosec // part of a record
}

// nextValue splits the first value off a text.
func nextValue(text string) (value, rest string) {
	const head = 4
	end := head + int(text[0])<<24 + int(text[1])<<16 + int(text[2])<<8 + int(text[3])
	return text[head:end], text[end:]
}

func (m *siteView) user() string {
	user, _ := nextValue(m.text)
	return user
}

// headers calls take with the value of each identity header of the site.
func (m *siteView) headers(take func(i int, value string)) {
	_, text := nextValue(m.text)
	for i := 0; text != ""; i++ {
		var value string
		value, text = nextValue(text)
		take(i, value)
	}
}

// person returns the data for placeholders; if there is an error, it is empty. It is kept after the first call, because
// a site with placeholders in its log or headers asks at every request.
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

// factsOf returns the facts of a session. contexts is empty; its capacity is used if it is enough.
func (h *Site) factsOf(who *session.Record, contexts []string) facts {
	f := facts{
		auth: policy.Authentication{AuthTime: who.AuthTime, ACRs: oidc.AppendContexts(contexts, who), MFA: h.Tenant.mfa(who)},
		device: policy.Device{
			Compliant: SignalOf(who.Compliant), Managed: SignalOf(who.Managed), Shared: SignalOf(who.Shared),
			Bound: who.Binding.Bound(),
		},
		signInRisk: riskOf(who.SignInRisk), userRisk: riskOf(who.UserRisk),
	}
	if who.Weakened() {
		f.auth.ACRs, f.auth.MFA = f.auth.ACRs[:0], false
	}
	f.auth.Renounced = who.Renounced()
	if who.Signalled != (session.Signalled{}) {
		said := who.Signalled
		f.signalled = &said
	}
	return f
}

// assertion is a signed statement that can be sent for a limited time. Another host of the site or another key needs a
// new one.
type assertion struct {
	text, origin, key string
	made              time.Time
}

// person is the data for placeholders that is not read directly from a session.
type person struct {
	name, email, subject string
	groups               groups
}

// personOf copies the data into one allocation, so that it does not keep the record in memory.
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

// groups is a list that prints as text and is a list in CEL: `"admins" in {http.auth.user.groups}`. The text has the
// form of a header in the default encoding.
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

// riskOf parses a risk that a provider stated, in the form of the session's record.
func riskOf(word string) (r policy.Risk) {
	if word != "" {
		_ = r.UnmarshalText([]byte(word)) // leaves r unknown
	}
	return r
}
