package signin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// mineJSON is the page for scripts. Times are of RFC 3339. It holds nothing that opens anything; csrf is good for changes
// from this origin, with this session's cookie.
type mineJSON struct {
	User string `json:"user"`
	CSRF string `json:"csrf"`
	// Sessions: that which asks comes first, then those that were used last.
	Sessions []sessionJSON `json:"sessions"`
	// MoreSessions: there are more than are listed. Unreadable counts those that cannot be shown.
	MoreSessions bool `json:"more_sessions"`
	Unreadable   int  `json:"unreadable_sessions"`
	// MayStay tells whether this session may become a persistent one; StayReason is why, or why not.
	MayStay    bool   `json:"may_stay"`
	StayReason string `json:"stay_reason,omitempty"`
	// Remembered is the answer that this browser keeps: yes, no, or absent.
	Remembered      string     `json:"remembered_answer,omitempty"`
	RememberedUntil *time.Time `json:"remembered_until,omitempty"`
	// SignIns are the newest, newest first; absent if none are kept or they cannot be read.
	SignIns     []signInJSON `json:"sign_ins,omitempty"`
	MoreSignIns bool         `json:"more_sign_ins"`
	SignInsDown bool         `json:"sign_ins_unavailable,omitempty"`
}

type sessionJSON struct {
	ID         string    `json:"id"`
	Current    bool      `json:"current"`
	Kind       string    `json:"kind"`
	KindReason string    `json:"kind_reason,omitempty"`
	Browser    string    `json:"browser,omitempty"`
	System     string    `json:"system,omitempty"`
	Device     string    `json:"device,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
	Network    string    `json:"network,omitempty"`
	IP         string    `json:"ip,omitempty"`
	FirstUsed  time.Time `json:"first_used"`
	LastUsed   time.Time `json:"last_used"`
	// EndsUnused is when it ends if it is not used again, EndsLatest when it ends however much it is.
	EndsUnused time.Time `json:"ends_unused"`
	EndsLatest time.Time `json:"ends_latest"`
	Apps       []string  `json:"apps"`
}

// signInJSON has the field names of the sign-in log for what it shares with it.
type signInJSON struct {
	ID      string    `json:"id"`
	Created time.Time `json:"createdDateTime"`
	App     string    `json:"appDisplayName,omitempty"`
	IP      string    `json:"ipAddress,omitempty"`
	Network string    `json:"network,omitempty"`
	Browser string    `json:"browser,omitempty"`
	System  string    `json:"system,omitempty"`
	Agent   string    `json:"userAgent,omitempty"`
	Session string    `json:"sessionId,omitempty"`
	Status  string    `json:"signInStatus"`
	Code    int       `json:"errorCode"`
	Reason  string    `json:"failureReason,omitempty"`
	Outcome string    `json:"outcome"`
}

type signedOutJSON struct {
	SignedOut bool `json:"signed_out"`
	// Continue is where the provider ends its own session, for a browser to go to; empty if it offers that nowhere.
	Continue string `json:"continue,omitempty"`
}

func (o *overview) json() mineJSON {
	m := mineJSON{
		User: o.who.User, CSRF: o.csrf, Sessions: make([]sessionJSON, 0, len(o.sessions)), MoreSessions: o.moreSessions,
		Unreadable: o.unreadable, MoreSignIns: o.moreSignIns, SignInsDown: o.down,
		MayStay: o.who.Kind == session.Persistent || o.stay.AllowsPersistent(), StayReason: o.stay.Reason,
	}
	if o.who.Kind == session.Persistent {
		m.StayReason = o.who.KindReason
	}
	for _, one := range o.sessions {
		d := o.device(one.FirstAgent)
		m.Sessions = append(m.Sessions, sessionJSON{
			ID: one.ID.Short(), Current: one.ID == o.who.ID, Kind: one.Kind.String(), KindReason: one.KindReason,
			Browser: d.Browser, System: d.System, Device: string(d.Form), UserAgent: one.FirstAgent,
			Network: o.network(one.FirstIP), IP: one.FirstIP, FirstUsed: one.Created, LastUsed: one.LastUsed,
			EndsUnused: one.Ends(o.limits), EndsLatest: one.MaxEnd(o.limits), Apps: append([]string{}, one.Apps...),
		})
	}
	if o.remembered != nil {
		m.Remembered, m.RememberedUntil = "no", &o.rememberedUntil
		if *o.remembered == session.Persistent {
			m.Remembered = "yes"
		}
	}
	for _, e := range o.signIns {
		d := o.device(e.UserAgent)
		m.SignIns = append(m.SignIns, signInJSON{
			ID: e.ID, Created: e.Created, App: e.App, IP: e.IP, Network: o.network(e.IP), Browser: d.Browser, System: d.System,
			Agent: e.UserAgent, Session: e.SessionID, Status: e.Status, Code: int(e.Code), Reason: e.Reason,
			Outcome: string(outcome(e.Code)),
		})
	}
	return m
}

func writeMine(w http.ResponseWriter, r *http.Request, o *overview) {
	answerJSON(w, r, http.StatusOK, o.json())
}

// answerJSON answers a script of our own origin: nobody else may read it, and nobody keeps it.
func answerJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept, Cookie")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) // the client has gone; there is nobody left to tell
	}
}
