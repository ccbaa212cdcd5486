package rig

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// LogEntry is one line of the gateway's log, as JSON decodes it.
type LogEntry map[string]any

// Text returns a field as text, or "" if it is absent or no text.
func (e LogEntry) Text(field string) string { s, _ := e[field].(string); return s }

// Code returns status.errorCode of a sign-in entry, or -1 if it has none.
func (e LogEntry) Code() int {
	status, _ := e["status"].(map[string]any)
	n, ok := status["errorCode"].(float64)
	if !ok {
		return -1
	}
	return int(n)
}

// Output returns everything that the gateway printed, over all its starts.
func (g *Gateway) Output() string { return g.out.String() }

// AllLogs returns the entries of all loggers, oldest first.
func (g *Gateway) AllLogs() []LogEntry {
	var out []LogEntry
	for line := range strings.Lines(g.out.String()) {
		var e LogEntry
		if json.Unmarshal([]byte(line), &e) == nil {
			out = append(out, e)
		}
	}
	return out
}

// Logs returns the entries of a logger, oldest first.
func (g *Gateway) Logs(logger string) []LogEntry {
	return slices.DeleteFunc(g.AllLogs(), func(e LogEntry) bool { return e.Text("logger") != logger })
}

// SignInLog returns the sign-in log.
func (g *Gateway) SignInLog() []LogEntry { return g.Logs("latchkey.sign_in") }

// SignIns returns the sign-in entries with an error code, 0 being success.
func (g *Gateway) SignIns(code int) []LogEntry {
	return slices.DeleteFunc(g.SignInLog(), func(e LogEntry) bool { return e.Code() != code })
}

// AwaitSignIns waits until the sign-in log holds n entries with that code, and fails the test if it does not.
func (g *Gateway) AwaitSignIns(code, n int, limit time.Duration) []LogEntry {
	g.t.Helper()
	if !Holds(limit, func() bool { return len(g.SignIns(code)) >= n }) {
		g.t.Fatalf("the sign-in log has %d entries with code %d, want %d:\n%v", len(g.SignIns(code)), code, n, g.SignInLog())
	}
	return g.SignIns(code)
}

// Leaked returns which of the named secrets the gateway printed (A49, A69). Secrets shorter than eight bytes are not
// looked for.
func (g *Gateway) Leaked(secrets map[string]string) []string {
	return Leaked(g.out.String(), secrets)
}

// Leaked returns the names of those secrets that a text contains, in order.
func Leaked(text string, secrets map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if s := secrets[name]; len(s) >= 8 && strings.Contains(text, s) {
			out = append(out, name)
		}
	}
	return out
}
