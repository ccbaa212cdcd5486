package signin

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const (
	// flowLife is how long a sign-in may take: people fetch their second factor, and lunch.
	flowLife = time.Hour
	// maxFlows is how many sign-ins one browser may have under way, one a tab; the oldest goes first.
	maxFlows = 5
	// stateSize and verifierSize are bytes of randomness (RFC 7636, section 4.1; RFC 9700, section 2.1).
	stateSize    = 16
	verifierSize = 32
)

// flow is the state of one sign-in under way. It lives sealed in a cookie of its own, so that several tabs can sign in
// at once, an anonymous request writes nothing, and a restart loses nothing.
type flow struct {
	Name     string `json:"n"`
	State    string `json:"s"`
	Nonce    string `json:"o"`
	Verifier string `json:"v"`
	Provider string `json:"p"`
	Via      string `json:"e,omitempty"` // what follows the callback's path; see callbackPath
	Origin   string `json:"u"`
	Return   string `json:"r"`
	trail
	// Consent: the provider was asked to show its consent page (K13).
	Consent bool `json:"k,omitempty"`
	wish
	// Ignored: the provider was asked for the demand and has not shown it; this flow asks a second and last time. Rounds
	// is how many flows came before for one sign-in because more was demanded.
	Ignored bool `json:"x,omitempty"`
	Rounds  int  `json:"rounds,omitempty"`
	// Retried: the provider demanded consent, and this flow is the second one, which asks for it.
	Retried bool `json:"y,omitempty"`
	// Away: the sign-in host ends the flow, with a ticket. For is the site on whose behalf it goes on there.
	Away bool      `json:"w,omitempty"`
	For  *handover `json:"f,omitempty"`
	// Silent: the claims of a session are renewed without a page at the provider.
	Silent bool `json:"i,omitempty"`

	// Challenge is Entra's claims challenge, which this flow answers: the parameter claims, beside what we ask for there.
	Challenge string `json:"h,omitempty"`

	proven    bool   // a state or a ticket that belongs to it has come back
	tokenHint string // the id_token_hint, which is not kept
}

// wish is what a sign-in is to be like, whichever flow, provider and host it goes through: it is copied as a whole.
type wish struct {
	// Demand is what the sign-in must achieve, nil for nothing more than to say who it is. Step: it is a step-up of the
	// session that the browser presents.
	Demand *oidc.Demand `json:"d,omitempty"`
	Step   bool         `json:"z,omitempty"`
	// Other: another person than the provider remembers is to sign in. Login: the provider has to ask for credentials.
	Other bool `json:"other,omitempty"`
	Login bool `json:"l,omitempty"`
	// Locales are the languages that the link to the sign-in named (ui_locales). Hint is who may be meant (login_hint).
	Locales string `json:"lang,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// trail ties together what belongs to one sign-in, through all its flows and hosts: it is copied as a whole.
type trail struct {
	// StartedMS is when the sign-in began, in Unix milliseconds. Correlation is its id in the log.
	StartedMS   int64  `json:"t"`
	Correlation string `json:"c,omitempty"`
}

func (t trail) started() time.Time { return time.UnixMilli(t.StartedMS).UTC() }

func (f *flow) redirectURI() string { return f.Origin + browser.Base + f.callbackPath() }

// callbackPath is where the provider of this flow answers, and no other does: the first provider at /callback, each other
// one at a path with its name. A response that was lured away from the provider that gave it then arrives where the flow
// does not look for it, also if neither says who it is (mix-up, RFC 9700 section 4.4.2.2).
func (f *flow) callbackPath() string {
	if f.Via == "" {
		return callbackBase
	}
	return callbackBase + "/" + f.Via
}

const callbackBase = "/callback"

// CallbackPath is where a provider sends people back to, below the origin of a site.
func CallbackPath(provider string, first bool) string {
	if first {
		return browser.Base + callbackBase
	}
	return browser.Base + callbackBase + "/" + provider
}

// page is the page that the sign-in is for: a path on this site, or an address on the one on whose behalf it is.
func (f *flow) page() string {
	if f.For != nil {
		return f.For.page()
	}
	return f.Return
}

func (f *flow) expires() time.Time { return f.started().Add(flowLife) }

// The state parameter is the flow's name, a mark and a random part. The name finds the cookie. The mark says that the
// sign-in was begun anew after its cookie was lost, so that a browser that keeps no cookies is not sent round for
// ever; it is not sealed, as whoever forges it only gets an error page sooner.
const (
	markFirst   = "-"
	markRestart = "~"
)

func (f *flow) wireState(restarted bool) string {
	mark := markFirst
	if restarted {
		mark = markRestart
	}
	return f.Name + mark + f.State
}

// parseState takes a state parameter apart. ok is false for what we never sent.
func parseState(state string) (name, random string, restarted, ok bool) {
	const randomSize = (stateSize*8 + 5) / 6
	if len(state) != browser.FlowNameSize+1+randomSize || strings.IndexFunc(state[:browser.FlowNameSize]+state[browser.FlowNameSize+1:], notBase64URL) >= 0 {
		return "", "", false, false
	}
	mark := state[browser.FlowNameSize : browser.FlowNameSize+1]
	return state[:browser.FlowNameSize], state[browser.FlowNameSize+1:], mark == markRestart, mark == markFirst || mark == markRestart
}

func notBase64URL(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func (s *flows) newFlow(v *access.Visit, p *oidc.Provider, ret string) *flow {
	f := &flow{
		Name:     session.NewRandom(browser.FlowNameSize * 3 / 4),
		State:    session.NewRandom(stateSize),
		Nonce:    session.NewRandom(stateSize),
		Verifier: session.NewRandom(verifierSize),
		Provider: p.Name,
		Via:      s.via(p),
		Origin:   v.Origin,
		Return:   browser.ReturnPath(ret),
		trail:    trail{StartedMS: s.Now().UnixMilli(), Correlation: session.NewRandom(stateSize)},
		wish:     wish{Locales: v.Locales},
		Consent:  p.AsksForConsent(),
	}
	if len(ret) > browser.MaxReturn || browser.IsCut(f.Return) {
		s.noteTooLong(v, f, len(ret))
	}
	return f
}

// want makes a flow one that is wished for; the languages are those that the link named.
func (f *flow) want(w wish) {
	locales := f.Locales
	f.wish = w
	f.Locales = cmp.Or(w.Locales, locales)
}

// again is a second authorization request for the sign-in of f: everything is as before but what belongs to one request.
func (s *flows) again(f *flow) *flow {
	next := *f
	next.Name = session.NewRandom(browser.FlowNameSize * 3 / 4)
	next.State, next.Nonce, next.Verifier = session.NewRandom(stateSize), session.NewRandom(stateSize), session.NewRandom(verifierSize)
	next.StartedMS = s.Now().UnixMilli()
	return &next
}

// request is the authorization request of the flow.
func (f *flow) request(restarted bool) oidc.AuthRequest {
	return oidc.AuthRequest{
		RedirectURI: f.redirectURI(), State: f.wireState(restarted), Nonce: f.Nonce, Verifier: f.Verifier,
		Demand: f.Demand, Challenge: f.Challenge, Login: f.Login || f.Ignored, OtherUser: f.Other, Consent: f.Consent,
		Silent: f.Silent, IDTokenHint: f.tokenHint, LoginHint: f.Hint, Locales: f.Locales,
	}
}

func (f *flow) matches(random string) bool {
	return subtle.ConstantTimeCompare([]byte(f.State), []byte(random)) == 1
}

// handover is what a site asks of the sign-in host: to sign somebody in on its behalf, and to send them back with a
// ticket. It travels sealed in the address that the browser is sent to, so that nobody but a site of ours can ask, and
// it names the flow of the browser that began it: the ticket is good for no other (A23, A42).
type handover struct {
	App string `json:"a"`
	// Origin and Host are the site's, as its Visit had them.
	Origin string `json:"o"`
	Host   string `json:"i"`
	// Flow and State are name and secret of the flow that the site keeps in its cookie.
	Flow  string `json:"f"`
	State string `json:"s"`
	// Return is the page that was asked for there.
	Return string `json:"r"`
	trail
	// Provider is the one that the person chose at the site; empty if they chose none.
	Provider string `json:"p,omitempty"`
	// Have names, by a short hash, the session that the browser presented at the site and that will not do as it is.
	Have string `json:"h,omitempty"`
	// Wish is that of the site's flow.
	Wish wish `json:"wish,omitzero"`
	beginning
	// Later is the page of the tab that answered the prompt; empty if it is the flow's own.
	Later string `json:"-"`
	// Cut: the sign-in host has no room for Return, which the site has; see keepFlow.
	Cut bool `json:"cut,omitempty"`
	// Keep: the sign-in host holds a session that this site does not take and others may.
	Keep bool `json:"k,omitempty"`
	// Browser is the browser that the site has confirmed to be the one that began; see confirm.
	Browser string `json:"b,omitempty"`
}

// beginning is how a sign-in began, beside what it is to be like. The zero value is that of a page that was opened. A
// hand-over carries it as a whole.
type beginning struct {
	// Tighten is why the session that was presented has to end with the browser; empty if nothing at the site says so.
	Tighten string `json:"n,omitempty"`
	// Anew: the user asked to sign in, so that an unanswered prompt counts as abandoned (A8).
	Anew bool `json:"w,omitempty"`
	// Restarted: the sign-in begins again by itself, because its cookie or its ticket was lost.
	Restarted bool `json:"y,omitempty"`
	// Elsewhere: a page of another origin began the sign-in, so that whatever session the site takes goes on.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// challenge is the claims challenge that ended the session that was presented, for the flow of this host; empty if
	// none did.
	challenge string
}

// page is the page that the sign-in is for.
func (h *handover) page() string { return h.Origin + h.Return }

func (h *handover) expired(now time.Time) bool {
	return !now.Before(h.started().Add(flowLife))
}

// take makes a flow one on a site's behalf: it keeps the correlation id of the site's, and what the ticket needs.
func (f *flow) take(h *handover) {
	f.trail, f.wish = h.trail, h.Wish
	there := *h
	// The flow has these itself, in a cookie that has little room.
	there.Correlation, there.Provider, there.Browser, there.Wish, there.Anew = "", "", "", wish{}, false
	f.For = &there
}

// log writes an entry about a flow whose person is not known (yet). f may be nil.
func (s *flows) log(v *access.Visit, r *http.Request, f *flow, rec signinlog.Record) {
	rec.Created = s.Now()
	if f != nil {
		rec.Created, rec.CorrelationID, rec.Provider = f.started(), f.Correlation, f.Provider
		rec.SessionLifetime = lifetime(f.Demand)
	}
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = true
	// Anybody can send what leads here without having begun a sign-in, so nothing of it is stored (field trial 2.6).
	rec.Unproven = rec.UserSubject == "" && (f == nil || !f.proven)
	s.Write(rec)
}

// lifetime says why the person had to sign in again, if it was for the age of their sign-in (L5).
func lifetime(d *oidc.Demand) []string {
	switch {
	case d == nil:
		return nil
	case d.PromptLogin:
		return []string{signinlog.FrequencyEveryTime}
	case d.Reauthenticate:
		return []string{signinlog.FrequencyPeriodic}
	}
	return nil
}

// logPerson writes an entry about somebody who has proven who they are.
func (s *flows) logPerson(v *access.Visit, r *http.Request, f *flow, who *session.Record, rec signinlog.Record) {
	s.log(v, r, f, access.EntryOf(who, rec))
}

// logHandover writes an entry about a sign-in in which nobody was asked anything: a session went on to another site.
func (s *flows) logHandover(v *access.Visit, r *http.Request, of trail, rec signinlog.Record) {
	rec.Created, rec.CorrelationID = of.started(), of.Correlation
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = false
	s.Write(rec)
}

// noteTooLong tells the operator of a page that a sign-in cannot return to. The address is not logged: its query may hold
// anything.
//
// A size of browser.MaxReturn at most is that of an address which was cut short before, or whose sign-in has to achieve too much for
// both to fit.
func (s *flows) noteTooLong(v *access.Visit, f *flow, size int) {
	s.Logger.Info("address of a page too long to be kept through a sign-in: the user is told, and goes on to the page without its query",
		zap.String("app", v.Site.App), zap.Int("bytes", size), zap.Int("limit", browser.MaxReturn), zap.String("correlation_id", f.Correlation))
}

// via is what follows the callback's path for a provider.
func (s *flows) via(p *oidc.Provider) string {
	if p == noProvider || p == s.Providers[0] {
		return ""
	}
	return p.Name
}

// noProvider stands for a choice that is left to the sign-in host.
var noProvider = &oidc.Provider{}
