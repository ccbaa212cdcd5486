package adminapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const (
	// SessionsPath is the endpoint that lists and ends live sessions.
	SessionsPath = "/latchkey/sessions"
	// personPath is the endpoint that ends all sessions of a user.
	personPath = "/latchkey/users/{issuer}/{subject}/sessions"
	// MaxSessionsListed is the longest list in one answer, maxSessionsRead how many sessions are read for it.
	MaxSessionsListed = 1000
	maxSessionsRead   = 20_000
	defaultSessions   = 100
)

// byAdministrator is the value of "by" in the event session_revoked.
const byAdministrator = "administrator"

// sessionEntry is a session in an answer for administrators. It contains nothing that gives access to the session.
type sessionEntry struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	KindReason string    `json:"kindReason,omitempty"`
	BoundTo    string    `json:"boundTo,omitempty"`
	Provider   string    `json:"provider"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	User       string    `json:"user,omitempty"`
	Name       string    `json:"name,omitempty"`
	Groups     []string  `json:"groups,omitempty"`
	Created    time.Time `json:"created"`
	LastUsed   time.Time `json:"lastUsed"`
	Ends       time.Time `json:"ends"`
	IP         string    `json:"ipAddress,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"`
	Apps       []string  `json:"apps,omitempty"`
}

// Life returns the kind of the session, and whether it is bound to its device, for a table.
func (s *sessionEntry) Life() string {
	if s.BoundTo != "" {
		return s.Kind + ", bound"
	}
	return s.Kind
}

// SessionsAnswer is one page of a list.
type SessionsAnswer struct {
	Sessions []sessionEntry `json:"sessions"`
	// More: there are sessions that are not listed or were not read. Cursor is where they begin.
	More   bool   `json:"more,omitempty"`
	Cursor string `json:"cursor,omitempty"`
	// Unreadable counts sessions that no key opens.
	Unreadable int `json:"unreadable,omitempty"`
}

// EndedAnswer is the number of live sessions that were ended, and of tokens that were ended with their user.
type EndedAnswer struct {
	Ended  int `json:"ended"`
	Tokens int `json:"tokens,omitempty"`
}

// PersonPath returns the path of the endpoint that ends all sessions and tokens of a user.
func PersonPath(issuer, subject string) string {
	return "/latchkey/users/" + url.PathEscape(issuer) + "/" + url.PathEscape(subject) + "/sessions"
}

// adminSessions answers GET /latchkey/sessions: the live sessions that the parameters select, a page at a time. Each
// page is sorted by last use, the latest first.
func adminSessions(r *http.Request, app *app.App) (any, error) {
	p, err := queryOf(r, "user", "provider", "group", "limit", "cursor")
	if err != nil {
		return nil, err
	}
	limit, err := p.number("limit", 1, MaxSessionsListed)
	if err != nil {
		return nil, err
	}
	cursor, err := p.sessionsCursor()
	if err != nil {
		return nil, err
	}
	limit = cmp.Or(limit, defaultSessions)
	answer := SessionsAnswer{Sessions: []sessionEntry{}}
	limits := app.Sessions().Limits()
	next, survey, err := app.Sessions().Page(r.Context(), cursor, maxSessionsRead, func(s *session.Record) bool {
		if !p.names(s) {
			return true
		}
		if len(answer.Sessions) == limit {
			return false
		}
		answer.Sessions = append(answer.Sessions, entryOf(s, limits))
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(answer.Sessions, func(a, b sessionEntry) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(a.ID, b.ID))
	})
	answer.Cursor, answer.More, answer.Unreadable = next, next != "", survey.Unreadable
	return answer, nil
}

func (p Parameters) names(s *session.Record) bool {
	user, byUser := p["user"]
	group, byGroup := p["group"]
	provider, byProvider := p["provider"]
	return (!byUser || s.IsCalled(user)) && (!byGroup || slices.Contains(s.Groups, group)) &&
		(!byProvider || s.Provider == provider)
}

func entryOf(s *session.Record, limits session.Limits) sessionEntry {
	bound := ""
	if s.Binding.Bound() {
		bound = signinlog.BoundToDevice
	}
	return sessionEntry{
		ID: s.ID.Short(), Kind: s.Kind.String(), KindReason: s.KindReason, BoundTo: bound, Provider: s.Provider, Issuer: s.Identity.Issuer,
		Subject: s.Identity.Subject, User: s.User, Name: s.Name, Groups: s.Groups, Created: s.Created, LastUsed: s.LastUsed,
		Ends: s.Ends(limits), IP: s.FirstIP, UserAgent: s.FirstAgent, Apps: s.Apps,
	}
}

// adminEndSession answers DELETE /latchkey/sessions/{id}.
func adminEndSession(r *http.Request, app *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	s, err := app.Sessions().Find(r.Context(), id)
	if errors.Is(err, session.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, "there is no live session %q", id)
	}
	if err != nil {
		return nil, err
	}
	if err := app.Sessions().End(r.Context(), s); err != nil {
		return nil, err
	}
	record(app, r, act{activity: actEndSession, session: s})
	app.Logger().Info("session ended by an administrator", zap.String("session", s.ID.Short()))
	app.Emit(access.EventRevoked, map[string]any{
		"session": s.ID.Short(), "user_issuer": s.Identity.Issuer, "user_subject": s.Identity.Subject,
		"user_name": s.User, "provider": s.Provider, "by": byAdministrator,
	})
	return EndedAnswer{Ended: 1}, nil
}

// adminEndPerson answers DELETE /latchkey/users/{issuer}/{subject}/sessions. The user's tokens for programs end first.
func adminEndPerson(r *http.Request, a *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	who := session.Identity{Issuer: r.PathValue("issuer"), Subject: r.PathValue("subject")}
	tokens, err := app.Tokens(a).EndWithUser(r.Context(), who)
	if err != nil {
		return nil, err
	}
	n, err := a.Sessions().EndAll(r.Context(), who)
	for _, t := range tokens {
		emitToken(a, access.EventTokenRevoked, t)
	}
	if err != nil {
		return nil, err
	}
	detail := fmt.Sprintf("%d sessions", n)
	if len(tokens) > 0 {
		detail = fmt.Sprintf("%s, %d tokens", detail, len(tokens))
	}
	record(a, r, act{activity: actEndPerson, person: who, detail: detail})
	a.Logger().Info("sessions of a person ended by an administrator", zap.Int("ended", n), zap.Int("tokens", len(tokens)))
	a.Emit(access.EventRevoked, map[string]any{
		"user_issuer": who.Issuer, "user_subject": who.Subject, "sessions": n, "by": byAdministrator,
	})
	return EndedAnswer{Ended: n, Tokens: len(tokens)}, nil
}

// Revocation is the body of POST /latchkey/revoke-before. Without provider, app, or issuer and subject, it applies to
// all sessions.
type Revocation struct {
	// Before is a time in RFC 3339, or a duration before now. It is required, so that an empty body does not end all
	// sessions.
	Before   string `json:"before"`
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	App      string `json:"app"`
}

// adminRevokeBefore answers POST /latchkey/revoke-before: it ends all selected sessions that began before a time.
func adminRevokeBefore(r *http.Request, app *app.App) (any, error) {
	var ask Revocation
	if err := readBody(r, &ask, maxAskedBody, "JSON of before, provider, issuer, subject and app"); err != nil {
		return nil, err
	}
	now := time.Now()
	before, err := ParseMoment(ask.Before, now)
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "before: %w", err)
	case before.After(now):
		return nil, refuse(http.StatusBadRequest, "before: %s lies ahead", ask.Before)
	case (ask.Issuer == "") != (ask.Subject == ""):
		return nil, refuse(http.StatusBadRequest, "a person is an issuer and a subject")
	}
	named := 0
	for _, name := range []string{ask.Provider, ask.Issuer, ask.App} {
		if name != "" {
			named++
		}
	}
	if named > 1 {
		return nil, refuse(http.StatusBadRequest, "of provider, person and app only one can be named")
	}
	scope := session.Scope{
		Provider: ask.Provider, Person: session.Identity{Issuer: ask.Issuer, Subject: ask.Subject}, App: ask.App,
	}
	if err := app.Sessions().RevokeBefore(r.Context(), scope, before); err != nil {
		return nil, err
	}
	record(app, r, act{
		activity: actRevokeBefore, person: scope.Person, target: targetOf(scope), detail: "before " + before.UTC().Format(time.RFC3339),
	})
	app.Logger().Info("sessions revoked by an administrator", zap.Time("before", before),
		zap.String("provider", ask.Provider), zap.String("app", ask.App), zap.Bool("person", ask.Issuer != ""))
	app.Emit(access.EventRevoked, map[string]any{
		"before": before.UTC(), "provider": ask.Provider, "app": ask.App, "user_issuer": ask.Issuer, "user_subject": ask.Subject,
		"by": byAdministrator,
	})
	return struct {
		Before time.Time `json:"before"`
	}{before.UTC()}, nil
}

// targetOf describes the sessions that a revocation ends, if they belong to more than one user.
func targetOf(scope session.Scope) string {
	switch {
	case scope.Provider != "":
		return "provider " + scope.Provider
	case scope.App != "":
		return "app " + scope.App
	case scope.Person != session.Identity{}:
		return ""
	}
	return "all sessions"
}
