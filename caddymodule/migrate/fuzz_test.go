package migrate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// fuzzProgram checks that whatever a configuration says, an error or a Caddyfile comes of it whose blocks are ours.
func fuzzProgram(f *testing.F, program string) {
	samples, err := filepath.Glob("testdata/" + program + "-*.in")
	if err != nil || len(samples) == 0 {
		f.Fatal(samples, err)
	}
	for _, sample := range samples {
		source, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		p, err := Read(program, source, Options{})
		if err != nil {
			return
		}
		text, err := p.Text()
		if err != nil {
			return
		}
		blocks, err := caddyfile.Parse("Caddyfile", inserted.ReplaceAll([]byte(text), []byte("x")))
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		if len(blocks) != len(p.Sites)+1 {
			t.Fatalf("%d blocks for %d sites:\n%s", len(blocks), len(p.Sites), text)
		}
		for i, s := range p.Sites {
			if got := blocks[i+1].GetKeysText(); len(got) != len(s.Addresses) {
				t.Fatalf("site %q became %q", s.Addresses, got)
			}
		}
		if strings.Count(p.List(), "\n") != len(p.Notes) {
			t.Fatalf("a note has several lines: %q", p.List())
		}
	})
}

func FuzzOAuth2Proxy(f *testing.F) { fuzzProgram(f, "oauth2-proxy") }

func FuzzAuthelia(f *testing.F) { fuzzProgram(f, "authelia") }

func FuzzVouch(f *testing.F) { fuzzProgram(f, "vouch") }

func FuzzModAuthOpenIDC(f *testing.F) { fuzzProgram(f, "mod_auth_openidc") }

func FuzzCaddySecurity(f *testing.F) { fuzzProgram(f, "caddy-security") }

// inserted are the variables that Caddy puts into the text of a Caddyfile.
var inserted = regexp.MustCompile(`\{\$[^{}]*\}`)
