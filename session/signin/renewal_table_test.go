package signin

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// docs/renewal.md is the oracle: each row of its tables is run against a provider that answers so. A row without a
// scenario fails, and so does a scenario without a row.

// row is one of a table: its cells by the words of the heading.
type row map[string]string

// tableRows returns the rows of the tables between two headings of the document, or to its end.
func tableRows(t *testing.T, from, to string) []row {
	t.Helper()
	raw, err := os.ReadFile("../../docs/renewal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(raw), "\n"+from+"\n")
	if !ok {
		t.Fatalf("no heading %q", from)
	}
	if to != "" {
		if part, _, ok = strings.Cut(part, "\n"+to+"\n"); !ok {
			t.Fatalf("no heading %q", to)
		}
	}
	var rows []row
	var head []string
	for line := range strings.SplitSeq(part, "\n") {
		if !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case head == nil:
			head = cells
		case strings.HasPrefix(cells[0], "---") || head[0] != "answer":
		case len(cells) != len(head):
			t.Fatalf("a row of %d cells under %d: %s", len(cells), len(head), line)
		default:
			one := row{}
			for i, cell := range cells {
				one[head[i]] = cell
			}
			rows = append(rows, one)
		}
	}
	return rows
}

// tried is a gateway for one row, with what came of renewals.
type tried struct {
	*gateway
	mu      sync.Mutex
	results []string
	calls   *calls
}

// calls is a transport that finds nothing to connect to while it is cut.
type calls struct {
	next http.RoundTripper
	mu   sync.Mutex
	cut  bool
}

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut && strings.HasSuffix(r.URL.Path, "/token") {
		r = r.Clone(r.Context())
		r.URL.Host = "127.0.0.1:1"
	}
	return c.next.RoundTrip(r)
}

func (c *calls) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
}

func tryRow(t *testing.T, a answering) *tried {
	t.Helper()
	one := &tried{calls: &calls{}}
	idp := func(s *settings) {
		s.recheck = recheck
		s.renewals = func(_, result string) {
			one.mu.Lock()
			defer one.mu.Unlock()
			one.results = append(one.results, result)
		}
		s.client = oidc.NewClient(oidc.ClientConfig{Now: s.clock.Now, Wrap: func(next http.RoundTripper) http.RoundTripper { one.calls.next = next; return one.calls }})
		s.idp = oidctest.New(t, s.clock.Now)
		if a.before != nil {
			a.before(s.idp)
		}
		if a.noAnswer {
			s.client.Timeout = 100 * time.Millisecond
		}
	}
	one.gateway = newGateway(t, idp)
	return one
}

// begin has the provider answer as the row says.
func (o *tried) begin(a answering) {
	o.idp.Set(func(p *oidctest.IDP) {
		if a.then != nil {
			a.then(p)
		}
	})
	o.calls.set(a.unreachable)
}

// mend has it answer as it should.
func (o *tried) mend() {
	o.calls.set(false)
	o.idp.Set(func(p *oidctest.IDP) {
		p.Instead, p.Broken, p.Redirecting = map[string]http.HandlerFunc{}, map[string]bool{}, map[string]bool{}
		p.TokenFail, p.Hang = nil, nil
		p.TokenBody = map[string]any{"refresh_token": "refresh-3"}
		p.Claims = map[string]any{"nonce": nil, "preferred_username": "mended"}
	})
}

// refreshToken is the one that the session has.
func (b *testBrowser) refreshToken() string {
	who, token := b.loaded()
	tokens, err := b.service.Sessions.Tokens(who, token)
	if err != nil {
		b.t.Fatal(err)
	}
	return tokens.Refresh
}

func (o *tried) result() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) == 0 {
		return "-"
	}
	return o.results[len(o.results)-1]
}

func (o *tried) status() string {
	if o.service.Providers[0].State().TokenErr != "" {
		return "failing"
	}
	return "ok"
}

// observe runs a row and returns what came of it, in the words of the document.
func observe(t *testing.T, a answering) row {
	got := row{}
	o := tryRow(t, a)
	b, other := o.browser(), o.browser()
	b.signIn("yes")
	other.signIn("yes")
	before, _ := b.loaded()
	signIns := len(o.log.all)
	o.begin(a)
	o.clock.Advance(2 * recheck)
	r := b.get("/")
	got["metric"], got["status"] = o.result(), o.status()
	switch {
	case r.status == http.StatusSeeOther:
		got["session"], got["token"] = "ends", "none"
		if c := r.setCookies()[browser.SessionCookie]; c == nil || c.MaxAge >= 0 {
			t.Error("the session has ended and its cookie stays")
		}
	case r.status == http.StatusOK:
		after, _ := b.loaded()
		switch {
		case after.GroupsAsOf.After(before.GroupsAsOf):
			got["session"] = "renewed"
		case after.Confirmed.Sub(before.GroupsAsOf) > recheck:
			got["session"] = "confirmed"
		default:
			got["session"] = "goes on"
		}
		if got["session"] != "renewed" && (after.User != before.User || !slices.Equal(after.Groups, before.Groups)) {
			t.Errorf("not renewed, and %s of %v became %s of %v", before.User, before.Groups, after.User, after.Groups)
		}
		got["token"] = map[string]string{"refresh-canary": "old", "refresh-2": "new"}[b.refreshToken()]
	default:
		t.Errorf("%d", r.status)
	}
	if got["metric"] == renew.RenewalDoubted {
		o.clock.Advance(10*time.Minute - time.Second)
		if r := b.get("/"); r.status != http.StatusOK {
			t.Errorf("before the second try: %d", r.status)
		}
		o.clock.Advance(time.Second)
		if r := b.get("/"); r.status == http.StatusSeeOther {
			got["session"] = "ends second"
		}
	}
	got["log"] = codesSince(o.log, signIns)
	o.mend()
	got["others"] = waits(o, other)
	got["a day later"] = dayLater(t, a)
	return got
}

// codesSince are the codes of what was logged about sessions that ended.
func codesSince(log *records, n int) string {
	log.mu.Lock()
	defer log.mu.Unlock()
	var codes []string
	for _, rec := range log.all[n:] {
		if !rec.Interactive {
			codes = append(codes, fmt.Sprint(int(rec.Code)))
		}
	}
	if codes == nil {
		return "-"
	}
	return strings.Join(codes, " ")
}

// waits tells how long another session of the provider is held up, once the provider answers as it should.
func waits(o *tried, other *testBrowser) string {
	// A renewal may go on behind the request that began it, so another request is what shows it.
	renewed := func() bool {
		for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			if strings.HasPrefix(other.user(), "app: mended") {
				return true
			}
		}
		return false
	}
	if renewed() {
		return "untouched"
	}
	o.clock.Advance(renewalPause)
	if renewed() {
		return "wait 15 s"
	}
	o.clock.Advance(2*time.Minute - renewalPause)
	if !renewed() {
		o.clock.Advance(renewalPause) // which began when it was told to wait
	}
	if renewed() {
		return "wait as told"
	}
	return "held up"
}

// dayLater is what a request gets if nothing but the answer has come for a day.
func dayLater(t *testing.T, a answering) string {
	o := tryRow(t, a)
	b := o.browser()
	b.signIn("yes")
	o.begin(a)
	o.clock.Advance(recheck + outage + time.Second)
	r := b.get("/")
	_, touched := r.setCookies()[browser.SessionCookie]
	switch {
	case r.status == http.StatusOK:
		return "200"
	case r.status == http.StatusServiceUnavailable && !touched && r.header.Get("Retry-After") != "":
		script := b.do(http.MethodGet, "/", nil, "Accept", "application/json", "Sec-Fetch-Mode", "cors")
		for _, word := range []string{"claims_old", "idp_down", "store_down"} {
			if strings.Contains(script.body, word) {
				return "503 " + word
			}
		}
	case r.status == http.StatusSeeOther && strings.HasPrefix(r.location, o.idp.URL+"/authorize?"):
		return "sign-in"
	}
	return fmt.Sprintf("%d to %q, cookie touched %v", r.status, r.location, touched)
}

// TestRenewalTable runs docs/renewal.md on renewals (issue 9, point 3; D1, D4; field trial 1.2, 1.5, 3.1, 3.6, 4.1, 4.2,
// 4.4).
func TestRenewalTable(t *testing.T) {
	rows := tableRows(t, "### Tokens came", "## A sign-in")
	scenarios := renewalAnswers()
	seen := map[string]bool{}
	for _, want := range rows {
		name := want["answer"]
		a, ok := scenarios[name]
		if !ok || seen[name] {
			t.Errorf("the document has a row %q that no test runs, or twice", name)
			continue
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := observe(t, a)
			got["answer"] = name
			if !maps.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
	for name := range scenarios {
		if !seen[name] {
			t.Errorf("the document has no row %q", name)
		}
	}
}
