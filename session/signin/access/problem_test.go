package access

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// encoded is a problem as package encoding/json writes it.
func encoded(t *testing.T, p ProblemJSON) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(struct {
		Type string `json:"type"`
		ProblemJSON
	}{"about:blank", p}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The text of a problem is that of encoding/json, whatever stands in it.
func TestProblemIsJSON(t *testing.T) {
	for _, p := range []ProblemJSON{
		{},
		{Title: "Access denied", Status: 403, Reason: "blocked", Code: 53003, SignInURL: "/.latchkey/sign-in?to=%2F", RequestID: "a-b"},
		{Title: "<a> & \"b\" \\ \x00\n\u007f \u2028 \u00e9 \xff", Status: -1, Code: -2, Reason: "'", RequestID: "\u65e5"},
	} {
		if got, want := p.json(), encoded(t, p); !bytes.Equal(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	w := httptest.NewRecorder()
	WriteProblem(w, httptest.NewRequest(http.MethodHead, "/", nil), ProblemJSON{Status: http.StatusForbidden})
	if w.Code != http.StatusForbidden || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d %s", w.Code, w.Body)
	}
}

func FuzzProblem(f *testing.F) {
	f.Add("a", "b", "c", "d", 1)
	f.Fuzz(func(t *testing.T, title, reason, address, request string, code int) {
		p := ProblemJSON{Title: title, Status: code, Reason: reason, Code: code, SignInURL: address, RequestID: request}
		if got, want := p.json(), encoded(t, p); !bytes.Equal(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
