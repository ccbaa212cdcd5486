package site

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
)

// visitor is a site with the request of a signed-in user, as Caddy's server passes it to its routes.
type visitor struct {
	h       *Site
	cookies []string
	w       http.ResponseWriter
	next    caddyhttp.Handler
	passed  int
	session session.ID
}

func newVisitor(tb testing.TB, app *config.App, site *config.Site) *visitor {
	tb.Helper()
	return newVisitorOf(tb, app, site, "http://127.0.0.1:1", time.Now())
}

// newVisitorOf is newVisitor with a provider, and with when it last said something about the user.
func newVisitorOf(tb testing.TB, app *config.App, site *config.Site, issuer string, answered time.Time) *visitor {
	tb.Helper()
	app.Providers = []*config.Provider{{Name: "main", Issuer: issuer, ClientID: "client", Recheck: config.RecheckSilent}}
	f := newFixture(tb, app, site)
	groups := make([]string, 10)
	for i := range groups {
		groups[i] = groupName(i)
	}
	_, token, err := f.service.Sessions.Create(tb.Context(), session.Record{
		Provider: "main", Identity: session.Identity{Issuer: issuer, Subject: "ada"}, GroupsAsOf: answered,
		User: "ada@example.com", Email: "ada@example.com", EmailVerified: true, Name: "Ada", Kind: session.Persistent,
		Groups: groups, GroupsComplete: true, AMR: []string{"pwd"}, Apps: []string{"wiki"},
		Claims: fmt.Appendf(nil, `{"groups": ["%s"]}`, strings.Join(groups, `","`)),
	}, session.Tokens{Access: "access-token", AccessFrom: time.Now(), AccessEnds: time.Now().Add(time.Hour)})
	if err != nil {
		tb.Fatal(err)
	}
	s := &visitor{
		h: f.sites[0], w: httptest.NewRecorder(), session: token.ID,
		cookies: []string{"theme=dark; __Host-latchkey=" + session.SealToken(f.ring, token, "wiki.example.com", "latchkey")},
	}
	s.next = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { s.passed++; return nil })
	return s
}

func groupName(i int) string { return fmt.Sprintf("5f3c9d1e-7a42-4b8e-9c6d-%012x", i) }

var browserHeaders = http.Header{
	"Connection": {"keep-alive"}, "Sec-Ch-Ua": {`"Chromium";v="140"`}, "Sec-Ch-Ua-Mobile": {"?0"},
	"Sec-Ch-Ua-Platform": {`"Linux"`}, "Upgrade-Insecure-Requests": {"1"}, "User-Agent": {"Mozilla/5.0"},
	"Accept": {"text/html,*/*;q=0.8"}, "Sec-Fetch-Site": {"none"}, "Sec-Fetch-Mode": {"navigate"},
	"Sec-Fetch-User": {"?1"}, "Sec-Fetch-Dest": {"document"}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
	"Accept-Language": {"en-US,en;q=0.9"},
}

// request is a navigation by a browser.
func (s *visitor) request() *http.Request {
	r := prepared(http.MethodGet, "/page?of=wiki")
	r.Header = make(http.Header, len(browserHeaders)+2) // with a place for each line, as net/http makes it
	for name, values := range browserHeaders {
		r.Header[name] = values
	}
	r.Header["Cookie"] = s.cookies
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "127.0.0.1")
	return r
}

// serve passes a request through the handler, and fails if it does not get through.
func (s *visitor) serve(tb testing.TB, r *http.Request) {
	before := s.passed
	if err := s.h.ServeHTTP(s.w, r, s.next); err != nil || s.passed != before+1 {
		tb.Fatalf("passed on %d times, %v", s.passed-before, err)
	}
}

// A site that does not ask for groups sends none, and no client can send any.
func TestGroupsAreSentWhereAsked(t *testing.T) { // A51
	all := make([]string, 10)
	for i := range all {
		all[i] = groupName(i)
	}
	for _, tt := range []struct {
		site *config.Site
		want http.Header
	}{
		{&config.Site{}, http.Header{"Remote-User": {"ada@example.com"}, "Remote-Email": {"ada@example.com"}, "Remote-Name": {"Ada"}}},
		{&config.Site{HeaderGroups: true}, http.Header{
			"Remote-User": {"ada@example.com"}, "Remote-Email": {"ada@example.com"}, "Remote-Name": {"Ada"}, "Remote-Groups": {strings.Join(all, ",")},
		}},
		{&config.Site{Headers: "none", Header: []config.HeaderClaim{{Name: "X-A", Claim: "groups"}}}, http.Header{"X-A": {strings.Join(all, ",")}}},
	} {
		tt.site.App = "wiki"
		s := newVisitor(t, &config.App{}, tt.site)
		r := s.request()
		r.Header["Remote-Groups"], r.Header["X-Forwarded-Groups"] = []string{"admins"}, []string{"admins"}
		s.serve(t, r)
		got := r.Header.Clone()
		for name := range browserHeaders {
			got.Del(name)
		}
		got.Del("Cookie")
		if !maps.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%+v: %v, want %v", tt.site, got, tt.want)
		}
	}
}

// Next to no memory for a request that is passed on: one piece for the request, one for who answers its placeholders, one for
// the Cookie header without our cookie. An access log takes three more, of which two are Caddy's. With the race detector a
// pool forgets, so one more is allowed there.
func TestSignedInAllocations(t *testing.T) {
	policies := make([]*config.Policy, 100)
	for i := range policies {
		policies[i] = &config.Policy{Name: fmt.Sprintf("policy-%d", i), Include: &config.Assignment{Groups: []string{fmt.Sprintf("group-%d", i)}}, Block: true}
	}
	for _, tt := range []struct {
		name    string
		app     *config.App
		site    *config.Site
		log     bool
		ceiling float64
		bytes   float64
	}{
		{"as it comes", &config.App{}, &config.Site{}, false, 3, 928},
		{"with an access log", &config.App{}, &config.Site{}, true, 6, 1312},
		{"with groups", &config.App{}, &config.Site{HeaderGroups: true}, false, 3, 928},
		{"with some groups in percent", &config.App{HeaderEncoding: "percent"}, &config.Site{HeaderGroups: true, HeaderGroupsOnly: []string{"5*", "*1"}}, false, 3, 928},
		{"with the access token", &config.App{}, &config.Site{ForwardAccessToken: &config.ForwardAccessToken{}}, false, 4, 944},
		{"with a hundred policies", &config.App{Policies: policies}, &config.Site{}, false, 3, 928},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.site.App = "wiki"
			s := newVisitor(t, tt.app, tt.site)
			s.h.unlogged = !tt.log
			const runs = 200
			request := testing.AllocsPerRun(runs, func() { s.request() })
			least := math.Inf(1)
			for range 5 { // whatever else goes on in the process is counted as well, so the least counts
				all := testing.AllocsPerRun(runs, func() { s.serve(t, s.request()) })
				least = min(least, all-request)
			}
			bytes := bytesPerRun(runs, func() { s.serve(t, s.request()) }) - bytesPerRun(runs, func() { s.request() })
			t.Logf("%.0f allocations, %.0f bytes", least, bytes)
			if most := tt.ceiling + lostByPools; least > most {
				t.Errorf("%.0f allocations, at most %.0f", least, most)
			}
			if lostByPools == 0 && bytes > tt.bytes {
				t.Errorf("%.0f bytes, at most %.0f", bytes, tt.bytes)
			}
		})
	}
}

// bytesPerRun is testing.AllocsPerRun for bytes, the least of five times.
func bytesPerRun(runs int, f func()) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	least := math.Inf(1)
	f()
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		least = min(least, math.Floor(float64(after.TotalAlloc-before.TotalAlloc)/float64(runs)))
	}
	return least
}

// What the handler costs is the difference of the two.
func BenchmarkSignedIn(b *testing.B) {
	s := newVisitor(b, &config.App{}, &config.Site{App: "wiki"})
	s.h.unlogged = true
	b.Run("request alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.request()
		}
	})
	b.Run("request and handler", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.serve(b, s.request())
		}
	})
}

// sessions are those of the configuration that the site belongs to.
func (s *visitor) sessions(tb testing.TB) *session.Manager {
	tb.Helper()
	service, err := s.h.Tenant.Service()
	if err != nil {
		tb.Fatal(err)
	}
	return service.Sessions
}
