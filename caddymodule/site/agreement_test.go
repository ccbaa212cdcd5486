package site

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Whatever is decided, the page, the answer to a script and the metric say the same reason, and the page
// says the code that the sign-in log has words for.
func TestReasonIsTheSameEverywhere(t *testing.T) {
	html, err := pages.New(pages.Config{})
	if err != nil {
		t.Fatal(err)
	}
	service := signin.New(access.Config{Pages: html})
	for name, p := range map[string]policy.Policy{
		"block":  {Name: "agree-block", Block: true},
		"device": {Name: "agree-device", Require: []policy.Requirement{{Kind: policy.CompliantDevice}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := siteWith(t, zap.NewNop(), p)
			for _, accept := range []string{"text/html", "application/json"} {
				who := &session.Record{User: "ada", GroupsComplete: true}
				r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
				r.Header.Set("Accept", accept)
				if accept == "text/html" {
					r.Header.Set("Sec-Fetch-Mode", "navigate")
					r.Header.Set("Sec-Fetch-Dest", "document")
				}
				v := &access.Visit{Site: &h.SignIn, Return: "/", RequestID: "7d1c"}
				d := h.Compiled.Evaluate(h.Request(r, v, h.Compiled.Resolve(h.User(who)), who))
				if d.Verdict != policy.Block {
					t.Fatalf("%v", d.Verdict)
				}
				before := count(t, "caddy_latchkey_requests_total", "block", string(d.Reason))
				h.recordDecision(r, &d, inSession(who.ID))
				w := httptest.NewRecorder()
				service.Refuse(w, r, v, who, refusal(&d))
				if got := count(t, "caddy_latchkey_requests_total", "block", string(d.Reason)); got != before+1 {
					t.Errorf("the metric for %s did not count", d.Reason)
				}
				body := w.Body.String()
				for _, want := range []string{string(d.Reason), strconv.Itoa(d.Code), "7d1c"} {
					if !strings.Contains(body, want) {
						t.Errorf("%s: %s is not in the answer:\n%s", accept, want, body)
					}
				}
				if accept == "text/html" && !strings.Contains(body, p.Name) {
					t.Errorf("the page does not name %s", p.Name)
				}
				if signinlog.Code(d.Code).Reason() == "" {
					t.Errorf("the sign-in log has no words for %d", d.Code)
				}
			}
		})
	}
}
