package signin

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// What one answer shows at most.
const (
	maxMySessions = 100
	maxMySignIns  = 50
)

// overview is what people are told of themselves, on the page and in its twin.
type overview struct {
	who      *session.Record
	csrf     string
	now      time.Time
	limits   session.Limits
	clients  Clients
	sessions []*session.Record
	// unreadable sessions are there and cannot be shown; moreSessions: there are more than are shown.
	unreadable   int
	moreSessions bool
	// stay is what would be decided about persistence, for a session that ends with the browser.
	stay prompt.Decision
	// remembered is the answer that this browser keeps, nil if none, and until when.
	remembered      *session.Kind
	rememberedUntil time.Time
	signIns         []signinlog.Entry
	moreSignIns     bool
	// kept: there is a log in the store. down: it cannot be read now.
	kept, down bool
}

func (s *account) overview(r *http.Request, v *Visit, who visitor) (*overview, error) {
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	own, err := s.Sessions.Own(ctx, who.session.Identity, maxMySessions)
	if err != nil {
		return nil, err
	}
	o := &overview{
		who: who.session, now: s.Now(), limits: s.Sessions.Limits(), clients: s.Clients,
		csrf:       browser.FormToken(s.Keys, v.Host, actionMe, string(who.session.ID[:])),
		unreadable: own.Unreadable, moreSessions: own.More,
	}
	// The one that asks is there, whatever the list says, and comes first; then those that were used last.
	o.sessions = append(o.sessions, who.session)
	for _, one := range own.Sessions {
		if one.ID != who.session.ID {
			o.sessions = append(o.sessions, one)
		}
	}
	slices.SortStableFunc(o.sessions[1:], func(a, b *session.Record) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), b.Created.Compare(a.Created))
	})
	o.stay = s.mayStay(r, v, who)
	o.remembered, o.rememberedUntil = s.rememberedUntil(v, who.session.Identity)
	s.addSignIns(r, o)
	return o, nil
}

// addSignIns adds the newest entries of the sign-in log about the person: those of a sign-in that they took part in, and
// whatever did not succeed. A log that cannot be read takes nothing else away.
func (s *account) addSignIns(r *http.Request, o *overview) {
	if s.SignIns == nil {
		return
	}
	o.kept = true
	ctx, cancel := detach(r, storeTimeout)
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

func (o *overview) device(agent string) Device {
	if o.clients == nil {
		return Device{}
	}
	return o.clients.Describe(agent)
}

// network is the name of the network that holds an address, as somebody wrote it down; empty if none does.
func (o *overview) network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || o.clients == nil {
		return ""
	}
	return o.clients.Network(ip)
}

// place is where somebody was, in words: a network by its name, else the address.
func (o *overview) place(address string) string {
	if _, err := netip.ParseAddr(address); err != nil {
		return "" // "invalid IP" is nothing that people need to read
	}
	return cmp.Or(o.network(address), address)
}

func (o *overview) page() pages.Me {
	m := pages.Me{
		UserName: o.who.User, CSRF: o.csrf, Now: o.now,
		MoreSessions: o.moreSessions, Unreadable: o.unreadable > 0,
		SignInsKept: o.kept, SignInsDown: o.down, MoreSignIns: o.moreSignIns,
	}
	for _, one := range o.sessions {
		d := o.device(one.FirstAgent)
		m.Sessions = append(m.Sessions, pages.MySession{
			ID: one.ID.Short(), This: one.ID == o.who.ID, Persistent: one.Kind == session.Persistent,
			Browser: d.Browser, System: d.System, Form: d.Form, Place: pages.Place(o.place(one.FirstIP)), Apps: one.Apps,
			First: one.Created, Last: one.LastUsed, EndsUnused: one.Ends(o.limits), EndsLatest: one.MaxEnd(o.limits),
		})
	}
	switch {
	case o.who.Kind == session.Persistent:
		m.Stay = pages.StayEnd
	case o.stay.AllowsPersistent():
		m.Stay = pages.StayOffer
		m.KeptIdle, m.KeptMax = o.limits.Persistent.Idle, o.who.Created.Add(o.limits.Persistent.Max).Sub(o.now)
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
			Outcome: outcome(e.Code), Code: int(e.Code), Time: e.Created, App: e.App,
			Browser: d.Browser, System: d.System, Place: pages.Place(o.place(e.IP)),
		})
	}
	return m
}

// outcome sorts the codes of the log by what they mean to the person. The number is for whoever they ask.
func outcome(code signinlog.Code) pages.Outcome {
	switch code {
	case signinlog.Success:
		return pages.OutcomeSignedIn
	case signinlog.KeepMeSignedIn:
		return pages.OutcomeUnanswered
	case signinlog.BlockedByPolicy, signinlog.DeviceNotCompliant, signinlog.DeviceUnknown, signinlog.PlatformBlocked,
		signinlog.PolicyFailed:
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
