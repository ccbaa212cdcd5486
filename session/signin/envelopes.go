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
	// maxHandover is the largest sealed hand-over: a return path and the data of a step-up fit.
	maxHandover = 8 << 10
)

// openHandover returns the request of a site; nil if it is not from one of our sites.
func (s *flows) openHandover(value string) *handover {
	return s.openSealed(value, s.SignInHostname, handoverPlace)
}

// onBehalf returns a visit at the sign-in host on behalf of the requesting site: with its gate, its providers, its
// name. It returns nil if this configuration has no such site.
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

// openSealed returns the content of sealHandover; nil if it is not sealed by it.
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

// maxFlowValue leaves space for name and attributes in the 4,096 bytes of a cookie that browsers keep (RFC 6265bis,
// section 5.6, does not count attributes; older browsers do).
const maxFlowValue = browser.MaxCookieValue - 96

// keepFlow seals a flow into its cookie and drops the oldest if there are too many. What a sign-in must achieve has
// priority over its page: if both do not fit, the page is shortened.
func (s *flows) keepFlow(w http.ResponseWriter, v *access.Visit, f *flow) error {
	f.Demand = bounded(f.Demand)
	value, err := s.sealFlow(v, f)
	if err == nil && len(value) > maxFlowValue {
		if f.For != nil {
			// The site also has the page, and sends the user there; see takeOver.
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
			// Too old, or sealed with another replica's key that has not arrived yet: dropped first if there are too
			// many.
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

// shortJSON is JSON without the escapes for HTML, which need six bytes for each & in a page.
func shortJSON(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return out.Bytes(), err
}

// openFlow returns the flow of a cookie; nil if we did not seal it for this host and name, or it is too old.
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

// step is the sealed content of a link to a step-up: what is demanded, and why.
type step struct {
	Demand *oidc.Demand
	Code   signinlog.Code
	Reason string
	// Requested: the link begins a sign-in, even if there is a session.
	Requested bool `json:"Anew"`
	// At is when the link was made, in Unix milliseconds.
	At int64
}

const (
	stepPlace = "step"
	stepLife  = flowLife
)

// stepURL returns the URL of a sign-in that achieves a demand. Without the demand in it, a script or form that was
// refused would sign in again without success.
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

// openStep opens the content of a link; nil if we did not make it for this host, or it is too old.
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

// spentKey is the key of the entry for a used state, or a used ticket.
func spentKey(state string) session.Key { return session.HashKey("x", state) }

// sealSpent seals the page of the sign-in, which is stored with a used state.
func (s *flows) sealSpent(v *access.Visit, state, page string) []byte {
	return s.Keys.Seal(keyring.PurposeFlow, []byte(page), v.Host, spentPlace+state)
}

// openSpent returns the page that sealSpent sealed.
func (s *flows) openSpent(v *access.Visit, state string, sealed []byte) (string, error) {
	page, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, spentPlace+state)
	return string(page), err
}

// spentPage returns the page of a sign-in whose state is used, for a user who goes back to its callback; Home if it is
// not known.
func (s *flows) spentPage(r *http.Request, v *access.Visit, state string) string {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	e, err := s.Store.Get(ctx, spentKey(state))
	if err != nil {
		return browser.Home // the session is valid anyway
	}
	page, err := s.openSpent(v, state, e.Value)
	if err != nil {
		return browser.Home
	}
	return s.ReturnTarget(page)
}

// ownFlow reports whether state belongs to a sign-in that this browser has in progress at this site. The sign-in host
// puts it into the links that it shows to the user of that sign-in. No other page knows it.
func (s *flows) ownFlow(v *access.Visit, state string) bool {
	name, random, _, ok := parseState(state)
	if !ok {
		return false
	}
	f := s.openFlow(v, name, v.Cookies.Flow(name))
	return f != nil && f.matches(random)
}

// maxPolicyNames is how many bytes of policy names are kept with a sign-in.
const maxPolicyNames = 512

// bounded returns a demand with as many policies as fit into a cookie and a URL. A policy that is left out is evaluated
// when the page is requested.
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
