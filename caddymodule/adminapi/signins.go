package adminapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// SignInsPath is the endpoint that reads the sign-in log.
const SignInsPath = "/latchkey/sign-ins"

// SignInsAnswer is a page of the sign-in log.
type SignInsAnswer struct {
	Entries []signinlog.Entry `json:"entries"`
	// Cursor continues the query: with `cursor` to older entries, with `after` to newer ones. If it is missing, there
	// is nothing older.
	Cursor string `json:"cursor,omitempty"`
	// More: newer entries already exist. Only with `after`.
	More bool `json:"more,omitempty"`
	// Unreadable counts entries that were skipped because no key opens them.
	Unreadable int `json:"unreadable,omitempty"`
}

// adminSignIns answers GET /latchkey/sign-ins: the newest entries, continued backwards with `cursor`; or with `after`
// the entries added since, oldest first.
func adminSignIns(r *http.Request, app *app.App) (any, error) {
	p, err := queryOf(r, "user", "code", "status", "app", "since", "until", "limit", "cursor", "correlation", "after")
	if err != nil {
		return nil, err
	}
	q, err := SignInsQuery(p)
	if err != nil {
		return nil, err
	}
	log := app.SignIns()
	if log == nil {
		return nil, refuse(http.StatusNotFound, "sign-ins are not stored here: sign_in_log has max_entries 0")
	}
	read := log.Read
	if after, ok := p["after"]; ok {
		read, q.Cursor = log.Follow, after
	}
	page, err := read(r.Context(), q)
	if errors.Is(err, signinlog.ErrCursor) {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	if page.Entries == nil {
		page.Entries = []signinlog.Entry{}
	}
	return SignInsAnswer(page), err
}

// SignInsQuery parses the query parameters of the sign-in log. An error names the refused parameter.
func SignInsQuery(p Parameters) (q signinlog.Query, err error) {
	q = signinlog.Query{User: p["user"], App: p["app"], Correlation: p["correlation"], Cursor: p["cursor"]}
	if _, ok := p["after"]; ok && q.Cursor != "" {
		return q, refuse(http.StatusBadRequest, "cursor and after exclude each other")
	}
	if _, ok := p["code"]; ok {
		n, err := p.number("code", 0, 1<<31-1)
		if err != nil {
			return q, err
		}
		code := signinlog.Code(n)
		q.Code = &code
	}
	if q.Status, err = p.oneOf("status", signinlog.StatusSuccess, signinlog.StatusFailure, signinlog.StatusInterrupted); err != nil {
		return q, err
	}
	if q.Limit, err = p.number("limit", 1, signinlog.MaxLimit); err != nil {
		return q, err
	}
	now := time.Now()
	if q.Since, err = p.moment("since", now); err != nil {
		return q, err
	}
	if q.Until, err = p.moment("until", now); err != nil {
		return q, err
	}
	if !q.Until.IsZero() && q.Until.Before(q.Since) {
		return q, refuse(http.StatusBadRequest, "until is before since")
	}
	return q, nil
}
