package access

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// V13: A user whose session is not bound is told what helps. A page tries again by itself once, shortly after a sign-in; after
// that users are not sent round while their browser may have no signature left.
func TestExplainBinding(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const page = "/users?id=1&x=%26"
	const next = browser.BoundWaitPath + "?to=%2Fusers%3Fid%3D1%26x%3D%2526"
	signIn := browser.Base + "/sign-in?return=%2Fusers%3Fid%3D1%26x%3D%2526"
	persistent, all := Binds{On: true}, Binds{On: true, All: true}
	for name, tt := range map[string]struct {
		binds       Binds
		kind        session.Kind
		age, step   time.Duration
		method      string
		insecure    bool
		waited, off bool
		binding     pages.Binding
		next, retry string
	}{
		"just signed in":                {binds: persistent, kind: session.Persistent, binding: pages.BindingTrying, next: next},
		"just before two minutes":       {binds: persistent, kind: session.Persistent, age: 2*time.Minute - 1, binding: pages.BindingTrying, next: next},
		"after two minutes":             {binds: persistent, kind: session.Persistent, age: 2 * time.Minute, binding: pages.BindingWait},
		"just before nine minutes":      {binds: persistent, kind: session.Persistent, age: 9*time.Minute - 1, binding: pages.BindingWait},
		"after nine minutes":            {binds: persistent, kind: session.Persistent, age: 9 * time.Minute, binding: pages.BindingAgain, retry: signIn},
		"it has tried":                  {binds: persistent, kind: session.Persistent, waited: true, binding: pages.BindingWait},
		"it has tried, long ago":        {binds: persistent, kind: session.Persistent, age: time.Hour, waited: true, binding: pages.BindingAgain, retry: signIn},
		"a form":                        {binds: persistent, kind: session.Persistent, method: http.MethodPost, binding: pages.BindingWait},
		"a step-up a moment ago":        {binds: persistent, kind: session.Persistent, age: time.Hour, step: time.Minute, binding: pages.BindingTrying, next: next},
		"a session that is never bound": {binds: persistent, binding: pages.BindingYes, retry: signIn},
		"and Yes is not offered":        {binds: persistent, off: true},
		"every session is bound":        {binds: all, binding: pages.BindingTrying, next: next},
		"no session is bound":           {kind: session.Persistent, age: time.Hour},
		"plain http":                    {binds: all, kind: session.Persistent, insecure: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Responder{NewEnvironment(Config{Now: func() time.Time { return at }, Binds: tt.binds})}
			v := &Visit{Site: &Site{PromptOff: tt.off}, Secure: !tt.insecure}
			who := &session.Record{Kind: tt.kind, Created: at.Add(-tt.age)}
			if tt.step != 0 {
				who.SteppedUp = at.Add(-tt.step)
			}
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			why := new(Refusal)
			s.ExplainBinding(httptest.NewRequest(method, page, http.NoBody), v, who, why, page, tt.waited)
			if why.Binding != tt.binding || why.NextURL != tt.next || why.RetryURL != tt.retry {
				t.Errorf("got %q, next %q, retry %q", why.Binding, why.NextURL, why.RetryURL)
			}
		})
	}
}
