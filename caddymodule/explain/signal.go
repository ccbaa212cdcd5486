package explain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signals"
)

// SignalQuery asks what an event of a provider would do.
type SignalQuery struct {
	// Stream is the name of the stream. It is optional if there is only one.
	Stream string `json:"stream,omitempty"`
	// Event is the URI of the event, or the last part of it. Members are what the event has besides its subject, such as
	// {"change_type": "update", "credential_type": "password"}.
	Event   string          `json:"event"`
	Members json.RawMessage `json:"members,omitempty"`
	// Whom it is about, one of these: User is a sub at the provider of the stream, Email an address, Subject a subject of
	// RFC 9493 or a complex one.
	User    string          `json:"user,omitempty"`
	Email   string          `json:"email,omitempty"`
	Subject json.RawMessage `json:"subject,omitempty"`
}

// SignalImpact is what an event would do. Nothing of it is done.
type SignalImpact struct {
	Stream string `json:"stream"`
	Event  string `json:"event"`
	// Effect is ended, reauthenticated, weakened, rechecked, risk, device, logged or ignored.
	Effect string `json:"effect"`
	// Result is what the metric would count.
	Result string `json:"result"`
	// Sessions are those that it reaches. More: there are more.
	Sessions []SignalSession `json:"sessions"`
	More     bool            `json:"more,omitempty"`
	// Tokens are the tokens of programs that it ends, or whose users the state is about.
	Tokens []SignalToken `json:"tokens"`
	// State is what would be kept with them.
	State []ExplainedSignal `json:"state,omitempty"`
}

// SignalSession is a session that an event reaches.
type SignalSession struct {
	ID      string   `json:"id"`
	Subject string   `json:"subject"`
	User    string   `json:"user,omitempty"`
	Apps    []string `json:"apps,omitempty"`
	// Differs are the apps where the next request would be decided otherwise, as far as that does not depend on the route.
	Differs []SignalDifference `json:"differs,omitempty"`
}

// SignalToken is a token of a program that an event reaches.
type SignalToken struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	User    string `json:"user,omitempty"`
	App     string `json:"app"`
	Name    string `json:"name"`
}

// SignalDifference is how the decision at an app changes.
type SignalDifference struct {
	App string `json:"app"`
	// Was and Is are the reasons before and after, By the policies that decide then.
	Was policy.Reason `json:"was"`
	Is  policy.Reason `json:"is"`
	By  []string      `json:"by,omitempty"`
}

// ExplainedSignal is something that a stream has reported about a user.
type ExplainedSignal struct {
	// What is user_risk, sign_in_risk, compliant, reauthenticate, weakened or recheck.
	What  string `json:"what"`
	Value string `json:"value,omitempty"`
	// From is the name of the stream.
	From  string    `json:"from,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// By are the policies that would decide otherwise without all that was reported.
	By []string `json:"by,omitempty"`
}

// signalsOf lists what counts of a report at a time.
func signalsOf(said *session.Signalled, at time.Time) (list []ExplainedSignal) {
	for _, one := range []struct {
		what string
		is   session.Stated
	}{{"user_risk", said.UserRisk}, {"sign_in_risk", said.SignInRisk}, {"compliant", said.Compliant}} {
		if one.is.At(at) != "" {
			list = append(list, ExplainedSignal{What: one.what, Value: one.is.Value, From: one.is.From, Since: one.is.Since, Until: one.is.Until})
		}
	}
	for _, one := range []struct {
		what  string
		since time.Time
	}{{"reauthenticate", said.Reauthenticate}, {"weakened", said.Weakened}, {"recheck", said.Recheck}} {
		if !one.since.IsZero() {
			list = append(list, ExplainedSignal{What: one.what, Since: one.since})
		}
	}
	return list
}

// Fill sets what a query says of a report: the event and its subject.
func (q *SignalQuery) Fill(r *signals.Report) (err error) {
	known := false
	if r.Event, known, err = signals.ReadEvent(q.Event, q.Members); err != nil {
		return err
	}
	if !known && !strings.Contains(q.Event, "/") {
		return fmt.Errorf("unknown event %q%s", q.Event, config.Suggest(q.Event, signals.Kinds()))
	}
	switch named := len(q.Subject) > 0; {
	case named == (q.User != "") && (named || q.Email == ""), q.User != "" && q.Email != "", named && q.Email != "":
		return errors.New("say whom it is about: one of user, email and subject")
	case q.User != "":
		r.Subject = signals.Subject{Simple: true, User: &signals.Identifier{Format: signals.IssSub, Issuer: r.Provider.Issuer, Value: q.User}}
	case q.Email != "":
		r.Subject = signals.Subject{Simple: true, User: &signals.Identifier{Format: signals.Email, Value: q.Email}}
	default:
		r.Subject, err = signals.ReadSubject(q.Subject)
	}
	return err
}

// explainSignals says what was reported about the user of a query, and which policies decide otherwise without it.
func (h explainedSite) explainSignals(im *imagined, ex *Explanation, outcomes []policy.Outcome) {
	if im.who == nil || im.who.Signalled == (session.Signalled{}) {
		return
	}
	ex.Signalled = signalsOf(&im.who.Signalled, im.at)
	without, who := *im, *im.who
	who.Signalled, without.who = session.Signalled{}, &who
	_, plain := h.Compiled.Explain(h.imaginedRequest(&without, true))
	by := decidedBy(outcomes, plain)
	for i := range ex.Signalled {
		ex.Signalled[i].By = by
	}
}

// OfSignal says what an event would do, from the preview of it.
func (e *Estate) OfSignal(p *signals.Preview, r *signals.Report, now time.Time) *SignalImpact {
	im := &SignalImpact{
		Stream: r.From, Event: r.Event.String(), Effect: p.Effect.String(), Result: string(p.Result), Sessions: []SignalSession{}, More: p.More,
		Tokens: []SignalToken{}, State: signalsOf(&p.Said, now),
	}
	for _, s := range p.Sessions {
		one := SignalSession{ID: s.ID.Short(), Subject: s.Identity.Subject, User: s.User, Apps: s.Apps}
		if p.Said != (session.Signalled{}) {
			after := *s
			after.Signalled = s.Signalled.With(p.Said)
			one.Differs = e.differs(s, &after, now)
		}
		im.Sessions = append(im.Sessions, one)
	}
	for _, t := range p.Tokens {
		im.Tokens = append(im.Tokens, SignalToken{ID: t.Short(), Subject: t.Who.Identity.Subject, User: t.Who.User, App: t.App, Name: t.Name})
	}
	return im
}

// differs returns at which apps the next request of a session would be decided otherwise.
func (e *Estate) differs(before, after *session.Record, now time.Time) (list []SignalDifference) {
	ip, _ := netip.ParseAddr(before.FirstIP)
	for _, app := range e.Apps() {
		h := found(e, app)
		if h == nil {
			continue
		}
		judged := func(who *session.Record) judgement {
			return h.judge(&party{who: who, v: visitOf(ip, before.FirstAgent), app: app, at: now, live: true, known: true}, nil)
		}
		was, is := judged(before), judged(after)
		if was.rank != is.rank || was.reason != is.reason {
			list = append(list, SignalDifference{App: app, Was: was.reason, Is: is.reason, By: differenceBy(&was, &is)})
		}
	}
	return list
}

var effectText = map[string]string{
	signals.Ended.String():           "these sessions and tokens would end, and a sign-in in progress would create no session",
	signals.Reauthenticated.String(): "the user would have to authenticate again at the next page",
	signals.Weakened.String():        "a second factor or acr of an earlier sign-in would not count any more",
	signals.Rechecked.String():       "the provider would be asked for the claims at the next request",
	signals.Risky.String():           "the risk would count for policies",
	signals.DeviceState.String():     "the state of the device would count for policies",
	signals.Logged.String():          "the sign-in log would say so, and nothing else",
	signals.Ignored.String():         "nothing",
}

// Print writes it as text.
func (im *SignalImpact) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s: %s. Nothing was done.\n", terminal.Printable(im.Event), terminal.Printable(im.Stream), effectText[im.Effect])
	if im.Result != string(signals.Acted) {
		fmt.Fprintf(&b, "It would count as %s.\n", im.Result)
	}
	printSignals(&b, im.State)
	var rows [][]string
	for i := range im.Sessions {
		s := &im.Sessions[i]
		rows = append(rows, []string{s.ID, cmp.Or(s.User, s.Subject), strings.Join(s.Apps, ","), s.differs()})
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		table := terminal.Table{Out: &b, Head: []string{"SESSION", "USER", "APPS", "THEN"}}
		_ = table.Print(rows) // writes to memory, cannot fail
	}
	if im.More {
		b.WriteString("\nThere are more sessions than these.\n")
	}
	rows = nil
	for i := range im.Tokens {
		t := &im.Tokens[i]
		rows = append(rows, []string{t.ID, cmp.Or(t.User, t.Subject), t.App, t.Name})
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		table := terminal.Table{Out: &b, Head: []string{"TOKEN", "USER", "APP", "NAME"}}
		_ = table.Print(rows) // writes to memory, cannot fail
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *SignalSession) differs() string {
	var parts []string
	for _, d := range s.Differs {
		text := fmt.Sprintf("%s: %s", d.App, d.Is)
		if len(d.By) > 0 {
			text += " by " + strings.Join(d.By, ", ")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func printSignals(b *strings.Builder, list []ExplainedSignal) {
	for i := range list {
		fmt.Fprintf(b, "%-9s%s\n", "Reported", list[i].text())
	}
}

func (s *ExplainedSignal) text() string {
	const layout = "2006-01-02 15:04 MST"
	text := s.What
	if s.Value != "" {
		text += " " + terminal.Printable(s.Value)
	}
	if s.From != "" {
		text += " by " + terminal.Printable(s.From)
	}
	if !s.Since.IsZero() {
		text += ", since " + s.Since.Format(layout)
	}
	if !s.Until.IsZero() {
		text += ", until " + s.Until.Format(layout)
	}
	if len(s.By) > 0 {
		text += "; decides: " + terminal.Printable(strings.Join(s.By, ", "))
	}
	return text
}

// decidedBy names the policies whose result differs between two explanations of one request.
func decidedBy(with, without []policy.Outcome) (names []string) {
	for i := range with {
		if i < len(without) && (with[i].Result != without[i].Result || with[i].Unmet != without[i].Unmet || with[i].Missing != without[i].Missing) {
			names = append(names, with[i].Policy)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
