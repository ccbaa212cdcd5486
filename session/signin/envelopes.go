package signin

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const (
	handoverPlace = "handover"
	// maxHandover bounds the sealed form: a return path and what a step-up carries fit.
	maxHandover = 8 << 10
)

// openHandover returns what a site asked; nil if no site of ours did.
func (s *flows) openHandover(value string) *handover {
	return s.openSealed(value, s.SignInHostname, handoverPlace)
}

// onBehalf is a visit at the sign-in host as one of the site that asked: its gate, its providers, its name. Nil if this
// configuration serves no such site.
func (s *flows) onBehalf(v *access.Visit, h *handover) *access.Visit {
	if h == nil || v.Host != s.SignInHostname {
		return nil
	}
	site := s.SiteFor(h.App, h.Origin)
	if site == nil {
		return nil
	}
	there := *v
	there.Site, there.OnBehalf = site, h.Host != s.SignInHostname
	if there.OnBehalf {
		there.Begun = h.Flow + markFirst + h.State
	}
	return &there
}

const confirmPlace = "confirm"

func (s *flows) sealHandover(h *handover, host, place string) (string, error) {
	plain, err := shortJSON(h)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeFlow, plain, host, place)), nil
}

// openSealed returns what sealHandover sealed; nil if it did not.
func (s *flows) openSealed(value, host, place string) *handover {
	if len(value) > maxHandover {
		return nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, host, place)
	if err != nil {
		return nil
	}
	var h handover
	if json.Unmarshal(plain, &h) != nil {
		return nil
	}
	h.Return = browser.ReturnPath(h.Return)
	return &h
}

// maxFlowValue leaves room for name and attributes in the 4,096 bytes that browsers keep of a cookie (RFC 6265bis, section
// 5.6, counts no attributes; older browsers do).
const maxFlowValue = browser.MaxCookieValue - 96

// keepFlow seals a flow into its cookie and drops the oldest if there are too many. What a sign-in has to achieve goes
// before its page: if both do not fit, the page is cut short.
func (s *flows) keepFlow(w http.ResponseWriter, v *access.Visit, f *flow) error {
	f.Demand = bounded(f.Demand)
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

func (s *flows) sealFlow(v *access.Visit, f *flow) (string, error) {
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
func (s *flows) openFlow(v *access.Visit, name, value string) *flow {
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

// step is what a link to a step-up carries, sealed: what is demanded, and why.
type step struct {
	Demand *oidc.Demand
	Code   signinlog.Code
	Reason string
	// Anew: the link begins a sign-in, whatever session there is.
	Anew bool
	// At is when the link was made, in Unix milliseconds.
	At int64
}

const (
	stepPlace = "step"
	stepLife  = flowLife
)

// stepURL is the address of a sign-in that achieves a demand. Without the demand in it a script or a form that was
// refused would sign in again in vain.
func (s *flows) stepURL(v *access.Visit, ret string, d *oidc.Demand, why *access.Refusal) string {
	sealed := s.sealStep(v, step{Demand: d, Code: why.Code, Reason: why.Reason})
	return browser.Base + "/sign-in?" + url.Values{"return": {ret}, "step": {sealed}}.Encode()
}

func (s *flows) sealStep(v *access.Visit, st step) string {
	st.Demand, st.At = bounded(st.Demand), s.Now().UnixMilli()
	plain, err := json.Marshal(st)
	if err != nil {
		return "" // strings, numbers and booleans always marshal
	}
	return base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeFlow, plain, v.Host, stepPlace))
}

// openStep reads what a link carries; nil if we did not make it for this host, or too long ago.
func (s *flows) openStep(v *access.Visit, value string) *step {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || value == "" {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, stepPlace)
	if err != nil {
		return nil
	}
	var st step
	if json.Unmarshal(plain, &st) != nil || st.Demand == nil || !s.Now().Before(time.UnixMilli(st.At).Add(stepLife)) {
		return nil
	}
	return &st
}

const spentPlace = "spent "

// spentKey is the key of the entry that a spent state, or a spent ticket, leaves.
func spentKey(state string) session.Key { return session.HashKey("x", state) }

// sealSpent is what a spent state keeps: the page of its sign-in.
func (s *flows) sealSpent(v *access.Visit, state, page string) []byte {
	return s.Keys.Seal(keyring.PurposeFlow, []byte(page), v.Host, spentPlace+state)
}

// openSpent returns the page that sealSpent sealed.
func (s *flows) openSpent(v *access.Visit, state string, sealed []byte) (string, error) {
	page, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, spentPlace+state)
	return string(page), err
}

// spentPage is the page of a sign-in whose state is spent, for a user who goes back to its callback. Home if it is not
// known here.
func (s *flows) spentPage(r *http.Request, v *access.Visit, state string) string {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	e, err := s.Store.Get(ctx, spentKey(state))
	if err != nil {
		return browser.Home // the session is good all the same
	}
	page, err := s.openSpent(v, state, e.Value)
	if err != nil {
		return browser.Home
	}
	return s.ReturnTarget(page)
}

// ownFlow reports whether state is that of a sign-in which this browser has under way at this site. The sign-in host puts
// it into the links that it shows to the user of that sign-in. No other page knows it.
func (s *flows) ownFlow(v *access.Visit, state string) bool {
	name, random, _, ok := parseState(state)
	if !ok {
		return false
	}
	f := s.openFlow(v, name, v.Cookies.Flow(name))
	return f != nil && f.matches(random)
}

// maxPolicyNames is how many bytes of policies' names go along with a sign-in.
const maxPolicyNames = 512

// bounded is a demand with as many policies as a cookie and an address have room for. One that is left out speaks when the
// page is asked for.
func bounded(d *oidc.Demand) *oidc.Demand {
	if d == nil {
		return nil
	}
	out, room := *d, maxPolicyNames
	out.Policies = nil
	for _, name := range d.Policies {
		if room -= len(name); room < 0 {
			break
		}
		out.Policies = append(out.Policies, name)
	}
	return &out
}
