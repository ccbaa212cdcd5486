package adminapi

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

const (
	// TokensPath is the endpoint that lists, makes and revokes the tokens that programs have.
	TokensPath = "/latchkey/tokens" //nolint:gosec // a path
	// MaxTokensListed is the longest list in one answer, maxTokensRead how many tokens are read for it.
	MaxTokensListed = 1000
	maxTokensRead   = 5000
	defaultTokens   = 100
)

// tokenEntry is a token in an answer for administrators. It does not contain the token.
type tokenEntry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	App  string `json:"app"`
	// Service is the service that has the token, and Groups are its groups; else the others say which user has it.
	Service  string     `json:"service,omitempty"`
	Groups   []string   `json:"groups,omitempty"`
	Provider string     `json:"provider,omitempty"`
	Issuer   string     `json:"issuer,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	User     string     `json:"user,omitempty"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	LastIP   string     `json:"last_ip,omitempty"`
}

// Whose returns the name of who has the token, for a table.
func (t *tokenEntry) Whose() string {
	if t.Service != "" {
		return apitoken.ServicePrefix + t.Service
	}
	return cmp.Or(t.User, t.Subject)
}

// TokensAnswer is one page of a list. Cursor is where the next page begins, empty if there is none.
type TokensAnswer struct {
	Tokens []tokenEntry `json:"tokens"`
	More   bool         `json:"more,omitempty"`
	Cursor string       `json:"cursor,omitempty"`
	// Unreadable counts tokens that no key opens.
	Unreadable int `json:"unreadable,omitempty"`
}

func tokenEntryOf(o *apitoken.Owned) tokenEntry {
	e := tokenEntry{
		ID: o.Short(), Name: o.Name, App: o.App, Service: o.Service, Groups: o.Groups, Created: o.Created, Expires: o.Expires, LastIP: o.LastIP,
	}
	if o.Personal() {
		e.Provider, e.Issuer, e.Subject, e.User = o.Who.Provider, o.Who.Identity.Issuer, o.Who.Identity.Subject, o.Who.User
	}
	if !o.LastUsed.IsZero() {
		e.LastUsed = &o.LastUsed
	}
	return e
}

// adminTokens answers GET /latchkey/tokens: the tokens that the parameters select, a page at a time.
func adminTokens(r *http.Request, a *app.App) (any, error) {
	p, err := queryOf(r, "user", "service", "app", "limit", "cursor")
	if err != nil {
		return nil, err
	}
	limit, err := p.number("limit", 1, MaxTokensListed)
	if err != nil {
		return nil, err
	}
	limit = cmp.Or(limit, defaultTokens)
	answer := TokensAnswer{Tokens: []tokenEntry{}}
	next, unreadable, err := app.Tokens(a).Page(r.Context(), p["cursor"], maxTokensRead, func(o *apitoken.Owned) bool {
		if !p.namesToken(o) {
			return true
		}
		if len(answer.Tokens) == limit {
			return false
		}
		answer.Tokens = append(answer.Tokens, tokenEntryOf(o))
		return true
	})
	if errors.Is(err, apitoken.ErrCursor) {
		return nil, refuse(http.StatusBadRequest, "cursor: not one that was given out here")
	}
	if err != nil {
		return nil, err
	}
	answer.Cursor, answer.More, answer.Unreadable = next, next != "", unreadable
	return answer, nil
}

func (p Parameters) namesToken(o *apitoken.Owned) bool {
	user, byUser := p["user"]
	service, byService := p["service"]
	app, byApp := p["app"]
	return (!byUser || o.Personal() && o.Who.IsCalled(user)) && (!byService || o.Service == service) && (!byApp || o.App == app)
}

// NewToken is the body of POST /latchkey/tokens: a token for a user, by issuer and subject, or for a service.
type NewToken struct {
	Issuer  string   `json:"issuer,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Service string   `json:"service,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	App     string   `json:"app"`
	Name    string   `json:"name"`
	Expires string   `json:"expires,omitempty"`
}

// MadeToken is the answer. Token is told once.
type MadeToken struct {
	ID      string    `json:"id"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// adminCreateToken answers POST /latchkey/tokens.
func adminCreateToken(r *http.Request, a *app.App) (any, error) {
	var ask NewToken
	if err := readBody(r, &ask, maxAskedBody, "JSON of issuer and subject or service and groups, app, name and expires"); err != nil {
		return nil, err
	}
	apps := app.TokenApps(a)
	switch personal := ask.Issuer != "" || ask.Subject != ""; {
	case personal == (ask.Service != ""), personal && (ask.Issuer == "" || ask.Subject == ""):
		return nil, refuse(http.StatusBadRequest, "a token is for a user, which is an issuer and a subject, or for a service")
	case personal && len(ask.Groups) > 0:
		return nil, refuse(http.StatusBadRequest, "groups: only a service is given groups; a user has those that the provider states")
	case ask.App == "":
		return nil, refuse(http.StatusBadRequest, "app: missing; sites with `tokens on`: %s", cmp.Or(strings.Join(apps, ", "), "none"))
	case !slices.Contains(apps, ask.App):
		return nil, refuse(http.StatusBadRequest, "app: no site with `tokens on` has the app %q%s", ask.App, config.Suggest(ask.App, apps))
	}
	d := apitoken.Draft{Name: ask.Name, App: ask.App}
	var err error
	if d.Expires, err = apitoken.ParseEnd(ask.Expires, time.Now()); err != nil {
		return nil, refuse(http.StatusBadRequest, "expires: %w", err)
	}
	made, text, err := createToken(r, a, &ask, d)
	switch {
	case errors.Is(err, session.ErrNotFound):
		return nil, refuse(http.StatusNotFound, "the user has no session and no token: they must sign in once")
	case apitoken.IsRequestError(err):
		return nil, refuse(http.StatusBadRequest, "%w", err)
	case err != nil:
		return nil, err
	}
	record(a, r, act{activity: actCreateToken, token: made, detail: "until " + made.Expires.UTC().Format(time.RFC3339)})
	a.Logger().Info("token made by an administrator", zap.String("token", made.Short()), zap.String("app", made.App), zap.Time("expires", made.Expires))
	emitToken(a, access.EventTokenCreated, made)
	return MadeToken{ID: made.Short(), Token: text, Expires: made.Expires}, nil
}

func createToken(r *http.Request, a *app.App, ask *NewToken, d apitoken.Draft) (*apitoken.Owned, string, error) {
	if ask.Service != "" {
		t, text, err := app.Tokens(a).CreateService(r.Context(), ask.Service, ask.Groups, d)
		if err != nil {
			return nil, "", err
		}
		return t.OfService(), text, nil
	}
	return app.Tokens(a).CreateFor(r.Context(), session.Identity{Issuer: ask.Issuer, Subject: ask.Subject}, d)
}

// adminRevokeToken answers DELETE /latchkey/tokens/{id}.
func adminRevokeToken(r *http.Request, a *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	t, err := app.Tokens(a).Named(r.Context(), id)
	if err == nil {
		err = app.Tokens(a).Revoke(r.Context(), t.Token)
	}
	if errors.Is(err, session.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, "there is no token %q", id)
	}
	if err != nil {
		return nil, err
	}
	record(a, r, act{activity: actRevokeToken, token: t})
	a.Logger().Info("token revoked by an administrator", zap.String("token", t.Short()), zap.String("app", t.App))
	emitToken(a, access.EventTokenRevoked, t)
	return EndedAnswer{Ended: 1}, nil
}

func emitToken(a *app.App, event string, t *apitoken.Owned) {
	a.Emit(event, map[string]any{
		"token": t.Short(), "app": t.App, "user_issuer": t.Who.Identity.Issuer, "user_subject": t.Who.Identity.Subject, "user_name": t.Who.User,
		"by": byAdministrator,
	})
}
