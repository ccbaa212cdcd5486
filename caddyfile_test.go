package latchkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// What people copy has to work: Caddyfile.example, every Caddyfile of the README, of the recipes for programs and of the transmitters are formatted as `latchkey fmt` would,
// use no word that the parser does not know, and pass `latchkey validate`.
func TestExampleCaddyfilesAreValid(t *testing.T) {
	for name, value := range map[string]string{
		"TENANT_ID":             "00000000-0000-0000-0000-000000000000",
		"OIDC_CLIENT_ID":        "client",
		"OIDC_CLIENT_SECRET":    "secret",
		"PARTNER_CLIENT_ID":     "client",
		"PARTNER_CLIENT_SECRET": "secret",
		"REDIS_PASSWORD":        "password",
		"SIGNALS_SECRET":        "signals-secret",
		"SIGNALS_CLIENT_SECRET": "signals-client-secret",
		"REVOKE_SECRET":         "revoke-secret",
		"CLIENT_KEY_FILE":       keyFile(t),
		"NEXT_CLIENT_KEY_FILE":  keyFile(t),
		"LATCHKEY_KEY":          "0123456789abcdef0123456789abcdef",
		"XDG_DATA_HOME":         t.TempDir(),
		"XDG_CONFIG_HOME":       t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	for name, text := range exampleCaddyfiles(t) {
		t.Run(name, func(t *testing.T) {
			if got := string(caddyfile.Format([]byte(text))); got != text {
				t.Errorf("`latchkey fmt` would write it otherwise:\n%s", got)
			}
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			config, warnings, err := adapter.Adapt([]byte(text), map[string]any{"filename": name})
			if err != nil {
				t.Fatal(err)
			}
			for _, warning := range warnings {
				t.Errorf("warning: %s", warning)
			}
			var parsed caddy.Config
			if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
				t.Fatal(err)
			}
			if err := caddy.Validate(&parsed); err != nil {
				t.Errorf("validate: %v", err)
			}
		})
	}
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
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&parsed); err == nil || !strings.Contains(err.Error(), "client_secret") {
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

var caddyfileBlock = regexp.MustCompile("(?s)```caddyfile\n(.*?)```")

// exampleCaddyfiles returns Caddyfile.example and the Caddyfiles of pages that are copied as a whole, numbered from 1.
func exampleCaddyfiles(t *testing.T) map[string]string {
	t.Helper()
	examples := map[string]string{"Caddyfile.example": read(t, "Caddyfile.example")}
	for page, want := range map[string]int{"README.md": 2, "docs/clients.md": 4, "docs/transmitters.md": 2, "docs/fapi.md": 1} {
		blocks := caddyfileBlock.FindAllStringSubmatch(read(t, page), -1)
		for i, block := range blocks {
			examples[page+":"+string(rune('1'+i))] = block[1]
		}
		if len(blocks) != want {
			t.Errorf("%s has %d Caddyfiles, want %d", page, len(blocks), want)
		}
	}
	return examples
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
