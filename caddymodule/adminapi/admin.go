package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// adminAPI answers below /latchkey/ on Caddy's admin endpoint. Caddy decides who may reach that endpoint. What a user
// of a site has (cookie, session, assertion) gives no access here (A70).
type adminAPI struct{}

// adminResources are all resources, by the pattern of their path.
var adminResources = map[string]adminResource{
	SignInsPath:               {http.MethodGet: {answer: adminSignIns}},
	SessionsPath:              {http.MethodGet: {answer: adminSessions}},
	SessionsPath + "/{id}":    {http.MethodDelete: {answer: adminEndSession, changes: true}},
	personPath:                {http.MethodDelete: {answer: adminEndPerson, changes: true}},
	TokensPath:                {http.MethodGet: {answer: adminTokens}, http.MethodPost: {answer: adminCreateToken, changes: true}},
	TokensPath + "/{id}":      {http.MethodDelete: {answer: adminRevokeToken, changes: true}},
	"/latchkey/revoke-before": {http.MethodPost: {answer: adminRevokeBefore, changes: true}},
	"/latchkey/status":        {http.MethodGet: {answer: adminStatus}},
	KeysPath:                  {http.MethodGet: {answer: adminKeys}},
	KeysPath + "/sessions":    {http.MethodGet: {answer: adminKeySessions}},
	KeysPath + "/rotate":      {http.MethodPost: {answer: adminRotateKeys, changes: true}},
	KeysPath + "/retire":      {http.MethodPost: {answer: adminRetireKey, changes: true}},
	ExplainPath:               {http.MethodPost: {answer: adminExplain}},
	SignalsTestPath:           {http.MethodPost: {answer: adminTestSignal}},
	ImpactPath:                {http.MethodPost: {answer: adminImpact}},
}

// adminResource contains the actions of a path, by method.
type adminResource map[string]adminAction

type adminAction struct {
	answer adminAnswer
	// changes: the action changes something. It is then completed even if the client disconnects.
	changes bool
}

// adminAnswer answers a request with a value that is sent as JSON. An error that is not a caddy.APIError results in a
// 503 if the store could not be reached, else in a 500.
type adminAnswer func(r *http.Request, app *app.App) (any, error)

const (
	adminPrefix = "/latchkey/"
	// adminTimeout is the timeout of one request.
	adminTimeout = 15 * time.Second
)

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.latchkey", New: func() caddy.Module { return new(adminAPI) }}
}

// Routes implements caddy.AdminRouter. The patterns name no method: ServeMux would let HEAD do what GET may, and would
// answer another method in plain text.
func (*adminAPI) Routes() []caddy.AdminRoute {
	routes := []caddy.AdminRoute{{Pattern: adminPrefix, Handler: adminResource{}}}
	for pattern, resource := range adminResources {
		routes = append(routes, caddy.AdminRoute{Pattern: pattern, Handler: resource})
	}
	return routes
}

// errVisitor: the request contains credentials of a user of a site, which give no access here.
var errVisitor = refuse(http.StatusForbidden, "an assertion or a token of a site opens nothing here; who may reach the admin endpoint is configured in Caddy")

// ServeHTTP implements caddy.AdminHandler. A path without actions does not exist.
func (a adminResource) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	if r.Header[config.AssertionHeader] != nil || r.Header["Authorization"] != nil {
		return errVisitor
	}
	if len(a) == 0 || !exact(r) {
		return refuse(http.StatusNotFound, "there is nothing at %s", r.URL.Path)
	}
	action, ok := a[r.Method]
	if !ok {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(a)), ", "))
		return refuse(http.StatusMethodNotAllowed, "method %s is not allowed here", r.Method)
	}
	return action.serve(w, r)
}

// exact reports whether the path is spelled as its pattern (A55). ServeMux compares segments after unescaping them, and
// does not clean the path of a CONNECT request.
func exact(r *http.Request) bool {
	want, got := strings.Split(r.Pattern, "/"), strings.Split(r.URL.EscapedPath(), "/")
	return slices.EqualFunc(want, got, func(want, got string) bool {
		return want == got || strings.HasPrefix(want, "{") && got != ""
	})
}

func (action adminAction) serve(w http.ResponseWriter, r *http.Request) error {
	app, err := app.Current()
	if err != nil {
		return refuse(http.StatusNotFound, "%w", err)
	}
	ctx := r.Context()
	if action.changes {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	answer, err := action.answer(r.WithContext(ctx), app)
	if err != nil {
		return adminError(err)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body.Bytes()) // an error means that the client has disconnected
	return nil
}

// refuse returns an error with a status.
func refuse(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

func adminError(err error) error {
	if errors.As(err, new(caddy.APIError)) {
		return err
	}
	if errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrClosed) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(http.StatusServiceUnavailable, "the store cannot be asked: %w", err)
	}
	return err
}

// Parameters are the parameters of one request, each present once and not empty.
type Parameters map[string]string

// queryOf parses the query of a request strictly: it refuses a parameter that is unknown, empty or repeated, so that
// none is silently ignored.
func queryOf(r *http.Request, names ...string) (Parameters, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the query cannot be read")
	}
	p := make(Parameters, len(values))
	for name, given := range values {
		switch {
		case !slices.Contains(names, name):
			return nil, refuse(http.StatusBadRequest, "unknown parameter %q%s", name, config.Suggest(name, names))
		case len(given) > 1:
			return nil, refuse(http.StatusBadRequest, "%s is there %d times", name, len(given))
		case given[0] == "":
			return nil, refuse(http.StatusBadRequest, "%s is empty", name)
		}
		p[name] = given[0]
	}
	return p, nil
}

// number returns a whole number; 0 if the parameter is missing.
func (p Parameters) number(name string, least, most int) (n int, err error) {
	text, ok := p[name]
	if !ok {
		return 0, nil
	}
	if n, err = strconv.Atoi(text); err != nil || strconv.Itoa(n) != text || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "%s: %q is no number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// oneOf returns one of the words; empty if the parameter is missing.
func (p Parameters) oneOf(name string, words ...string) (string, error) {
	text, ok := p[name]
	if ok && !slices.Contains(words, text) {
		return "", refuse(http.StatusBadRequest, "%s: %q is none of %s", name, text, strings.Join(words, ", "))
	}
	return text, nil
}

// moment returns a time; the zero time if the parameter is missing.
func (p Parameters) moment(name string, now time.Time) (time.Time, error) {
	text, ok := p[name]
	if !ok {
		return time.Time{}, nil
	}
	t, err := ParseMoment(text, now)
	if err != nil {
		return time.Time{}, refuse(http.StatusBadRequest, "%s: %w", name, err)
	}
	return t, nil
}

// ParseMoment parses a time in RFC 3339, or a duration before now: 24h, 7d.
func ParseMoment(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if ago, err := caddy.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-11-23T10:00:00Z nor how long ago it was, such as 24h or 7d", text)
}

// Interface guards
var _ caddy.AdminRouter = (*adminAPI)(nil)
