package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type wireEntry struct {
	ID string `json:"id"`
}

type wirePage struct {
	Entries    []wireEntry `json:"entries"`
	Cursor     string      `json:"cursor"`
	More       bool        `json:"more"`
	Unreadable int         `json:"unreadable"`
}

func (p wirePage) ids() string {
	ids := make([]string, len(p.Entries))
	for i, e := range p.Entries {
		ids[i] = e.ID
	}
	return strings.Join(ids, " ")
}

func getPage(t *testing.T, base string, query ...string) (p wirePage) {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	status, body, _ := ask(t, "GET", base+"/latchkey/sign-ins?"+q.Encode())
	if status != http.StatusOK {
		t.Fatalf("%v: %d %s", query, status, body)
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Entries == nil {
		t.Fatalf("%v: %v\n%s", query, err, body)
	}
	return p
}

func TestAdminSignIns(t *testing.T) {
	server := apptest.AdminServer(t)
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	if p := getPage(t, server.URL); len(p.Entries) != 0 || p.Cursor != "" {
		t.Errorf("an empty log: %+v", p)
	}
	start := time.Now()
	l.Write(func(r *signinlog.Record) { r.Created = start.Add(-48 * time.Hour) })
	l.Write(func(r *signinlog.Record) { r.Code, r.App = signinlog.BlockedByPolicy, "admin" })
	l.Write(func(r *signinlog.Record) { r.UserName, r.Code = "eve", signinlog.KeepMeSignedIn })
	l.Write(func(r *signinlog.Record) { r.CorrelationID = "flow" })
	for _, row := range [][2]string{
		{"", "v4 v3 v2 v1"},
		{"user=EVE", "v3"},
		{"user=https://idp.example.com%231", "v4 v3 v2 v1"},
		{"code=53003", "v2"},
		{"code=0", "v4 v1"},
		{"status=interrupted", "v3"},
		{"status=success", "v4 v1"},
		{"app=admin", "v2"},
		{"correlation=flow", "v4"},
		{"since=24h", "v4 v3 v2"},
		{"until=24h", "v1"},
		{"since=7d&until=1d", "v1"},
		{"since=" + url.QueryEscape(start.Add(-49*time.Hour).Format(time.RFC3339)), "v4 v3 v2 v1"},
		{"user=eve&app=admin", ""},
		{"limit=2", "v4 v3"},
		{"limit=1000", "v4 v3 v2 v1"},
	} {
		status, body, _ := ask(t, "GET", server.URL+"/latchkey/sign-ins?"+row[0])
		var p wirePage
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK || p.ids() != row[1] {
			t.Errorf("%s: %d %s, want %s", row[0], status, body, row[1])
		}
	}
	// Paging back, and following from the end.
	end := getPage(t, server.URL, "after", "end")
	var all []string
	for p := getPage(t, server.URL, "limit", "3"); ; p = getPage(t, server.URL, "limit", "3", "cursor", p.Cursor) {
		l.Write(nil)
		if all = append(all, p.ids()); p.Cursor == "" {
			break
		}
	}
	if got := strings.Join(all, "|"); got != "v4 v3 v2|v1" {
		t.Errorf("paging back: %s", got)
	}
	news := getPage(t, server.URL, "after", end.Cursor, "limit", "1")
	if news.ids() != "v5" || !news.More {
		t.Errorf("following: %+v", news)
	}
	if rest := getPage(t, server.URL, "after", news.Cursor); rest.ids() != "v6" || rest.More {
		t.Errorf("following on: %+v", rest)
	}
}

// What a parameter says is held to the letter: nothing unknown, doubled or empty is passed over.
func TestAdminSignInsStrict(t *testing.T) {
	server := apptest.AdminServer(t)
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	for query, want := range map[string]string{
		"usr=ada":              `unknown parameter \"usr\", did you mean \"user\"?`,
		"User=ada":             "unknown parameter",
		"user=ada&user=eve":    "user is there 2 times",
		"user=":                "user is empty",
		"user":                 "user is empty",
		"user=a;code=1":        "cannot be read",
		"user=%zz":             "cannot be read",
		"code=x":               "code: ",
		"code=-1":              "code: ",
		"code=%2B5":            "code: ",
		"code=05":              "code: ",
		"code=99999999999":     "code: ",
		"status=ok":            "status: ",
		"status=Success":       "status: ",
		"limit=0":              "limit: ",
		"limit=1001":           "limit: ",
		"limit=1e2":            "limit: ",
		"since=yesterday":      "since: ",
		"since=-1h":            "since: ",
		"until=2026-13-01":     "until: ",
		"since=1h&until=2h":    "until is before since",
		"cursor=x":             "not a cursor",
		"after=x":              "not a cursor",
		"cursor=end":           "not a cursor",
		"after=end&cursor=end": "exclude each other",
	} {
		status, body, _ := ask(t, "GET", server.URL+"/latchkey/sign-ins?"+query)
		if status != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want 400 with %s", query, status, body, want)
		}
	}
}

// A store that is away is a 503, never an empty list; a log that is off says so.
func TestAdminSignInsAway(t *testing.T) {
	server := apptest.AdminServer(t)
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	for _, err := range []error{fmt.Errorf("%w: out", session.ErrUnavailable), session.ErrClosed} {
		l.Journal.Fail(err)
		for _, query := range []string{"", "?user=ada", "?after=end", "?after=2026-03-04.1-1"} {
			if status, body, _ := ask(t, "GET", server.URL+"/latchkey/sign-ins"+query); status != http.StatusServiceUnavailable || strings.Contains(body, "entries") {
				t.Errorf("%v: %s: %d %s", err, query, status, body)
			}
		}
	}
	l.Journal.Fail(errors.New("a mistake of ours"))
	if status, _, _ := ask(t, "GET", server.URL+"/latchkey/sign-ins"); status != http.StatusInternalServerError {
		t.Errorf("a mistake: %d", status)
	}
	apptest.Run(t, new(app.App))
	if status, body, _ := ask(t, "GET", server.URL+"/latchkey/sign-ins"); status != http.StatusNotFound || !strings.Contains(body, "not stored") {
		t.Errorf("off: %d %s", status, body)
	}
}
