package caddyfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Every word of every block with no argument up to four, with and without a block behind them, is taken or refused
// with an error that has a position; it never panics (A14).
func TestEveryWordWithAnyNumberOfArguments(t *testing.T) { // A14
	const provider = "provider {\nissuer https://login.example.com\nclient_id x\n}\n"
	frames := []struct {
		words []string
		frame string
	}{
		{wordsOf(globalWords), "{\nlatchkey {\n" + provider + "%s\n}\n}\na.example.com {\nrespond ok\n}\n"},
		{wordsOf(providerWords), "{\nlatchkey {\nprovider {\n%s\n}\n}\n}\n"},
		{wordsOf(sessionWords), "{\nlatchkey {\n" + provider + "session {\n%s\n}\n}\n}\n"},
		{wordsOf(limitWords), "{\nlatchkey {\n" + provider + "session {\nbrowser {\n%s\n}\n}\n}\n}\n"},
		{wordsOf(staySignedInWords), "{\nlatchkey {\n" + provider + "stay_signed_in {\n%s\n}\n}\n}\n"},
		{wordsOf(brandWords), "{\nlatchkey {\n" + provider + "brand {\n%s\n}\n}\n}\n"},
		{wordsOf(policyWords), "{\nlatchkey {\n" + provider + "policy p {\n%s\n}\n}\n}\n"},
		{wordsOf(siteWords), "{\nlatchkey {\n" + provider + "}\n}\na.example.com {\nlatchkey {\n%s\n}\n}\n"},
		{wordsOf(policyWords), "{\nlatchkey {\n" + provider + "}\n}\na.example.com {\nlatchkey {\npolicy p {\n%s\n}\n}\n}\n"},
	}
	arguments := []string{"", "x", "0", "{}", `""`, "all", "group", "off", "@x", "/x", "1h", "default", "{env.X}", "\"a\x00b\""}
	blocks := []string{"", " {\n}", " {\nx\n}", " {\nx y {\nz\n}\n}"}
	for _, f := range frames {
		for _, word := range f.words {
			for i, arg := range arguments {
				for count := range 5 {
					if count == 0 && i > 0 {
						continue // the same line again
					}
					for _, block := range blocks {
						line := word + strings.Repeat(" "+arg, count) + block
						_, err := adapt(fmt.Sprintf(f.frame, line))
						if err != nil && !strings.Contains(err.Error(), "Caddyfile:") {
							t.Errorf("%q: the error has no position: %v", line, err)
						}
					}
				}
			}
		}
	}
}

// FuzzCaddyfile: whatever stands in a Caddyfile, adapting it never panics.
func FuzzCaddyfile(f *testing.F) { // A14
	eachCase(f, func(_, text, _ string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "import") {
			return // reads files
		}
		if out, err := adapt(text); err == nil && out == "" {
			t.Fatal("neither a configuration nor an error")
		}
	})
}

// FuzzGlobal is the parser alone, without the rest of Caddy's adapter around it.
func FuzzGlobal(f *testing.F) { // A14
	f.Add("provider {\nissuer https://login.example.com\nclient_id x\n}\npolicy p {\nmatch {\npath /x\n}\nblock\n}")
	f.Fuzz(func(t *testing.T, block string) {
		d := caddyfile.NewTestDispenser("latchkey {\n" + block + "\n}")
		if _, err := parseGlobal(d, nil); err != nil && err.Error() == "" {
			t.Fatal("an error without text")
		}
	})
}
