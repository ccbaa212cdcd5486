package caddyfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
)

var update = flag.Bool("update", false, "write what the adapter says into testdata/*.caddyfiletest")

const (
	answerLine = "----------\n" // between a Caddyfile and the JSON or the error that it becomes
	caseLine   = "==========\n" // between the cases of a file
)

func adapt(text string) (string, error) {
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	config, warnings, err := adapter.Adapt([]byte(text), nil)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for _, w := range warnings {
		out.WriteString("warning: " + w.String() + "\n")
	}
	if err := json.Indent(&out, config, "", "\t"); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Each word has a file with what it becomes in JSON, and one with every way to get it wrong. Errors are compared as a
// whole: file and line are part of them. The Caddyfiles are formatted as `latchkey fmt` would.
func TestCaddyfile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) { goldens(t, file) })
	}
}

func goldens(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(string(data), caseLine)
	for i, c := range cases {
		text, want, ok := strings.Cut(c, answerLine)
		if !ok {
			t.Fatalf("case %d has no line %q", i+1, strings.TrimSpace(answerLine))
		}
		if formatted := string(caddyfile.Format([]byte(text))); formatted != text {
			t.Errorf("case %d is not formatted:\n%s", i+1, formatted)
		}
		got, err := adapt(text)
		if err != nil {
			got = err.Error()
		}
		if *update {
			cases[i] = text + answerLine + got + "\n"
			continue
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("case %d:\n%s\nbecame:\n%s\nnot:\n%s", i+1, text, got, want)
		}
		if wantsError := strings.HasSuffix(file, "_errors.caddyfiletest"); wantsError != (err != nil) {
			t.Errorf("case %d: error: %v", i+1, err)
		}
		if err != nil && !strings.Contains(got, "Caddyfile:") {
			t.Errorf("case %d: the error has no file and line: %s", i+1, got)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(cases, caseLine)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Every word of every block has its golden files (A04): a word without a test may have no effect.
func TestEveryWordHasGoldens(t *testing.T) {
	blocks := map[string][]string{
		"global": wordsOf(globalWords), "provider": wordsOf(providerWords), "session": wordsOf(sessionWords), "limits": wordsOf(limitWords),
		"signals": append(wordsOf(signalsWords), wordsOf(pollWords)...),
		"bearer":  wordsOf(bearerWords),
		"binding": append(wordsOf(bindingWords), wordsOf(persistentWords)...),
		"stay":    wordsOf(staySignedInWords), "signinlog": wordsOf(signInLogWords), "idle": wordsOf(idleSignOutWords), "brand": wordsOf(brandWords), "policy": wordsOf(policyWords), "site": append(wordsOf(siteWords), wordsOf(forwardWords)...),
		"headers": append(wordsOf(headersOptions), wordsOf(assertionWords)...),
	}
	for block, words := range blocks {
		for _, kind := range []string{"", "_errors"} {
			data, err := os.ReadFile("testdata/" + block + kind + ".caddyfiletest")
			if err != nil {
				t.Error(err)
				continue
			}
			for _, w := range words {
				if !strings.Contains(string(data), "\t"+w) {
					t.Errorf("%s%s has nothing about %s", block, kind, w)
				}
			}
		}
	}
}

func wordsOf[T any](g grammar.Words[T]) (words []string) {
	for w := range g {
		words = append(words, w)
	}
	return words
}

// eachCase hands over every case of the golden files.
func eachCase(t testing.TB, use func(file, text, answer string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for c := range strings.SplitSeq(string(data), caseLine) {
			text, answer, _ := strings.Cut(c, answerLine)
			use(file, text, answer)
		}
	}
}

// What the adapter writes is what the modules take: no field is called differently on the two sides.
func TestAdaptedConfigIsTaken(t *testing.T) {
	eachCase(t, func(file, _, answer string) {
		var config struct {
			Apps struct {
				Latchkey json.RawMessage `json:"latchkey"`
			} `json:"apps"`
		}
		if json.Unmarshal([]byte(answer), &config) != nil || config.Apps.Latchkey == nil {
			return
		}
		if err := caddy.StrictUnmarshalJSON(config.Apps.Latchkey, new(app.App)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	})
}

func init() { caddy.RegisterModule(new(testStore)) }

// testStore stands for a third-party guest store.
type testStore struct {
	Place string `json:"place,omitempty"`
}

func (*testStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.testing", New: func() caddy.Module { return new(testStore) }}
}

func (s *testStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.Place) {
		return d.ArgErr()
	}
	return nil
}
