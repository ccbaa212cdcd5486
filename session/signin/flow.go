package signin

import (
	"bytes"
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
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
	Demand *Demand `json:"d,omitempty"`
	Step   bool    `json:"z,omitempty"`
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

// via is what follows the callback's path for a provider.
func (s *environment) via(p *Provider) string {
	if p == noProvider || p == s.Providers[0] {
		return ""
	}
	return p.Name
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

func (s *flows) newFlow(v *Visit, p *Provider, ret string) *flow {
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
func (f *flow) request(restarted bool) AuthRequest {
	return AuthRequest{
		RedirectURI: f.redirectURI(), State: f.wireState(restarted), Nonce: f.Nonce, Verifier: f.Verifier,
		Demand: f.Demand, Challenge: f.Challenge, Login: f.Login || f.Ignored, OtherUser: f.Other, Consent: f.Consent,
		Silent: f.Silent, IDTokenHint: f.tokenHint, LoginHint: f.Hint, Locales: f.Locales,
	}
}

// maxFlowValue leaves room for name and attributes in the 4,096 bytes that browsers keep of a cookie (RFC 6265bis, section
// 5.6, counts no attributes; older browsers do).
const maxFlowValue = browser.MaxCookieValue - 96

// keepFlow seals a flow into its cookie and drops the oldest if there are too many. What a sign-in has to achieve goes
// before its page: if both do not fit, the page is cut short.
func (s *flows) keepFlow(w http.ResponseWriter, v *Visit, f *flow) error {
	f.Demand = f.Demand.bounded()
	value, err := s.sealFlow(v, f)
	if err == nil && len(value) > maxFlowValue {
		if f.For != nil {
			// The site has the page as well, and sends the user there; see takeOver.
			f.For.Return, f.For.Cut = browser.CutShort(f.For.Return), true
		} else {
			s.noteTooLong(v, f, len(f.Return))
			f.Return = browser.CutShort(f.Return)
		}
		value, err = s.sealFlow(v, f)
	}
	if err == nil && len(value) > maxFlowValue { // the path alone is too long
		if f.For != nil {
			f.For.Return = browser.CutTo(browser.Home)
		} else {
			f.Return = browser.CutTo(browser.Home)
		}
		value, err = s.sealFlow(v, f)
	}
	if err != nil {
		return err
	}
	browser.SetCookie(w, v.Secure, browser.FlowCookie+f.Name, value, flowLife)

	var others []*flow
	for _, c := range v.Cookies.Flows {
		other := s.openFlow(v, c.Name, c.Value)
		if other == nil {
			// Too old, or another replica's with a key that is on its way: the first to go if there are too many.
			other = &flow{Name: c.Name}
		}
		others = append(others, other)
	}
	slices.SortFunc(others, func(a, b *flow) int { return cmp.Compare(b.StartedMS, a.StartedMS) })
	for i := maxFlows - 1; i < len(others); i++ {
		browser.ClearCookie(w, v.Secure, browser.FlowCookie+others[i].Name)
	}
	return nil
}

func (s *flows) sealFlow(v *Visit, f *flow) (string, error) {
	plain, err := shortJSON(f)
	if err != nil {
		return "", err
	}
	sealed := s.Keys.Seal(keyring.PurposeFlow, plain, v.Host, browser.FlowCookie+f.Name)
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// shortJSON is JSON without the escapes of HTML, which make six bytes of each & in a page.
func shortJSON(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return out.Bytes(), err
}

// openFlow returns the flow of a cookie; nil if it was not sealed by us for this host and name, or is too old.
func (s *flows) openFlow(v *Visit, name, value string) *flow {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, browser.FlowCookie+name)
	if err != nil {
		return nil
	}
	var f flow
	if json.Unmarshal(plain, &f) != nil || f.Name != name || !s.Now().Before(f.expires()) {
		return nil
	}
	return &f
}

func (f *flow) matches(random string) bool {
	return subtle.ConstantTimeCompare([]byte(f.State), []byte(random)) == 1
}
