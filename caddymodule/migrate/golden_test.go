package migrate

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

var update = flag.Bool("update", false, "write the golden files")

// secrets are the secrets of the samples.
var secrets = []string{"tr0ub4dor", "hunter2", "0123456789abcdef", "c2VjcmV0"}

// Each sample becomes the Caddyfile and the notes beside it. Every key of it is in one of them or was read, no secret is in
// either, and the Caddyfile is formatted.
func TestSamples(t *testing.T) {
	samples, err := filepath.Glob("testdata/*.in")
	if err != nil || len(samples) == 0 {
		t.Fatal(samples, err)
	}
	for _, sample := range samples {
		t.Run(filepath.Base(sample), func(t *testing.T) {
			p := read(t, sample)
			text, err := p.Text()
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(sample, ".in")
			golden(t, name+".caddyfile", text)
			golden(t, name+".notes", p.List())
			if got := string(caddyfile.Format([]byte(text))); got != text {
				t.Error("is not formatted")
			}
			for _, s := range secrets {
				if strings.Contains(text+p.List(), s) {
					t.Errorf("the secret %q is printed", s)
				}
			}
		})
	}
}

// read reads a sample. Its name begins with the program's.
func read(t *testing.T, sample string) *Plan {
	t.Helper()
	source, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range Programs() {
		if strings.HasPrefix(filepath.Base(sample), program+"-") {
			p, err := Read(program, source, Options{Second: second(t, sample)})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("%s is of no program", sample)
	return nil
}

// second returns the second file of a sample, or nil.
func second(t *testing.T, sample string) []byte {
	t.Helper()
	source, err := os.ReadFile(strings.TrimSuffix(sample, ".in") + ".second")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return source
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", path, got)
	}
}
