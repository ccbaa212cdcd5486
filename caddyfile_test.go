package latchkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// What people copy has to work. Caddyfile.example and every Caddyfile of the documents are formatted as `latchkey fmt` would and
// use no word that the parser does not know where it stands. A part of a Caddyfile is tried where it can stand. What is a whole
// one passes `latchkey validate`.
func TestExampleCaddyfilesAreValid(t *testing.T) {
	exampleEnvironment(t)
	examples := exampleCaddyfiles(t)
	for name := range exceptions {
		if _, ok := examples[name]; !ok {
			t.Errorf("%s is excepted and is not there", name)
		}
	}
	for name, text := range examples {
		t.Run(name, func(t *testing.T) {
			if got := string(caddyfile.Format([]byte(text))); got != text {
				t.Errorf("`latchkey fmt` would write it otherwise:\n%s", got)
			}
			switch err := tryExample(t, text); {
			case err == nil && exceptions[name] != "":
				t.Errorf("works, so that it needs no exception (%s)", exceptions[name])
			case err != nil && exceptions[name] == "":
				t.Error(err)
			}
		})
	}
}

// exceptions are the Caddyfiles that do not work here, each with the reason.
var exceptions = map[string]string{
	"docs/idle-and-spa.md:2": "replace is a directive of a plugin that is not built in",
}

// tryExample adapts a Caddyfile. A whole one is loaded as `latchkey validate` does, a part is tried where it can stand.
func tryExample(t *testing.T, text string) error {
	t.Helper()
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	filename := map[string]any{"filename": "Caddyfile"}
	config, warnings, err := adapter.Adapt([]byte(text), filename)
	if err == nil {
		for _, warning := range warnings {
			t.Errorf("warning: %s", warning)
		}
		return validate(config)
	}
	why := []error{errors.New("can stand nowhere; as a file, and as the parts of one"), err}
	for _, in := range places {
		if _, _, err = adapter.Adapt([]byte(in(text)), filename); err == nil {
			return nil
		}
		short, _, _ := strings.Cut(err.Error(), ", expected one of")
		why = append(why, errors.New(short))
	}
	return errors.Join(why...)
}

func validate(config []byte) error {
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		return err
	}
	return caddy.Validate(&parsed)
}

// exampleProvider and exampleFrame are what the rest of a configuration has that is shown in parts.
const (
	exampleProvider = "provider example {\nissuer https://login.example.com\nclient_id latchkey\n"
	exampleFrame    = exampleProvider + "}\nnetwork example-trusted trusted 203.0.113.0/24\nnetwork example-shared shared 203.0.113.240/28\n"
)

// places are where a part of a Caddyfile can stand: what is written around it.
var places = []func(part string) string{
	func(part string) string { return "{\nlatchkey {\n" + exampleFrame + "}\n}\n" + part },
	func(part string) string {
		return strings.Replace(part, "{\n\tlatchkey {\n", "{\n\tlatchkey {\n"+exampleFrame, 1)
	},
	func(part string) string { return "{\nlatchkey {\n" + exampleFrame + part + "}\n}\n" },
	func(part string) string { return "{\nlatchkey {\n" + exampleProvider + part + "}\n}\n}\n" },
	func(part string) string {
		return "{\nlatchkey {\n" + exampleFrame + "}\n}\nwiki.example.com {\n" + part + "}\n"
	},
	func(part string) string {
		return "{\nlatchkey {\n" + exampleFrame + "}\n}\nwiki.example.com {\nlatchkey {\n" + part + "}\n}\n"
	},
	func(part string) string { return "{\n" + part + "}\n" },
}

// exampleEnvironment sets what the examples take from the environment.
func exampleEnvironment(t *testing.T) {
	t.Helper()
	for name := range exampleVariables(t) {
		value := "a-value-of-the-environment"
		switch {
		case name == "TENANT_ID":
			value = "00000000-0000-0000-0000-000000000000"
		case name == "LATCHKEY_KEY":
			value = "0123456789abcdef0123456789abcdef"
		case strings.HasSuffix(name, "KEY_FILE"):
			value = keyFile(t)
		}
		t.Setenv(name, value)
	}
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
}

var variable = regexp.MustCompile(`\{\$?env\.([A-Z_]+)\}|\{\$([A-Z_]+)\}`)

func exampleVariables(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, text := range exampleCaddyfiles(t) {
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			names[m[1]+m[2]] = true
		}
	}
	return names
}

// Without its secrets a configuration is refused, and the message names the secret that is missing.
func TestExampleCaddyfileNeedsItsSecrets(t *testing.T) {
	t.Setenv("OIDC_CLIENT_SECRET", "")
	text := exampleCaddyfiles(t)["README.md:1"]
	t.Setenv("OIDC_CLIENT_ID", "client")
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	config, _, err := adapter.Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(config); err == nil || !strings.Contains(err.Error(), "client_secret") {
		t.Errorf("validate without a secret: %v, want an error that names client_secret", err)
	}
}

// keyFile is a file with a new key of a client.
func keyFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

var caddyfileBlock = regexp.MustCompile("(?sm)^```caddyfile\n(.*?)^```$")

// exampleCaddyfiles returns Caddyfile.example and the Caddyfiles of the documents, numbered from 1 in each.
func exampleCaddyfiles(t *testing.T) map[string]string {
	t.Helper()
	examples := map[string]string{"Caddyfile.example": read(t, "Caddyfile.example")}
	for _, page := range documents(t) {
		text := read(t, page)
		blocks := caddyfileBlock.FindAllStringSubmatch(text, -1)
		for i, block := range blocks {
			examples[page+":"+strconv.Itoa(i+1)] = block[1]
		}
		if all := strings.Count(text, "```caddyfile") + strings.Count(text, "```Caddyfile"); all != len(blocks) {
			t.Errorf("%s: %d of %d Caddyfiles begin and end at the margin; the others are not checked", page, len(blocks), all)
		}
	}
	if len(examples) < 60 {
		t.Errorf("only %d Caddyfiles were found", len(examples))
	}
	return examples
}

// documents are the documents of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
	err := filepath.WalkDir("docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			names = append(names, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil || len(names) < 30 {
		t.Fatalf("%d documents, %v", len(names), err)
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
