package command

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// metadataOnly is a provider that has metadata and keys, and nothing else.
type metadataOnly struct {
	issuer     string // what it calls itself, if that is not where it is
	algorithms []string
	keys       string
	clock      time.Duration
	says       map[string]any // merged over the metadata; nil leaves out
	tokenDown  bool
}

func (m metadataOnly) start(t *testing.T) (url string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(m.clock).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" {
			w.WriteHeader(map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusBadRequest}[m.tokenDown])
			return
		}
		if r.URL.Path == "/jwks" {
			if m.keys != "" {
				set = []byte(m.keys)
			}
			_, _ = w.Write(set)
			return
		}
		issuer := m.issuer
		if issuer == "" {
			issuer = "http://" + r.Host
		}
		algorithms := m.algorithms
		if algorithms == nil {
			algorithms = []string{"ES256"}
		}
		metadata := map[string]any{
			"scopes_supported": []string{"openid", "profile", "email", "offline_access"}, "code_challenge_methods_supported": []string{"S256"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "none"},
			"issuer":                                issuer, "authorization_endpoint": "http://" + r.Host + "/auth", "token_endpoint": "http://" + r.Host + "/token",
			"jwks_uri": "http://" + r.Host + "/jwks", "id_token_signing_alg_values_supported": algorithms,
			"end_session_endpoint": "http://" + r.Host + "/end", "revocation_endpoint": "http://" + r.Host + "/revoke",
		}
		maps.Copy(metadata, m.says)
		_ = json.NewEncoder(w).Encode(metadata)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// examined runs `latchkey doctor --json` on a Caddyfile.
func examined(t *testing.T, text string) (found []finding, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := command(t, setUpDoctor, "--json", "--config", file, "--adapter", "caddyfile")
	var report struct{ Findings []finding }
	if wrong := json.Unmarshal([]byte(out), &report); wrong != nil {
		t.Fatalf("%s: %v", out, wrong)
	}
	return report.Findings, err
}

// clinic is a configuration, healthy but for what a test changes.
type clinic struct {
	dir, issuer, store, provider, app, server, site string
}

func (c clinic) caddyfile() string {
	return fmt.Sprintf(`{
	storage file_system %s
	%s
	latchkey {
		provider {
			issuer %s
			client_id gw
			%s
		}
		store %s
		%s
	}
}
%s {
	latchkey
	respond ok
}
`, c.dir, c.server, c.issuer, c.provider, c.store, c.app, c.site)
}

func has(found []finding, level, text string) bool {
	for _, f := range found {
		if f.Level == level && strings.Contains(f.Check+" "+f.Subject+": "+f.Message, text) {
			return true
		}
	}
	return false
}

func TestDoctorHealthy(t *testing.T) {
	t.Setenv("DOCTOR_SECRET", "s")
	c := clinic{
		dir: t.TempDir(), issuer: metadataOnly{}.start(t), store: "redis " + redistest.Start(t).URL(0),
		provider: "client_secret {env.DOCTOR_SECRET}", site: "wiki.example.com:8443",
	}
	found, err := examined(t, c.caddyfile())
	if err != nil {
		t.Error(err)
	}
	for _, f := range found {
		if f.Level != findOK {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{
		"configuration : it can be loaded", "its issuer is " + c.issuer, "1 usable keys, and signs with ES256", "provider default: its clock agrees",
		"register default: redirect URI: https://wiki.example.com:8443/.latchkey/callback",
		"register default: post-logout redirect URI: https://wiki.example.com:8443/.latchkey/signed-out",
		"register default: back-channel logout URI: https://wiki.example.com:8443/.latchkey/logout/backchannel",
		"store redis: it answers, version ", "it evicts nothing", "store redis: its clock agrees", "there is no key ring yet", "https://wiki.example.com:8443 has TLS",
	} {
		if !has(found, findOK, want) {
			t.Errorf("nothing says %q: %+v", want, found)
		}
	}
}

// The least user that docs/operations.md makes is a set-up that we recommend: nothing is to be said against it, and nothing
// is asked that it may not.
func TestDoctorLeastPrivilege(t *testing.T) {
	t.Setenv("DOCTOR_SECRET", "secret")
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var rule []any
	for _, word := range strings.Fields(regexp.MustCompile(`(?m)^ACL SETUSER latchkey .*$`).FindString(string(guide))) {
		rule = append(rule, word)
	}
	server := redistest.Start(t)
	server.Do(rule...)
	c := clinic{
		dir: t.TempDir(), issuer: metadataOnly{}.start(t), provider: "client_secret {env.DOCTOR_SECRET}", site: "wiki.example.com:8443",
		store: "redis " + server.URL(0) + " {\nusername latchkey\npassword {env.DOCTOR_SECRET}\n}",
	}
	found, err := examined(t, c.caddyfile())
	if err != nil || !has(found, findOK, "store redis: its clock agrees") || !has(found, findOK, "it evicts nothing") {
		t.Errorf("%v: %+v", err, found)
	}
	for _, f := range found {
		if f.Level != findOK {
			t.Errorf("%+v", f)
		}
	}
	if refusal, _ := server.Do("acl", "log").([]any); len(refusal) > 0 {
		t.Errorf("the user was refused: %v", refusal)
	}
}

// One row for each thing that can be found. What fails is an error of the command; what is only odd is not.
func TestDoctorFindings(t *testing.T) {
	t.Setenv("DOCTOR_SECRET", "s")
	t.Setenv("DOCTOR_EMPTY", "")
	held := filepath.Join(t.TempDir(), "held.db")
	running, err := filestore.Open(filestore.Config{Path: held})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Close() })
	rubbish := filepath.Join(t.TempDir(), "rubbish.db")
	if err := os.WriteFile(rubbish, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	evicting := redistest.Start(t)
	evicting.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	replica := redistest.Start(t)
	replica.Do("REPLICAOF", "127.0.0.1", "1")
	ring := func(content string) func(*clinic) {
		return func(c *clinic) {
			name := filepath.Join(c.dir, "latchkey", "keys.json")
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	aged := func(age time.Duration) func(*clinic) {
		text, err := json.Marshal(map[string]any{"keys": []any{map[string]any{"secret": make([]byte, keyring.MinSecret), "created": time.Now().Add(-age)}}})
		if err != nil {
			t.Fatal(err)
		}
		return ring(string(text))
	}
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		change      func(*clinic)
		level, want string
	}{
		"provider down":    {func(c *clinic) { c.issuer = "http://127.0.0.1:1" }, findFail, "provider default: its metadata at http://127.0.0.1:1/.well-known"},
		"another issuer":   {func(c *clinic) { c.issuer = metadataOnly{issuer: "http://localhost:1"}.start(t) }, findFail, "issuer"},
		"no key":           {func(c *clinic) { c.issuer = metadataOnly{keys: `{"keys":[]}`}.start(t) }, findFail, "its keys cannot be used"},
		"no algorithm":     {func(c *clinic) { c.issuer = metadataOnly{algorithms: []string{"HS256"}}.start(t) }, findFail, "it signs with HS256, and none"},
		"clock ahead":      {func(c *clinic) { c.issuer = metadataOnly{clock: 10 * time.Minute}.start(t) }, findFail, "ahead of this machine's, and over 1m0s sign-ins fail"},
		"clock behind":     {func(c *clinic) { c.issuer = metadataOnly{clock: -30 * time.Second}.start(t) }, findWarn, "behind this machine's"},
		"redis down":       {func(c *clinic) { c.store = "redis redis://127.0.0.1:1" }, findFail, "store redis: it cannot be asked"},
		"redis evicts":     {func(c *clinic) { c.store = "redis " + evicting.URL(0) }, findWarn, "maxmemory-policy allkeys-lru"},
		"redis replica":    {func(c *clinic) { c.store = "redis " + replica.URL(0) }, findFail, "is a replica"},
		"file new":         {func(*clinic) {}, findOK, "is not there yet, and can be made"},
		"file held":        {func(c *clinic) { c.store = "file " + held }, findOK, "is held by a server that runs"},
		"file of another":  {func(c *clinic) { c.store = "file " + rubbish }, findFail, "store file: "},
		"file impossible":  {func(c *clinic) { c.store = "file /proc/nothing/sessions.db" }, findFail, "cannot be made"},
		"ring fresh":       {aged(3 * day), findOK, "the newest 3 days old"},
		"ring old":         {aged(200 * day), findWarn, "200 days old and should have been superseded"},
		"ring of a clock":  {aged(-day), findWarn, "the newest of 1 keys was made at 2"},
		"ring damaged":     {ring("{"), findFail, "keys : key ring latchkey/keys.json in Caddy's storage cannot be read"},
		"keys listed":      {func(c *clinic) { c.app = "keys 0123456789abcdef0123456789abcdef" }, findOK, "the configuration lists 1"},
		"plain http":       {func(c *clinic) { c.site = "http://wiki.example.com:8080" }, findFail, "http://wiki.example.com:8080 has no TLS"},
		"plain loopback":   {func(c *clinic) { c.site = "http://localhost:8080" }, findOK, "http://localhost:8080 is on this machine"},
		"no proxies":       {func(c *clinic) { c.app = "network office 192.0.2.0/24" }, findWarn, "trusts no proxies"},
		"names not listed": {func(c *clinic) { c.site = ":8443" }, findWarn, "served under names that are not listed"},
		"sign-in host": {
			func(c *clinic) {
				c.app, c.site = "sign_in_host login.example.com", "login.example.com, wiki.example.com"
			},
			findOK, "redirect URI: https://login.example.com/.latchkey/callback",
		},
		"empty environment": {func(c *clinic) { c.provider = "client_secret {env.DOCTOR_EMPTY}" }, findFail, "{env.DOCTOR_EMPTY} is empty"},
		"unknown word":      {func(c *clinic) { c.app = "networks x" }, findFail, `unrecognized latchkey option "networks"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := clinic{dir: t.TempDir(), issuer: metadataOnly{}.start(t), provider: "client_secret {env.DOCTOR_SECRET}", site: "wiki.example.com"}
			c.store = "file " + filepath.Join(c.dir, "deep", "sessions.db")
			row.change(&c)
			found, err := examined(t, c.caddyfile())
			if !has(found, row.level, row.want) {
				t.Errorf("nothing says %q: %+v", row.want, found)
			}
			if (err != nil) != (row.level == findFail) {
				t.Errorf("it ends with %v: %+v", err, found)
			}
		})
	}
}

// A provider that hangs holds nothing up for longer than a check may take, and other checks not at all; Ctrl-C ends it.
func TestDoctorIsBounded(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	text := clinic{dir: dir, issuer: server.URL, store: "file " + filepath.Join(dir, "s.db"), site: "wiki.example.com"}.caddyfile()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	d := doctor{config: file, adapter: "caddyfile", patience: 300 * time.Millisecond, now: time.Now}
	found := d.examine(t.Context())
	if took := time.Since(began); took > doctorPatience || !has(found, findFail, "its metadata at") || !has(found, findOK, "can be made") {
		t.Errorf("after %s: %+v", took, found)
	}
}

// A line for each finding, as it is printed.
func TestDoctorLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	text := clinic{dir: dir, issuer: metadataOnly{}.start(t), store: "file " + filepath.Join(dir, "s.db"), site: "http://wiki.example.com"}.caddyfile()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := command(t, setUpDoctor, "--config", file, "--adapter", "caddyfile")
	if err == nil || !strings.Contains(err.Error(), "1 of ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("it ends with %v", err)
	}
	if !strings.HasPrefix(out, "ok    configuration: it can be loaded\n") || !strings.Contains(out, "\nfail  site wiki.example.com: http://wiki.example.com has no TLS: ") {
		t.Error(out)
	}
	if out, _, err := command(t, setUpDoctor, "--config", file+"x"); err == nil || !strings.HasPrefix(out, "fail  configuration: ") {
		t.Errorf("no such file: %q, %v", out, err)
	}
}
