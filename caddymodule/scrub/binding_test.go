package scrub

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func proofOf(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

// V12: Issue 11: what a browser says of a session that the gateway has bound does not reach the app; what it says of a session
// that the app has bound does, as it is.
func TestBinding(t *testing.T) {
	ours := `quota_exceeded;session_identifier="!latchkey-abc"`
	apps := `unreachable;session_identifier="app, 1"`
	for name, tt := range map[string]struct{ header, value, want string }{
		"name of ours":             {"Sec-Secure-Session-Id", "!latchkey-abc", ""},
		"name of ours, in quotes":  {"Sec-Secure-Session-Id", `"!latchkey-abc"`, ""},
		"name of the app's":        {"Sec-Secure-Session-Id", "app-1", "app-1"},
		"proof for us":             {"Secure-Session-Response", proofOf(`{"jti":"latchkey.x"}`), ""},
		"proof for us, in quotes":  {"Secure-Session-Response", `"` + proofOf(`{"jti":"latchkey.x"}`) + `"`, ""},
		"proof for the app":        {"Secure-Session-Response", proofOf(`{"jti":"x.latchkey."}`), proofOf(`{"jti":"x.latchkey."}`)},
		"no proof":                 {"Secure-Session-Response", "x", "x"},
		"no JSON":                  {"Secure-Session-Response", proofOf("latchkey."), proofOf("latchkey.")},
		"another type":             {"Secure-Session-Response", proofOf(`{"jti":["latchkey.x"]}`), proofOf(`{"jti":["latchkey.x"]}`)},
		"too long":                 {"Secure-Session-Response", "e30." + strings.Repeat("A", maxProof), "e30." + strings.Repeat("A", maxProof)},
		"skipped: ours":            {"Secure-Session-Skipped", ours, ""},
		"skipped: the app's":       {"Secure-Session-Skipped", apps, apps},
		"skipped: both":            {"Secure-Session-Skipped", ours + ", " + apps, apps},
		"skipped: both, other way": {"Secure-Session-Skipped", apps + "," + ours, apps},
		"skipped: as a token":      {"Secure-Session-Skipped", "quota_exceeded;session_identifier=!latchkey-abc", ""},
		"a challenge of the app's": {"Secure-Session-Challenge", `"x"`, `"x"`},
	} {
		h := http.Header{tt.header: {tt.value}, "X": {"y"}}
		Binding(h)
		if got := h.Get(tt.header); got != tt.want || h.Get("X") != "y" {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	h := http.Header{"Secure-Session-Skipped": {ours, apps}}
	if Binding(h); len(h["Secure-Session-Skipped"]) != 1 || h.Get("Secure-Session-Skipped") != apps {
		t.Errorf("two lines: %q", h["Secure-Session-Skipped"])
	}
	for value, want := range map[string][]string{
		ours:                             {"quota_exceeded"},
		apps:                             nil,
		ours + ", " + apps + ", " + ours: {"quota_exceeded", "quota_exceeded"},
		`"new word";x=1;session_identifier="!latchkey-abc"`: {"new word"},
		strings.Repeat(ours+",", 100):                       slices.Repeat([]string{"quota_exceeded"}, maxSkips),
	} {
		if got := Binding(http.Header{"Secure-Session-Skipped": {value}}); !slices.Equal(got, want) {
			t.Errorf("%q: reasons %q, want %q", value, got, want)
		}
	}
	h = http.Header{"Accept": {"*/*"}}
	if n := testing.AllocsPerRun(100, func() { Binding(h) }); n != 0 {
		t.Errorf("%v allocations for a request without any of it", n)
	}
}
