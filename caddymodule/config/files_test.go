package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// A file that is missing, empty, unreadable or too large refuses the configuration; none panics and none is passed over
// (A24, A56).
func TestFilesRefuse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "nothing"), "a directory": dir, "empty": write("empty", ""), "no certificate": write("text", "hello"),
	} {
		p := &Provider{Issuer: "https://login.example.com", ClientID: "latchkey", CAFile: path}
		if _, err := p.Compile(zap.NewNop(), nil); err == nil || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("ca_file, %s: %v", name, err)
		}
	}
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "nothing"), "a directory": dir, "too large": write("large", strings.Repeat("x", maxPromptText+1)),
	} {
		s := &StaySignedIn{Text: path}
		if _, err := s.Prompt(); err == nil || !strings.Contains(err.Error(), "text") {
			t.Errorf("text, %s: %v", name, err)
		}
	}
	for name, path := range map[string]string{
		"missing": filepath.Join(dir, "nothing"), "a directory": dir, "empty": write("empty", ""), "no image": write("text", "hello"),
		"too large": write("large", strings.Repeat("x", maxIcon+1)),
		"script":    write("script", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>`),
	} {
		a := &App{Providers: []*Provider{{Icon: path}}}
		if icons, err := a.Icons(); err == nil || !strings.Contains(err.Error(), "icon") || icons != nil {
			t.Errorf("icon, %s: %v", name, err)
		}
	}
	for name, files := range map[string][2]string{
		"missing": {filepath.Join(dir, "nothing"), filepath.Join(dir, "nothing")}, "no key": {write("cert", "hello"), write("key", "hello")},
		"no such variable": {"{env.LATCHKEY_TEST_NOT_SET}", "{env.LATCHKEY_TEST_NOT_SET}"},
	} {
		p := &Provider{Issuer: "https://login.example.com", ClientID: "latchkey", ClientAuth: &ClientAuth{Method: ClientTLS, CertFile: files[0], KeyFile: files[1]}}
		if _, err := p.Compile(zap.NewNop(), nil); err == nil || !strings.Contains(err.Error(), "client_auth") {
			t.Errorf("client_auth tls, %s: %v", name, err)
		}
	}
	for name, secret := range map[string]string{
		"missing file": "{file." + filepath.Join(dir, "nothing") + "}", "empty file": "{file." + write("none", "") + "}",
		"no such variable": "{env.LATCHKEY_TEST_NOT_SET}", "unknown placeholder": "{nothing.of.the.kind}",
	} {
		p := &Provider{Issuer: "https://login.example.com", ClientID: "latchkey", ClientSecret: secret}
		if _, err := p.Compile(zap.NewNop(), nil); err == nil || !strings.Contains(err.Error(), "client_secret") {
			t.Errorf("client_secret, %s: %v", name, err)
		}
	}
}
