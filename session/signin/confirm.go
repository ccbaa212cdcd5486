package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A site seals what it asks of the sign-in host, but the address can be opened in another browser than the one that began
// (field trial 2.11). It does no harm there: the ticket is good for no other browser. But it must not take from that browser
// what a link of another origin does not take: its session, the life of its session, or its open prompt. Where it would, the
// sign-in host sends the browser back to the site, which knows by the flow's cookie whether this is the browser that began.
// The answer names the browser, so that it is good for no other one either.

const confirmPlace = "confirm"

// wouldTake reports whether a hand-over takes something from the browser. live is the session that it has; nil if none.
func (s *signInEndpoint) wouldTake(r *http.Request, v *Visit, h *handover, live *session.Record) bool {
	if h.Anew && s.hasPending(r, v) {
		return true
	}
	if live == nil || !s.takes(v.Site, live) || h.Have == live.ID.Short() { // whose cookie the site has seen
		return false
	}
	other := h.Provider != "" && h.Provider != live.Provider && !h.Wish.Step && !h.Elsewhere
	return h.Wish.Other || other || h.Tighten != "" && live.Kind == session.Persistent
}

// confirmed reports whether the site has said that this browser began.
func (s *signInEndpoint) confirmed(v *Visit, h *handover) bool {
	id, ok := browser.ID(s.Keys, v.Host, &v.Cookies)
	return ok && h.Browser == string(browserIndex(id))
}

// askSite has the site confirm a hand-over.
func (s *signInEndpoint) askSite(w http.ResponseWriter, r *http.Request, v *Visit, h *handover) {
	h.Browser = string(browserIndex(browser.GiveID(w, s.Keys, v.Host, v.Secure, &v.Cookies)))
	sealed, err := s.sealHandover(h, h.Host, confirmPlace)
	if err != nil {
		s.fail(w, r, v, "sealing hand-over", err)
		return
	}
	browser.SeeOther(w, h.Origin+browser.Base+"/sign-in?"+url.Values{"confirm": {sealed}}.Encode())
}

// confirm is where askSite leads. In a browser that did not begin the flow it is a link of another origin.
func (s *signInEndpoint) confirm(w http.ResponseWriter, r *http.Request, v *Visit, value string) {
	h := s.openSealed(value, v.Host, confirmPlace)
	if h == nil || !s.handsOver(v) || h.Origin != v.Origin {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	f := s.openFlow(v, h.Flow, v.Cookies.Flow(h.Flow))
	if f == nil || !f.Away || !f.matches(h.State) {
		if !s.keepsUser(w, r, v, h.Return) {
			s.choose(w, r, v, h.Return, wish{}, beginning{Elsewhere: true})
		}
		return
	}
	s.toHandover(w, r, v, h)
}

// toHandover sends the browser to the sign-in host with what a site asks.
func (s *starter) toHandover(w http.ResponseWriter, r *http.Request, v *Visit, h *handover) {
	sealed, err := s.sealHandover(h, s.signInHost, handoverPlace)
	if err != nil {
		s.fail(w, r, v, "sealing hand-over", err)
		return
	}
	browser.SeeOther(w, s.SignInHost+browser.Base+"/sign-in?"+url.Values{"for": {sealed}}.Encode())
}

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
