package signin

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// Each step of a binding is counted by what the browser is answered.
func TestBindingsAreCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string
	}{
		"a cookie": {func(w http.ResponseWriter) {
			w.Header().Add("Set-Cookie", "a=b")
			w.WriteHeader(http.StatusOK)
		}, access.BindingDone},
		"no cookie":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }, access.BindingEnded},
		"a challenge": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, access.BindingRefused},
		"a failure":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, access.BindingUnavailable},
	} {
		var told []string
		s := &Service{Environment: access.NewEnvironment(access.Config{OnBinding: func(step, result string) { told = append(told, step+" "+result) }})}
		serve := counting(access.BindingRefresh, func(_ *Service, w http.ResponseWriter, _ *http.Request, _ *access.Visit) { tt.answer(w) })
		w := httptest.NewRecorder()
		serve(s, w, nil, nil)
		if len(told) != 1 || told[0] != "refresh "+tt.want {
			t.Errorf("%s: told %q, want %q", name, told, tt.want)
		}
		counting(access.BindingRefresh, func(_ *Service, w http.ResponseWriter, _ *http.Request, _ *access.Visit) { tt.answer(w) })(
			&Service{Environment: access.NewEnvironment(access.Config{})}, httptest.NewRecorder(), nil, nil)
	}
}
