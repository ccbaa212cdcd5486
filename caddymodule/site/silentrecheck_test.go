package site

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// Field trial 3.1: the access log and the metric say what a silent recheck did, and the answer names the request.
func TestSilentRecheckIsLogged(t *testing.T) {
	idp := httptest.NewUnstartedServer(nil)
	idp.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": idp.URL, "authorization_endpoint": idp.URL + "/authorize", "token_endpoint": idp.URL + "/token", "jwks_uri": idp.URL + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	idp.Start()
	t.Cleanup(idp.Close)
	const away = "http://127.0.0.1:1"
	for _, tt := range []struct {
		name, issuer     string
		old              time.Duration
		page             bool
		status           int
		decision, reason string // of the metric
	}{
		{"new claims", away, time.Minute, true, http.StatusOK, "allow", "allowed"},
		{"a page is sent to the provider", idp.URL, 2 * time.Hour, true, http.StatusSeeOther, silentRecheck, silentRecheck},
		{"a script is sent nowhere", idp.URL, 2 * time.Hour, false, http.StatusOK, "allow", "allowed"},
		{"the provider is away for less than a day", away, 2 * time.Hour, true, http.StatusOK, "allow", "allowed"},
		{"a page, and the provider is away for a day", away, 26 * time.Hour, true, http.StatusServiceUnavailable, "provider_unavailable", "provider_unavailable"},
		{"a script whose page was not opened for a day", idp.URL, 26 * time.Hour, false, http.StatusUnauthorized, "sign_in", "sign_in_required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newVisitorOf(t, &config.App{}, &config.Site{App: "wiki"}, tt.issuer, time.Now().Add(-tt.old))
			request := func(page bool) *http.Request {
				r := s.sent(http.MethodGet, "/page", "", "same-origin")
				delete(r.Header, "Origin")
				if page {
					r.Header["Sec-Fetch-Mode"], r.Header["Sec-Fetch-Dest"] = []string{"navigate"}, []string{"document"}
				}
				return r
			}
			before := count(t, "caddy_latchkey_requests_total", tt.decision, tt.reason)
			r := request(tt.page)
			w, passed := s.answered(t, r)
			if w.Code != tt.status || passed != (tt.status == http.StatusOK) {
				t.Fatalf("%d, passed %t: %s", w.Code, passed, w.Body)
			}
			if n := count(t, "caddy_latchkey_requests_total", tt.decision, tt.reason) - before; n != 1 {
				t.Errorf("counted %v times", n)
			}
			if !passed {
				if got := logged(r)["latchkey_decision"]; got != tt.decision {
					t.Errorf("the access log says %q", got)
				}
			}
			if id := requestID(r); w.Code >= 400 && !strings.Contains(w.Body.String(), id) {
				t.Errorf("the answer does not name request %s: %s", id, w.Body)
			}
			if tt.decision != "provider_unavailable" {
				return
			}
			// Now that it is known, scripts are told the same.
			r = request(false)
			w, _ = s.answered(t, r)
			if id := requestID(r); w.Code != tt.status || logged(r)["latchkey_decision"] != tt.decision || !strings.Contains(w.Body.String(), id) {
				t.Errorf("a script: %d, %v, %s", w.Code, logged(r), w.Body)
			}
		})
	}
}
