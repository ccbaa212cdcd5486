package explain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// ImpactQuery asks what a configuration would change for the existing users (O3).
type ImpactQuery struct {
	// Config is the configuration to compare, in Caddy's JSON.
	Config json.RawMessage `json:"config"`
	// Since is how far back the sign-in log is read. Default: 7 days.
	Since caddy.Duration `json:"since,omitempty"`
	// Examples is the number of names listed for each change, at most 100. Default: 5.
	Examples int `json:"examples,omitempty"`
}

// Impact is the difference between the running configuration and another one.
type Impact struct {
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	// Sessions and SignIns are the numbers of sessions and sign-ins that were evaluated. Cases is the number of
	// distinct pairs of user and app among them.
	Sessions int `json:"sessions"`
	SignIns  int `json:"sign_ins"`
	Cases    int `json:"cases"`
	// Changes are sorted by name.
	Changes []ImpactChange `json:"changes"`
	// Unjudged are cases for which the answer is not known.
	Unjudged []ImpactUnjudged `json:"unjudged,omitempty"`
	// Notes say which limits affected the answer.
	Notes []string `json:"notes,omitempty"`
}

// ImpactChange is the change that one policy causes.
type ImpactChange struct {
	// Policy is the name of the policy. A cause that is not a policy is in round brackets.
	Policy string `json:"policy"`
	// Change is blocked, asked (to sign in, again or more strongly), let_in or browser_only (the session would end with
	// the browser).
	Change string `json:"change"`
	// Sessions and SignIns count the cases from each source. People counts the different users in them.
	Sessions int `json:"sessions"`
	SignIns  int `json:"sign_ins"`
	People   int `json:"people"`
	// Examples name some of the users, with the app.
	Examples []string `json:"examples"`
}

// ImpactUnjudged counts cases that could not be evaluated, with the reason and its source.
type ImpactUnjudged struct {
	Why   string `json:"why"`
	About string `json:"about,omitempty"`
	Cases int    `json:"cases"`
}

const (
	defaultImpactSince = 7 * 24 * time.Hour
	// DefaultExamples is the number of examples for each kind of change.
	DefaultExamples = 5
	maxExamples     = 100
	// The limits of time and memory for one answer. impactTime is short enough for the admin API to answer in time.
	maxImpactSessions = 10_000
	maxImpactSignIns  = 20_000
	impactTime        = 10 * time.Second
)

var errSince = errors.New("since: a time that has passed, such as 7d")

// Running is the running configuration with its sessions and its sign-in log.
type Running struct {
	Estate
	Sessions *session.Manager
	SignIns  *signinlog.Log // nil if none is kept
}

// Check returns an error in the query. It does not check the query's configuration.
func (q *ImpactQuery) Check() error {
	if q.Since < 0 {
		return errSince
	}
	if q.Examples < 0 || q.Examples > maxExamples {
		return fmt.Errorf("examples: a number from 0 to %d", maxExamples)
	}
	return nil
}

// Replay evaluates another configuration for the live sessions and the sign-in log. It changes no session.
func Replay(ctx context.Context, q *ImpactQuery, now time.Time, current *Running, next *Estate) (*Impact, error) {
	im := &impact{
		now: now, since: now.Add(-cmp.Or(time.Duration(q.Since), defaultImpactSince)),
		examples: cmp.Or(q.Examples, DefaultExamples),
		current:  current, next: next, sites: make(map[string]*sitePair),
		people: make(map[session.Identity]*session.Record), seen: make(map[signInCase]bool),
		changes: make(map[changeKey]*tally), unjudged: make(map[ImpactUnjudged]int),
	}
	ctx, cancel := context.WithTimeout(ctx, impactTime)
	defer cancel()
	if err := im.replaySessions(ctx); err != nil {
		return nil, err
	}
	if err := im.replaySignIns(ctx); err != nil {
		return nil, err
	}
	return im.result(), nil
}

// impact is the state while one answer is computed.
type impact struct {
	now, since time.Time
	examples   int
	current    *Running
	next       *Estate
	sites      map[string]*sitePair

	// people has one live session of each user who has one, for facts that the sign-in log does not contain.
	people map[session.Identity]*session.Record
	seen   map[signInCase]bool

	out      Impact
	changes  map[changeKey]*tally
	unjudged map[ImpactUnjudged]int // with Cases 0
}

// signInCase groups repeated sign-ins with the same facts into one case.
type signInCase struct {
	who            session.Identity
	app, ip, agent string
	said           saidOfSignIn
}

// saidOfSignIn is what the provider stated with one sign-in.
type saidOfSignIn struct{ signInRisk, userRisk, compliant, managed string }

type changeKey struct{ policy, change string }

type tally struct {
	sessions, signIns int
	people            map[session.Identity]bool
	examples          []string // sorted; the first few
}

// overtime reports whether the time limit has passed, and adds a note.
func (im *impact) overtime(ctx context.Context, what string) bool {
	if ctx.Err() == nil {
		return false
	}
	im.out.Notes = append(im.out.Notes, fmt.Sprintf("the time was up before all %s were looked at", what))
	return true
}

func (im *impact) replaySessions(ctx context.Context) error {
	survey, err := im.current.Sessions.All(ctx, maxImpactSessions, func(s *session.Record) bool {
		im.people[s.Identity] = s
		ip, _ := netip.ParseAddr(s.FirstIP)
		for _, app := range s.Apps {
			im.replay(&party{
				who: s, v: visitOf(ip, s.FirstAgent), app: app, at: im.now, live: true, idle: max(im.now.Sub(s.LastUsed), 0), known: true,
			})
		}
		return ctx.Err() == nil
	})
	im.out.Sessions = survey.Seen
	if im.overtime(ctx, "live sessions") {
		return nil
	}
	if err != nil {
		return err
	}
	if survey.More {
		im.out.Notes = append(im.out.Notes, fmt.Sprintf("there are more live sessions than the %d that were looked at", survey.Seen))
	}
	if survey.Unreadable > 0 {
		im.out.Notes = append(im.out.Notes, fmt.Sprintf("%d sessions could not be opened: their keys are gone", survey.Unreadable))
	}
	return nil
}

func visitOf(ip netip.Addr, agent string) *access.Visit {
	v := &access.Visit{IP: ip, Header: make(http.Header)}
	if agent != "" {
		v.Header.Set("User-Agent", agent)
	}
	return v
}

func (im *impact) replaySignIns(ctx context.Context) error {
	log := im.current.SignIns
	if log == nil {
		im.out.Notes = append(im.out.Notes, "no sign-in log is stored here")
		return nil
	}
	q := signinlog.Query{Since: im.since, Limit: signinlog.MaxLimit}
	thin, unreadable := 0, 0
	for ctx.Err() == nil && im.out.SignIns < maxImpactSignIns {
		page, err := log.Read(ctx, q)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return fmt.Errorf("reading the sign-in log: %w", err)
		}
		unreadable += page.Unreadable
		for i := range page.Entries {
			im.out.SignIns++
			if !im.replaySignIn(&page.Entries[i]) {
				thin++
			}
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if !im.overtime(ctx, "sign-ins") && q.Cursor != "" {
		im.out.Notes = append(im.out.Notes, fmt.Sprintf("there are more sign-ins than the newest %d, which were looked at", im.out.SignIns))
	}
	if unreadable > 0 {
		im.out.Notes = append(im.out.Notes, fmt.Sprintf("%d sign-ins could not be opened: their keys are gone", unreadable))
	}
	if thin > 0 {
		im.out.Notes = append(im.out.Notes, fmt.Sprintf("%d sign-ins are of people who have no live session: the log does not keep their groups, "+
			"their mail addresses or how strongly they signed in", thin))
	}
	return nil
}

// replaySignIn evaluates one entry. It reports whether a session of the same user supplied the facts that the log does
// not contain.
func (im *impact) replaySignIn(e *signinlog.Entry) (known bool) {
	who := session.Identity{Issuer: e.UserIssuer, Subject: e.UserSubject}
	said := saidOfSignIn{e.SignInRisk, e.UserRisk, e.Compliant, e.Managed}
	key := signInCase{who, e.App, e.IP, e.UserAgent, said}
	if who.Subject == "" || im.seen[key] {
		return true // no user, or a repeated case
	}
	im.seen[key] = true
	s := &session.Record{
		Identity: who, Provider: e.Provider, User: e.UserName, Guest: e.Guest, Created: e.Created, LastUsed: e.Created,
	}
	if live := im.people[who]; live != nil {
		c := *live
		s, known = &c, true
	}
	s.AuthTime, s.Binding = e.Created, session.Binding{} // which is of another session, or came after the sign-in
	// The entry has the risk and the device of its own sign-in. The user's live session may come from another sign-in.
	s.SignInRisk, s.UserRisk = cmp.Or(said.signInRisk, s.SignInRisk), cmp.Or(said.userRisk, s.UserRisk)
	s.Compliant, s.Managed = cmp.Or(said.compliant, s.Compliant), cmp.Or(said.managed, s.Managed)
	ip, _ := netip.ParseAddr(e.IP)
	im.replay(&party{who: s, v: visitOf(ip, e.UserAgent), app: e.App, at: e.Created, known: known})
	return known
}

func (im *impact) result() *Impact {
	out := &im.out
	out.At, out.Since, out.Changes = im.now, im.since, []ImpactChange{}
	for key, t := range im.changes {
		out.Changes = append(out.Changes, ImpactChange{
			Policy: key.policy, Change: key.change, Sessions: t.sessions, SignIns: t.signIns, People: len(t.people), Examples: t.examples,
		})
	}
	slices.SortFunc(out.Changes, func(x, y ImpactChange) int {
		return cmp.Or(cmp.Compare(x.Policy, y.Policy), cmp.Compare(x.Change, y.Change))
	})
	for why, n := range maps.All(im.unjudged) {
		why.Cases = n
		out.Unjudged = append(out.Unjudged, why)
	}
	slices.SortFunc(out.Unjudged, func(x, y ImpactUnjudged) int {
		return cmp.Or(cmp.Compare(x.Why, y.Why), cmp.Compare(x.About, y.About))
	})
	return out
}
