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
	// flowLife is how long a sign-in may take, so that users can fetch their second factor.
	flowLife = time.Hour
	// maxFlows is how many sign-ins one browser may have in progress, one for each tab; the oldest is dropped first.
	maxFlows = 5
	// stateSize and verifierSize are numbers of random bytes (RFC 7636, section 4.1; RFC 9700, section 2.1).
	stateSize    = 16
	verifierSize = 32
)

// flow is the state of one sign-in in progress. Each is sealed in its own cookie, so that several tabs can sign in at
// once, an anonymous request writes nothing to the store, and a restart loses nothing.
type flow struct {
	Name     string `json:"n"`
	State    string `json:"s"`
	Nonce    string `json:"o"`
	Verifier string `json:"v"`
	Provider string `json:"p"`
	Via      string `json:"e,omitempty"` // the part after the callback's path; see callbackPath
	Origin   string `json:"u"`
	Return   string `json:"r"`
	trail
	// Consent: the provider was asked to show its consent page (K13).
	Consent bool `json:"k,omitempty"`
	wish
	// Ignored: the provider did not show what was demanded; this flow demands it a second and last time. Rounds is the
	// number of previous flows of the same sign-in that were not enough.
	Ignored bool `json:"x,omitempty"`
	Rounds  int  `json:"rounds,omitempty"`
	// Retried: the provider demanded consent, and this flow is the second one, which requests it.
	Retried bool `json:"y,omitempty"`
	// Overtaken: the ID token for the flow before had the nonce of another one, and this flow is the second try.
	Overtaken bool `json:"overtaken,omitempty"`
	// Away: the sign-in host ends the flow, with a ticket. For is the site on whose behalf it continues there.
	Away bool      `json:"w,omitempty"`
	For  *handover `json:"f,omitempty"`
	// Silent: the claims of a session are renewed without a page at the provider.
	Silent bool `json:"i,omitempty"`
	// Tokens: what comes back is for the tokens of the user's programs, see startGrant. The flow is Silent as well.
	Tokens bool `json:"tokens,omitempty"`
	// Quiet: the provider is asked without a page whether the user of a bound session uses this browser; see provenAgain.
	Quiet bool `json:"quiet,omitempty"`

	// ProofKey is the private key to which the code and the tokens are bound (RFC 9449); empty if they are bound to none.
	ProofKey []byte `json:"dpop,omitempty"`

	// Challenge is Entra's claims challenge, which this flow answers: a value of the parameter claims, in addition to
	// our own.
	Challenge string `json:"h,omitempty"`

	proven    bool   // a state or a ticket of it has come back
	tokenHint string // the id_token_hint, which is not stored
}

// wish contains the requirements of a sign-in, for any flow, provider and host. It is always copied as a whole.
type wish struct {
	// Demand is what the sign-in must achieve, nil if it only has to identify the user. Step: it is a step-up of the
	// session that the browser presents.
	Demand *oidc.Demand `json:"d,omitempty"`
	Step   bool         `json:"z,omitempty"`
	// Other: another user must sign in than the provider remembers. Login: the provider must ask for credentials.
	Other bool `json:"other,omitempty"`
	Login bool `json:"l,omitempty"`
	// Locales are the languages in the link to the sign-in (ui_locales). Hint is the expected user (login_hint).
	Locales string `json:"lang,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// trail identifies one sign-in over all its flows and hosts. It is always copied as a whole.
type trail struct {
	// StartedMS is when the sign-in began, in Unix milliseconds. Correlation is its ID in the log.
	StartedMS   int64  `json:"t"`
	Correlation string `json:"c,omitempty"`
}

func (t trail) started() time.Time { return time.UnixMilli(t.StartedMS).UTC() }

func (f *flow) redirectURI() string { return f.Origin + browser.Base + f.callbackPath() }

// callbackPath returns the path at which only the provider of this flow answers: the first provider at /callback, each
// other one at a path with its name. If an attacker redirects a response to another provider's path, the flow is not
// found there, even if neither response names its issuer (mix-up, RFC 9700 section 4.4.2.2).
func (f *flow) callbackPath() string {
	if f.Via == "" {
		return callbackBase
	}
	return callbackBase + "/" + f.Via
}

const callbackBase = "/callback"

// CallbackPath returns the path to which a provider sends users back, on every site.
func CallbackPath(provider string, first bool) string {
	if first {
		return browser.Base + callbackBase
	}
	return browser.Base + callbackBase + "/" + provider
}

// page returns the page of the sign-in: a path on this site, or a URL on the site on whose behalf it is.
func (f *flow) page() string {
	if f.For != nil {
		return f.For.page()
	}
	return f.Return
}

func (f *flow) expires() time.Time { return f.started().Add(flowLife) }

// The state parameter consists of the flow's name, a mark and a random part. The name finds the cookie. The mark says
// that the sign-in was restarted after its cookie was lost, so that a browser that keeps no cookies does not loop. The
// mark is not sealed, because forging it only leads to an error page sooner.
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

// parseState splits a state parameter. ok is false for values that we never send.
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

// want sets the requirements of a flow; the languages are those of the link.
func (f *flow) want(w wish) {
	locales := f.Locales
	f.wish = w
	f.Locales = cmp.Or(w.Locales, locales)
}

// again returns a second authorization request for the sign-in of f: the same, except for what belongs to one request.
func (s *flows) again(f *flow) *flow {
	next := *f
	next.Name = session.NewRandom(browser.FlowNameSize * 3 / 4)
	next.State, next.Nonce, next.Verifier = session.NewRandom(stateSize), session.NewRandom(stateSize), session.NewRandom(verifierSize)
	next.StartedMS, next.ProofKey = s.Now().UnixMilli(), nil
	return &next
}

// request returns the authorization request of the flow.
func (f *flow) request(restarted bool) oidc.AuthRequest {
	return oidc.AuthRequest{
		RedirectURI: f.redirectURI(), State: f.wireState(restarted), Nonce: f.Nonce, Verifier: f.Verifier,
		Demand: f.Demand, Challenge: f.Challenge, Login: f.Login || f.Ignored, OtherUser: f.Other, Consent: f.Consent,
		Silent: f.Silent || f.Quiet, IDTokenHint: f.tokenHint, LoginHint: f.Hint, Locales: f.Locales, ProofKey: f.ProofKey,
	}
}

// askQuietly makes the flow ask the provider only who uses this browser, without a page.
func (f *flow) askQuietly() { f.Quiet, f.Consent = true, false }

func (f *flow) matches(random string) bool {
	return subtle.ConstantTimeCompare([]byte(f.State), []byte(random)) == 1
}

// handover is a site's request to the sign-in host: to sign a user in on its behalf, and to send them back with a
// ticket. It is sealed in the URL to which the browser is sent, so only our own sites can make one. It names the flow
// of the browser that began it, and the ticket is valid for no other (A23, A42).
type handover struct {
	App string `json:"a"`
	// Origin and Host belong to the site, from its Visit.
	Origin string `json:"o"`
	Host   string `json:"i"`
	// Flow and State are the name and the secret of the flow in the site's cookie.
	Flow  string `json:"f"`
	State string `json:"s"`
	// Return is the page that was requested there.
	Return string `json:"r"`
	trail
	// Provider is the one that the user chose at the site; empty if none.
	Provider string `json:"p,omitempty"`
	// Have is the short hash of the session that the browser presented at the site and that is not sufficient.
	Have string `json:"h,omitempty"`
	// Wish is that of the site's flow.
	Wish wish `json:"wish,omitzero"`
	beginning
	// Later is the page of the tab that answered the prompt; empty if it is the flow's own page.
	Later string `json:"-"`
	// Cut: Return is too long for the sign-in host; the site has it; see keepFlow.
	Cut bool `json:"cut,omitempty"`
	// Keep: the sign-in host has a session that this site does not accept and others may accept.
	Keep bool `json:"k,omitempty"`
	// Browser is the browser that the site has confirmed as the one that began; see confirm.
	Browser string `json:"b,omitempty"`
}

// beginning describes how a sign-in began, in addition to its requirements. The zero value means that a page was
// opened. A hand-over includes it as a whole.
type beginning struct {
	// Tighten is why the presented session must become a browser session; empty if nothing at the site requires it.
	Tighten string `json:"n,omitempty"`
	// Requested: the user requested a sign-in, so an unanswered prompt counts as abandoned (A8).
	Requested bool `json:"w,omitempty"`
	// Restarted: the sign-in restarted automatically, because its cookie or its ticket was lost.
	Restarted bool `json:"y,omitempty"`
	// Elsewhere: a page of another origin began the sign-in, so a session that the site accepts continues.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// challenge is the claims challenge that ended the presented session, for the flow of this host; empty if there is
	// none.
	challenge string
}

// page returns the page of the sign-in.
func (h *handover) page() string { return h.Origin + h.Return }

// stored returns a copy that says what the stored form says; nil of none.
func (h *handover) stored() *handover {
	if h == nil {
		return nil
	}
	there := *h
	there.Later, there.challenge = "", ""
	return &there
}

func (h *handover) expired(now time.Time) bool {
	return !now.Before(h.started().Add(flowLife))
}

// take turns a flow into one on a site's behalf: it keeps the site's correlation ID, and what the ticket needs.
func (f *flow) take(h *handover) {
	f.trail, f.wish = h.trail, h.Wish
	there := *h
	// The flow has these fields itself, and its cookie has little space.
	there.Correlation, there.Provider, there.Browser, there.Wish, there.Requested = "", "", "", wish{}, false
	f.For = &there
}

// log writes an entry about a flow whose user is not known (yet). f may be nil.
func (s *flows) log(v *access.Visit, r *http.Request, f *flow, rec signinlog.Record) {
	s.Write(s.entry(v, r, f, rec))
}

// entry is what log writes.
func (s *flows) entry(v *access.Visit, r *http.Request, f *flow, rec signinlog.Record) signinlog.Record {
	rec.Created = s.Now()
	if f != nil {
		rec.Created, rec.CorrelationID, rec.Provider = f.started(), f.Correlation, f.Provider
		rec.SessionLifetime = lifetime(f.Demand)
	}
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = true
	// Any client can send this without having begun a sign-in, so it is not stored (field trial 2.6).
	rec.Unproven = rec.UserSubject == "" && (f == nil || !f.proven)
	return rec
}

// lifetime returns why the user had to sign in again, if the reason is the age of their sign-in (L5).
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

// logPerson writes an entry about a user whose identity is proven.
func (s *flows) logPerson(v *access.Visit, r *http.Request, f *flow, who *session.Record, rec signinlog.Record) {
	s.log(v, r, f, access.EntryOf(who, rec))
}

// logHandover writes an entry about a sign-in without any question: a session was handed to another site.
func (s *flows) logHandover(v *access.Visit, r *http.Request, of trail, rec signinlog.Record) {
	rec.Created, rec.CorrelationID = of.started(), of.Correlation
	rec.App, rec.IP, rec.UserAgent = v.Site.App, v.IP.String(), browser.UserAgent(r)
	rec.Interactive = false
	s.Write(rec)
}

// noteTooLong logs that a sign-in cannot return to its page. It does not log the address, because its query may contain
// anything.
//
// A size of at most browser.MaxReturn means that the address was shortened before, or that the demand leaves too little
// space for it.
func (s *flows) noteTooLong(v *access.Visit, f *flow, size int) {
	s.Logger.Info("address of a page too long to be kept through a sign-in: the user is told, and goes on to the page without its query",
		zap.String("app", v.Site.App), zap.Int("bytes", size), zap.Int("limit", browser.MaxReturn), zap.String("correlation_id", f.Correlation))
}

// via returns the part after the callback's path for a provider.
func (s *flows) via(p *oidc.Provider) string {
	if p == noProvider || p == s.Providers[0] {
		return ""
	}
	return p.Name
}

// noProvider stands for a choice that the sign-in host makes.
var noProvider = &oidc.Provider{}
