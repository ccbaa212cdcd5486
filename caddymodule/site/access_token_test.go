package site

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// What a client writes into the header of the access token does not reach the application, in no spelling, on no path, in
// no preflight and in no error route.
func TestForwardedHeaderIsTheGateways(t *testing.T) {
	forged := http.Header{
		"Authorization": {"Bearer forged"}, "X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"}, "X-Forwarded-Access-Token": {"forged"},
	}
	open := caddyhttp.RawMatcherSets{{"path": caddyconfig.JSON([]string{"/closed"}, nil)}}
	for name, row := range map[string]struct {
		site *config.Site
		want http.Header // of forged
	}{
		"no site asks": {&config.Site{}, http.Header{
			"Authorization": {"Bearer forged"}, "X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"},
		}},
		"Authorization": {&config.Site{ForwardAccessToken: &config.ForwardAccessToken{}}, http.Header{
			"Authorization": {"Bearer access-token"}, "X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"},
		}},
		"a header of its own": {&config.Site{ForwardAccessToken: &config.ForwardAccessToken{Header: "x-token"}}, http.Header{
			"Authorization": {"Bearer forged"}, "X-Token": {"access-token"},
		}},
		"an open path, Authorization": {&config.Site{MatchRaw: open, ForwardAccessToken: &config.ForwardAccessToken{}}, http.Header{
			"X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"},
		}},
		"an open path, beside programs": {&config.Site{MatchRaw: open, ForwardAccessToken: &config.ForwardAccessToken{}, Bearer: &config.Bearer{Audience: []string{"wiki"}}}, http.Header{
			"X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"},
		}},
		"beside programs": {&config.Site{ForwardAccessToken: &config.ForwardAccessToken{}, Bearer: &config.Bearer{Audience: []string{"wiki"}}}, http.Header{
			"Authorization": {"Bearer access-token"}, "X-Token": {"forged"}, "X_token": {"forged"}, "X.token": {"forged"},
		}},
		"an open path, a header of its own": {&config.Site{MatchRaw: open, ForwardAccessToken: &config.ForwardAccessToken{Header: "X_Token"}}, http.Header{
			"Authorization": {"Bearer forged"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			row.site.App = "wiki"
			s := newVisitor(t, &config.App{}, row.site)
			r := s.request()
			for name, values := range forged {
				r.Header[name] = values
			}
			s.serve(t, r)
			for name := range forged {
				if got := r.Header[name]; len(got) != len(row.want[name]) || len(got) > 0 && got[0] != row.want[name][0] {
					t.Errorf("%s: %q, want %q", name, got, row.want[name])
				}
			}
		})
	}
	t.Run("a preflight, beside programs", func(t *testing.T) {
		s := newVisitor(t, &config.App{}, &config.Site{
			App: "wiki", Cors: []string{"https://tools.example.com"}, ForwardAccessToken: &config.ForwardAccessToken{}, Bearer: &config.Bearer{Audience: []string{"wiki"}},
		})
		r := s.request()
		r.Method = http.MethodOptions
		r.Header = http.Header{"Origin": {"https://tools.example.com"}, "Access-Control-Request-Method": {"PUT"}, "Authorization": {"Bearer forged"}}
		s.serve(t, r)
		if r.Header["Authorization"] != nil {
			t.Error("the client's header reached the application")
		}
	})
	t.Run("an error", func(t *testing.T) {
		s := newVisitor(t, &config.App{}, &config.Site{App: "wiki", ForwardAccessToken: &config.ForwardAccessToken{}})
		r := s.request()
		r.URL.Path = "/a/../b;c/%2e"
		r.Header["Authorization"] = []string{"Bearer forged"}
		_ = s.h.ServeHTTP(s.w, r, s.next)
		if r.Header["Authorization"] != nil || s.passed != 0 {
			t.Errorf("an error route sees %v; %d passed on", r.Header["Authorization"], s.passed)
		}
	})
}
