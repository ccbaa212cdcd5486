package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// passed is what a ticket tells the site besides the session.
type passed struct {
	// Fresh: the provider has just said who uses this browser, and the log has an entry.
	Fresh bool `json:"f,omitempty"`
	// Until is until when the browser has proven the device of the session at the sign-in host, in Unix milliseconds; zero
	// if the session is not bound, or Fresh.
	Until    int64                     `json:"u,omitempty"`
	Status   string                    `json:"s,omitempty"`
	Policies []signinlog.AppliedPolicy `json:"p,omitempty"`
}

// maxPassed is the largest content of a ticket; the policies are omitted if they do not fit.
const maxPassed = 16 << 10

// A ticket in a URL consists of the name of its flow, a mark as in the state of a flow, and its token, sealed for the
// site's host and that flow. The token of the session is in the store, sealed with the ticket's secret. So a URL
// contains no session and gives access to none, except for the browser that began, for one minute, once.
const ticketSize = browser.FlowNameSize + 1 + sealedTokenSize

// sealedTokenSize is the length of the result of session.SealToken.
const sealedTokenSize = 84

func ticketPlace(flow, state string) string { return "ticket " + flow + " " + state }

// handOver sends the browser back to the site with a ticket.
func (s *finisher) handOver(w http.ResponseWriter, r *http.Request, v *access.Visit, h *handover, token session.Token, tell passed) {
	note, err := json.Marshal(tell)
	if err == nil && len(note) > maxPassed {
		tell.Policies = nil
		note, err = json.Marshal(tell)
	}
	if err != nil {
		s.Fail(w, r, v, "writing ticket", err)
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	ticket, err := s.Pending.IssueTicket(ctx, pending.Ticket{Session: token, Note: note})
	if err != nil {
		s.StoreDown(w, r, v, err)
		return
	}
	mark := markFirst
	if h.Restarted {
		mark = markRestart
	}
	value := h.Flow + mark + session.SealToken(s.Keys, ticket, h.Host, ticketPlace(h.Flow, h.State))
	s.GoOn(w, r, h.Origin+browser.Base+"/finish?"+url.Values{"ticket": {value}}.Encode())
}

// provenUntil is what a ticket tells of a session that the sign-in host has authenticated.
func (s *finisher) provenUntil(v *access.Visit, live *session.Record) int64 {
	if !live.Binding.Bound() {
		return 0
	}
	return s.ProvenUntil(v, live.Session()).UnixMilli()
}

// finish is the endpoint to which the sign-in host sends the browser back. Everything that needs no store is checked
// first: the form of the ticket, whether this browser began the flow, and whether the ticket was made for it and for
// this host. Then the ticket is marked as used, before anything else happens (A23, A42).
func (s *finisher) finish(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	if !s.HandsOver(v) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindNotFound})
		return
	}
	q, ok := browser.SingleValues(r.URL.RawQuery, "ticket")
	name, value, restarted, formed := parseTicket(q["ticket"])
	if !ok || !formed {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	f := s.openFlow(v, name, v.Cookies.Flow(name))
	if f == nil || !f.Away || f.Origin != v.Origin {
		s.ticketLost(w, r, v, value, browser.Home, restarted)
		return
	}
	ticket, err := session.OpenToken(s.Keys, value, v.Host, ticketPlace(f.Name, f.State))
	if err != nil {
		s.ticketLost(w, r, v, value, f.Return, restarted)
		return
	}
	f.proven = true
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	t, err := s.Pending.RedeemTicket(ctx, ticket)
	if err != nil {
		if !access.NoSession(err) {
			s.StoreDown(w, r, v, err)
			return
		}
		browser.ClearCookie(w, v.Secure, browser.FlowCookie+f.Name)
		s.log(v, r, f, signinlog.Record{Code: signinlog.FlowExpired, Detail: "ticket spent or too old"})
		s.ticketLost(w, r, v, value, f.Return, restarted)
		return
	}
	browser.ClearCookie(w, v.Secure, browser.FlowCookie+f.Name)
	// Without this entry, Back leads to the start page.
	_ = s.Store.Create(ctx, session.Entry{
		Key: spentKey(value), Value: s.sealSpent(v, value, f.Return), Expires: f.expires().Add(time.Minute),
	})
	s.takeOver(w, r, v, f, t, value, restarted)
}

// takeOver gives the browser the session of a ticket, and ends the one that it presented before (A13).
func (s *finisher) takeOver(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, t pending.Ticket, value string, restarted bool) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	have, err := s.Sessions.Reload(ctx, t.Session)
	if err == nil && !s.Sessions.Admits(have, v.Site.App) {
		err = session.ErrNotFound
	}
	var who *session.Record
	if err == nil {
		who, err = have.Record()
	}
	if err != nil {
		if access.NoSession(err) { // signed out meanwhile
			s.ticketLost(w, r, v, value, f.Return, restarted)
			return
		}
		s.StoreDown(w, r, v, err)
		return
	}
	v.Proves(who.Identity)
	old, _, err := s.Record(r, v)
	if err == nil && old.ID != who.ID && s.Takes(v.Site, old) {
		err = s.Sessions.End(ctx, old)
	}
	if err != nil && !access.NoSession(err) {
		s.StoreDown(w, r, v, err)
		return
	}
	var told passed
	read := json.Unmarshal(t.Note, &told) == nil
	s.GiveCookie(w, v, who, t.Session)
	s.binder.TakeOver(w, v, who, t.Session, told.Fresh, time.UnixMilli(told.Until))
	s.Sessions.Touch(have, v.Site.App)
	if read && !told.Fresh {
		s.logHandover(v, r, f.trail, access.EntryOf(who, signinlog.Record{
			PolicyStatus: told.Status, Policies: told.Policies, PromptReason: prompt.ReasonLiveSession,
		}))
	}
	browser.Redirect(w, f.Return)
}

// ticketLost answers a ticket that is not valid here: used, too old, of another host or browser. A signed-in user
// continues to the page of that sign-in. For other users the sign-in restarts once, automatically. value is the part
// after the name of the flow in the ticket.
func (s *finisher) ticketLost(w http.ResponseWriter, r *http.Request, v *access.Visit, value, ret string, restarted bool) {
	_, _, err := s.Record(r, v)
	switch {
	case err == nil && ret == browser.Home:
		s.GoOn(w, r, s.spentPage(r, v, value))
	case err == nil:
		browser.Redirect(w, ret)
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case restarted:
		s.log(v, r, nil, signinlog.Record{Code: signinlog.LoopDetected})
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindLoop, Code: int(signinlog.LoopDetected), ActionURL: access.SignInURL(ret), HomeURL: browser.Home})
	default:
		s.choose(w, r, v, ret, wish{}, beginning{Restarted: true})
	}
}

// parseTicket splits a ticket. ok is false if it does not have the form of one.
func parseTicket(ticket string) (flow, value string, restarted, ok bool) {
	if len(ticket) != ticketSize {
		return "", "", false, false
	}
	for _, c := range ticket[:browser.FlowNameSize] + ticket[browser.FlowNameSize+1:] {
		if notBase64URL(c) {
			return "", "", false, false
		}
	}
	mark := ticket[browser.FlowNameSize : browser.FlowNameSize+1]
	return ticket[:browser.FlowNameSize], ticket[browser.FlowNameSize+1:], mark == markRestart, mark == markFirst || mark == markRestart
}
