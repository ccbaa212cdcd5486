package account

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// The limits of one answer.
const (
	maxMySessions = 100
	maxMySignIns  = 50
)

// overview is what the page and its JSON form show a user.
type overview struct {
	who      *session.Record
	csrf     string
	now      time.Time
	limits   session.Limits
	clients  access.Clients
	sessions []*session.Record
	// unreadable counts existing sessions that cannot be shown; moreSessions: there are more than are shown.
	unreadable   int
	moreSessions bool
	// stay is the decision about persistence, for a browser session.
	stay prompt.Decision
	// remembered is the answer that this browser remembers, nil if none, and until when.
	remembered      *session.Kind
	rememberedUntil time.Time
	signIns         []signinlog.Entry
	moreSignIns     bool
	// tokens are the user's tokens for programs, apps those for which there can be more. made is one that was just made.
	// heldTokens is how many tokens the user has, also where there can be no more.
	tokens     []*apitoken.Token
	apps       []string
	made       *made
	heldTokens int
	// kept: there is a log in the store. down: it cannot be read now.
	kept, down bool
}

func (s *Page) overview(r *http.Request, v *access.Visit, who visitor) (*overview, error) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	own, err := s.Sessions.Own(ctx, who.session.Identity, maxMySessions)
	if err != nil {
		return nil, err
	}
	o := &overview{
		who: who.session, now: s.Now(), limits: s.Sessions.Limits(), clients: s.Clients,
		csrf:       browser.FormToken(s.Keys, v.Host, FormAction, string(who.session.ID[:])),
		unreadable: own.Unreadable, moreSessions: own.More,
	}
	// The session of this request is always shown, and comes first; then the others by last use.
	o.sessions = append(o.sessions, who.session)
	for _, one := range own.Sessions {
		if one.ID != who.session.ID && one.KindReason != session.ForTokens {
			o.sessions = append(o.sessions, one)
		}
	}
	slices.SortStableFunc(o.sessions[1:], func(a, b *session.Record) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), b.Created.Compare(a.Created))
	})
	o.stay = s.mayStay(r, v, who)
	o.remembered, o.rememberedUntil = s.remembered.Until(v, who.session.Identity)
	held, err := s.HeldTokens(ctx, who.session.Identity)
	if err != nil {
		return nil, err
	}
	o.heldTokens = len(held)
	if o.apps = s.apps(v); len(o.apps) > 0 {
		o.tokens = held
	}
	s.addSignIns(r, o)
	return o, nil
}

// addSignIns adds the user's newest entries of the sign-in log: interactive ones, and those without success. If the log
// cannot be read, the rest of the page is still shown.
func (s *Page) addSignIns(r *http.Request, o *overview) {
	if s.SignIns == nil {
		return
	}
	o.kept = true
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	id := signinlog.Record{UserIssuer: o.who.Identity.Issuer, UserSubject: o.who.Identity.Subject}.UserID()
	// One more than is shown tells whether there are more.
	found, err := s.SignIns.Own(ctx, id, maxMySignIns+1)
	if err != nil {
		o.down = true
		s.Logger.Warn("sign-ins of a person cannot be read", zap.Error(err))
		return
	}
	o.moreSignIns = len(found.Entries) > maxMySignIns
	o.signIns = found.Entries[:min(len(found.Entries), maxMySignIns)]
}

func (o *overview) device(agent string) access.Device {
	if o.clients == nil {
		return access.Device{}
	}
	return o.clients.Describe(agent)
}

// network returns the configured name of the network that contains an address; empty if there is none.
func (o *overview) network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || o.clients == nil {
		return ""
	}
	return o.clients.Network(ip)
}

// place is where a user was, in words: a network by its name, else the address.
func (o *overview) place(address string) string {
	if _, err := netip.ParseAddr(address); err != nil {
		return "" // "invalid IP" is nothing that users need to read
	}
	return cmp.Or(o.network(address), address)
}

func (o *overview) page() pages.Me {
	m := pages.Me{
		UserName: o.who.User, CSRF: o.csrf, Now: o.now,
		MoreSessions: o.moreSessions, Unreadable: o.unreadable > 0,
		SignInsKept: o.kept, SignInsDown: o.down, MoreSignIns: o.moreSignIns, TokensOn: len(o.apps) > 0, HeldTokens: o.heldTokens,
	}
	for _, t := range o.tokens {
		m.Tokens = append(m.Tokens, pages.MyToken{
			ID: t.Short(), Name: t.Name, App: t.App, Created: t.Created, Expires: t.Expires, Used: t.LastUsed, Place: pages.Place(o.place(t.LastIP)),
		})
	}
	for _, one := range o.sessions {
		d := o.device(one.FirstAgent)
		m.Sessions = append(m.Sessions, pages.MySession{
			ID: one.ID.Short(), This: one.ID == o.who.ID, Persistent: one.Kind == session.Persistent, Bound: one.Binding.Bound(),
			Browser: d.Browser, System: d.System, Form: d.Form, Place: pages.Place(o.place(one.FirstIP)), Apps: one.Apps,
			First: one.Created, Last: one.LastUsed, EndsUnused: one.Ends(o.limits), EndsLatest: one.MaxEnd(o.limits),
		})
	}
	switch {
	case o.who.Kind == session.Persistent:
		m.Stay = pages.StayEnd
	case o.stay.AllowsPersistent():
		m.Stay = pages.StayOffer
		kept := o.limits.Of(session.Persistent, o.who.Binding.Bound()) // only a sign-in can bind it
		m.KeptIdle, m.KeptMax = kept.Idle, o.who.Created.Add(kept.Max).Sub(o.now)
	default:
		m.Stay = whyNot(o.stay.Reason)
	}
	if o.remembered != nil {
		m.Remembered = pages.RememberedNo
		if *o.remembered == session.Persistent {
			m.Remembered = pages.RememberedYes
		}
	}
	for _, e := range o.signIns {
		d := o.device(e.UserAgent)
		m.SignIns = append(m.SignIns, pages.MySignIn{
			Outcome: outcome(&e), Why: pages.Why(signals.WhyOf(&e.Record)), Code: int(e.Code), Time: e.Created, App: e.App,
			Browser: d.Browser, System: d.System, Place: pages.Place(o.place(e.IP)),
		})
	}
	return m
}

// outcome groups the codes of the log by their meaning for the user. The number itself is for the user's help desk.
func outcome(e *signinlog.Entry) pages.Outcome {
	switch told := signals.WhyOf(&e.Record) != ""; {
	case told && e.Code == signinlog.ReauthenticationRequired:
		return pages.OutcomeAgain
	case told:
		return pages.OutcomeEndedByProvider
	}
	switch e.Code {
	case signinlog.Success:
		return pages.OutcomeSignedIn
	case signinlog.KeepMeSignedIn:
		return pages.OutcomeUnanswered
	case signinlog.BlockedByPolicy, signinlog.DeviceNotCompliant, signinlog.DeviceUnknown, signinlog.DeviceNotBound,
		signinlog.PlatformBlocked, signinlog.PolicyFailed:
		return pages.OutcomeBlocked
	case signinlog.NotAssigned:
		return pages.OutcomeNotAssigned
	case signinlog.StrongAuthRequired, signinlog.MFARequired, signinlog.FrequencyAtRefresh, signinlog.FrequencyExceeded,
		signinlog.ReauthenticationRequired:
		return pages.OutcomeStronger
	case signinlog.FlowExpired, signinlog.CodeRedeemed, signinlog.LoopDetected, signinlog.SilentSignInFailed:
		return pages.OutcomeUnfinished
	case signinlog.SessionExpired, signinlog.GrantRevoked:
		return pages.OutcomeEnded
	case signinlog.ConsentRequired, signinlog.ConsentDeclined:
		return pages.OutcomeDeclined
	}
	return pages.OutcomeFailed
}

// mineJSON is the page for scripts. Times are in RFC 3339. It contains no secret except csrf, which is only valid for
// changes from this origin, with this session's cookie.
type mineJSON struct {
	User string `json:"user"`
	CSRF string `json:"csrf"`
	// Sessions: the session of this request comes first, then the others by last use.
	Sessions []sessionJSON `json:"sessions"`
	// MoreSessions: there are more than are listed. Unreadable counts those that cannot be shown.
	MoreSessions bool `json:"more_sessions"`
	Unreadable   int  `json:"unreadable_sessions"`
	// MayStay says whether this session may become persistent; StayReason is the reason.
	MayStay    bool   `json:"may_stay"`
	StayReason string `json:"stay_reason,omitempty"`
	// Remembered is the answer that this browser remembers: yes, no, or absent.
	Remembered      string     `json:"remembered_answer,omitempty"`
	RememberedUntil *time.Time `json:"remembered_until,omitempty"`
	// SignIns are sorted, newest first; absent if none are stored or they cannot be read.
	SignIns     []signInJSON `json:"sign_ins,omitempty"`
	MoreSignIns bool         `json:"more_sign_ins"`
	SignInsDown bool         `json:"sign_ins_unavailable,omitempty"`
	// TokenApps are the apps for which the user can make tokens for programs; absent if there are none. Tokens are the
	// user's, those that end last first. NewToken is the one that this request has made.
	TokenApps []string    `json:"token_apps,omitempty"`
	Tokens    []tokenJSON `json:"tokens,omitempty"`
	NewToken  *madeJSON   `json:"new_token,omitempty"`
}

type sessionJSON struct {
	ID         string `json:"id"`
	Current    bool   `json:"current"`
	Kind       string `json:"kind"`
	KindReason string `json:"kind_reason,omitempty"`
	// Bound: the session is bound to a key of its device.
	Bound     bool      `json:"bound,omitempty"`
	Browser   string    `json:"browser,omitempty"`
	System    string    `json:"system,omitempty"`
	Device    string    `json:"device,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Network   string    `json:"network,omitempty"`
	IP        string    `json:"ip,omitempty"`
	FirstUsed time.Time `json:"first_used"`
	LastUsed  time.Time `json:"last_used"`
	// EndsUnused is when it ends without further use, EndsLatest when it ends in any case.
	EndsUnused time.Time `json:"ends_unused"`
	EndsLatest time.Time `json:"ends_latest"`
	Apps       []string  `json:"apps"`
}

// signInJSON uses the field names of the sign-in log where both have a field.
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
	// Why is what the provider reported, if it had the session ended or demanded another authentication.
	Why string `json:"why,omitempty"`
}

type signedOutJSON struct {
	SignedOut bool `json:"signed_out"`
	// Continue is the URL for the browser at which the provider ends its own session; empty if it does not offer that.
	Continue string `json:"continue,omitempty"`
}

func (o *overview) json() mineJSON {
	m := mineJSON{
		User: o.who.User, CSRF: o.csrf, Sessions: make([]sessionJSON, 0, len(o.sessions)), MoreSessions: o.moreSessions,
		Unreadable: o.unreadable, MoreSignIns: o.moreSignIns, SignInsDown: o.down,
		TokenApps: o.apps, Tokens: tokensJSON(o.tokens),
		MayStay: o.who.Kind == session.Persistent || o.stay.AllowsPersistent(), StayReason: o.stay.Reason,
	}
	if o.made != nil {
		m.NewToken = &madeJSON{ID: o.made.Short(), Token: o.made.text}
	}
	if o.who.Kind == session.Persistent {
		m.StayReason = o.who.KindReason
	}
	for _, one := range o.sessions {
		d := o.device(one.FirstAgent)
		m.Sessions = append(m.Sessions, sessionJSON{
			ID: one.ID.Short(), Current: one.ID == o.who.ID, Kind: one.Kind.String(), KindReason: one.KindReason,
			Bound:   one.Binding.Bound(),
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
			Outcome: string(outcome(&e)), Why: string(signals.WhyOf(&e.Record)),
		})
	}
	return m
}

func writeMine(w http.ResponseWriter, r *http.Request, o *overview) {
	access.AnswerJSON(w, r, http.StatusOK, o.json())
}
