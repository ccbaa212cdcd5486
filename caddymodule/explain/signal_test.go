package explain_test

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// The text names each token that an event would end, by the user and the app.
func TestSignalPrintsTokens(t *testing.T) {
	im := &explain.SignalImpact{Stream: "hub", Event: "account-disabled", Effect: "ended", Result: "acted", Tokens: []explain.SignalToken{
		{ID: "abcd", Subject: "s-ada", User: "ada", App: "git", Name: "laptop"}, {ID: "efgh", Subject: "s-bob", App: "wiki", Name: "backup"},
	}}
	var b strings.Builder
	if err := im.Print(&b); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(b.String()) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{"TOKEN USER APP NAME", "abcd ada git laptop", "efgh s-bob wiki backup"} {
		found := false
		for _, row := range rows {
			found = found || row == want
		}
		if !found {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "SESSION") {
		t.Errorf("a table of sessions without any\n%s", b.String())
	}
}
