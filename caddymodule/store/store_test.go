package store

import (
	"encoding/json"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar/grammartest"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// provisionStore decodes and provisions a store module as Caddy does: strictly.
func provisionStore(t *testing.T, driver, config string) (Module, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	m, err := ctx.LoadModuleByID("latchkey.stores."+driver, json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return m.(Module), nil
}

func mustProvision(t *testing.T, driver string, config any) Module {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	m, err := provisionStore(t, driver, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func acquire(t *testing.T, m Module) *Shared {
	t.Helper()
	shared, err := Acquire(m)
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

func openShared(t *testing.T, shared *Shared, m Module) session.Store {
	t.Helper()
	store, err := shared.Open(m, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func release(t *testing.T, shared *Shared) {
	t.Helper()
	if err := shared.Release(); err != nil {
		t.Fatal(err)
	}
}

// A reload with the same store keeps it open; what a request of the oldest configuration still holds says ErrClosed.
func TestStoreIsSharedOverReloads(t *testing.T) {
	config := map[string]string{"path": filepath.Join(t.TempDir(), "sessions.db")}
	oldModule, newModule := mustProvision(t, "file", config), mustProvision(t, "file", config)
	before := acquire(t, oldModule)
	held := openShared(t, before, oldModule)

	after := acquire(t, newModule)
	if openShared(t, after, newModule) != held {
		t.Fatal("a reload opened the store anew")
	}
	release(t, before)
	if err := held.Ping(t.Context()); err != nil {
		t.Fatalf("the old configuration's end closed the new one's store: %v", err)
	}
	release(t, after)
	if err := held.Ping(t.Context()); !errors.Is(err, session.ErrClosed) {
		t.Fatalf("nobody uses the store, and it says %v", err)
	}
	if _, err := after.Open(newModule, zap.NewNop()); !errors.Is(err, session.ErrClosed) {
		t.Fatalf("a configuration that is gone opens a store that nobody closes: %v", err)
	}

	again := acquire(t, newModule)
	defer release(t, again)
	if openShared(t, again, newModule) == held {
		t.Fatal("a closed store is handed out")
	}
}

// failing is a store that cannot be opened the first time.
type failing struct{ tries int }

func (*failing) Identity() string { return "failing" }

func (f *failing) Open(*zap.Logger) (session.Store, error) {
	if f.tries++; f.tries == 1 {
		return nil, filestore.ErrLocked
	}
	return storetest.NewMemory(nil), nil
}

func TestStoreOpensAfterAFailure(t *testing.T) {
	m := new(failing)
	shared := acquire(t, m)
	defer release(t, shared)
	if _, err := shared.Open(m, zap.NewNop()); !errors.Is(err, filestore.ErrLocked) {
		t.Fatalf("got %v", err)
	}
	openShared(t, shared, m)
	openShared(t, shared, m)
	if m.tries != 2 {
		t.Fatalf("opened %d times, want once after the failure", m.tries-1)
	}
}

// `validate` opens nothing: it may run beside the server that holds the file, and without the network of the server.
func TestProvisionOpensNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	file := mustProvision(t, "file", map[string]string{"path": filepath.Join(dir, "sessions.db")})
	release(t, acquire(t, file))
	if _, err := os.Stat(dir); err == nil {
		t.Error("provisioning the file store made a directory")
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's own
	release(t, acquire(t, mustProvision(t, "redis", map[string]string{"url": "redis://" + l.Addr().String()})))
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("provisioning the redis store called the server")
	}
}

func TestFileStoreModule(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	t.Setenv("STORE_DIR", filepath.Join(home, "elsewhere"))
	for config, want := range map[string]string{
		`{}`:                              filepath.Join(home, "caddy", "latchkey", "sessions.db"),
		`{"path": "{env.STORE_DIR}/s"}`:   filepath.Join(home, "elsewhere", "s"),
		`{"path": "` + home + `/x/../y"}`: filepath.Join(home, "y"),
	} {
		m, err := provisionStore(t, "file", config)
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		if m.Identity() != "file:"+want {
			t.Errorf("%s: %s, want %s", config, m.Identity(), want)
		}
		store, err := m.Open(zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Open(zap.NewNop()); !errors.Is(err, filestore.ErrLocked) || !strings.Contains(err.Error(), want) {
			t.Errorf("a second process on one file: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, config := range []string{`{"path": "{env.NOT_SET}"}`, `{"file": "x"}`, `{"path": 1}`} {
		if _, err := provisionStore(t, "file", config); err == nil {
			t.Errorf("%s: taken", config)
		}
	}
}

// Each change is one line, at a level that says how bad it is.
func TestFailureOfTheFileIsLogged(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	tell := logFailure(zap.New(core))
	tell(errors.New("bad disk"))
	tell(nil)
	all := logs.All()
	if len(all) != 2 || all[0].Level != zap.ErrorLevel || all[0].ContextMap()["error"] != "bad disk" || all[1].Level != zap.InfoLevel {
		t.Errorf("%v", all)
	}
}

func TestRedisStoreModule(t *testing.T) {
	server := redistest.StartWith(t, redistest.Config{Password: "p%ss/word", TLS: true})
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(server.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_ADDR", server.Addr)
	m := mustProvision(t, "redis", map[string]any{
		"url": "rediss://{env.REDIS_ADDR}/1", "password": "{file." + secret + "}", "key_prefix": "lk:",
		"tls": map[string]string{"ca": server.TLS.CAFile, "cert": server.TLS.CertFile, "key": server.TLS.KeyFile, "server_name": "redis.test"},
	})
	store, err := m.Open(zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // a test's own
	if err := store.Create(t.Context(), session.Entry{Key: "s:a", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(1, ""); len(keys) != 1 || keys["lk:s:a"] <= 0 {
		t.Fatalf("the server holds %v", keys)
	}
	// Secrets stay placeholders where the configuration is shown (/config/, autosave.json).
	shown, err := json.Marshal(m)
	if err != nil || strings.Contains(string(shown), "word") && !strings.Contains(string(shown), "{file.") || strings.Contains(string(shown), server.Addr) {
		t.Fatalf("the configuration shows resolved values: %s, %v", shown, err)
	}
	if strings.Contains(m.Identity(), "ss/word") {
		t.Fatalf("the identity shows the password: %s", m.Identity())
	}
}

// Latchkey starts before its Redis does, says so, and works when it is there.
func TestRedisStoreModuleWhileDown(t *testing.T) {
	server := redistest.Start(t)
	server.Stop()
	core, logs := observer.New(zap.WarnLevel)
	store, err := mustProvision(t, "redis", map[string]string{"url": server.URL(0)}).Open(zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // a test's own
	if err := store.Ping(t.Context()); !errors.Is(err, session.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	storetest.Until(t, "the outage is logged", func() bool { return logs.FilterMessage("the session store does not answer yet").Len() == 1 })
	server.Restart()
	storetest.Until(t, "the store answers", func() bool { return store.Ping(t.Context()) == nil })
}

// A56: a missing secret or file refuses the configuration. No refusal shows a secret.
func TestRedisStoreModuleRefuses(t *testing.T) {
	dir := t.TempDir()
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	if err := errors.Join(os.WriteFile(empty, nil, 0o600), os.WriteFile(text, []byte("no PEM"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EMPTY", "")
	t.Setenv("SECRET", "hunter2")
	for config, says := range map[string]string{
		`{}`: "no server",
		`{"url": "redis://h", "password": "{env.EMPTY}"}`:                                      "password",
		`{"url": "redis://h", "password": "{env.NOT_SET}"}`:                                    "password",
		`{"url": "redis://h", "password": "{file.` + dir + `/missing}"}`:                       "password",
		`{"url": "redis://h", "password": "{file.` + empty + `}"}`:                             "password",
		`{"url": "redis://h", "password": "{vault.x}"}`:                                        "password",
		`{"url": "redis://:{env.SECRET}@h/db"}`:                                                "database",
		`{"url": "redis://:{env.SECRET}@h:port"}`:                                              "not a url",
		`{"url": "{env.SECRET}"}`:                                                              "redis://",
		`{"sentinel": {"master": "m", "addresses": ["{env.NOT_SET}:1"]}}`:                      "address 1",
		`{"sentinel": {"master": "m", "addresses": []}}`:                                       "sentinels",
		`{"cluster": ["{env.NOT_SET}"]}`:                                                       "node 1",
		`{"url": "redis://h", "key_prefix": "{env.NOT_SET}"}`:                                  "key_prefix",
		`{"url": "redis://h", "tls": {}}`:                                                      "rediss://",
		`{"url": "rediss://h", "tls": {"ca": "` + dir + `/missing"}}`:                          "missing",
		`{"url": "rediss://h", "tls": {"ca": "` + text + `"}}`:                                 "no certificate",
		`{"url": "rediss://h", "tls": {"cert": "` + text + `"}}`:                               "need each other",
		`{"url": "rediss://h", "tls": {"key": "` + text + `"}}`:                                "need each other",
		`{"url": "rediss://h", "tls": {"cert": "` + text + `", "key": "` + text + `"}}`:        "cert and key",
		`{"url": "rediss://h", "tls": {"cert": "` + dir + `/missing", "key": "` + text + `"}}`: "missing",
		`{"url": "redis://h", "passwort": "x"}`:                                                "passwort",
	} {
		_, err := provisionStore(t, "redis", config)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", config, err, says)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the refusal shows the secret: %v", config, err)
		}
	}
}

// What makes a store another one, and what does not.
func TestRedisStoreIdentity(t *testing.T) {
	dir := t.TempDir()
	server := redistest.StartWith(t, redistest.Config{TLS: true})
	ca := filepath.Join(dir, "ca.pem")
	pem, err := os.ReadFile(server.TLS.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(ca, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(pem)
	t.Setenv("PASSWORD", "one")
	identity := func(config string) string {
		m, err := provisionStore(t, "redis", config)
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		return m.Identity()
	}
	withEnv, withCA := `{"url": "redis://h", "password": "{env.PASSWORD}"}`, `{"url": "rediss://h", "tls": {"ca": "`+ca+`"}}`
	if identity(withEnv) != identity(`{"url": "redis://h", "password": "one"}`) {
		t.Error("the same store has two identities")
	}
	var all []string
	for _, config := range []string{
		`{"url": "redis://h"}`, `{"url": "redis://h/1"}`, `{"url": "redis://i"}`, `{"url": "rediss://h"}`, `{"url": "redis://h", "key_prefix": "lk:"}`,
		withEnv, `{"url": "redis://h", "username": "u", "password": "one"}`, withCA, `{"url": "rediss://h", "tls": {}}`,
		`{"cluster": ["h:6379"]}`, `{"sentinel": {"master": "m", "addresses": ["h:6379"]}}`, `{"sentinel": {"master": "n", "addresses": ["h:6379"]}}`,
		`{"sentinel": {"master": "m", "addresses": ["h:6379"], "password": "x"}}`,
	} {
		all = append(all, identity(config))
	}
	t.Setenv("PASSWORD", "two")
	write(append(pem, '\n'))
	all = append(all, identity(withEnv), identity(withCA)) // a rotated secret, a renewed certificate
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d identities for %d stores", n, len(all))
	}
}

// Every word of the stores has its golden files (A04).
func TestEveryStoreWordHasGoldens(t *testing.T) {
	for _, kind := range []string{"", "_errors"} {
		data, err := os.ReadFile("../caddyfile/testdata/store" + kind + ".caddyfiletest")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range everyWord() {
			if !strings.Contains(string(data), "\t"+w) {
				t.Errorf("store%s has nothing about %s", kind, w)
			}
		}
		if strings.Contains(string(data), "s3cr") && kind == "_errors" {
			for line := range strings.Lines(string(data)) {
				if strings.HasPrefix(line, "parsing") && strings.Contains(line, "s3cr") {
					t.Errorf("an error quotes a password: %s", line)
				}
			}
		}
	}
}

// Every word of the stores stands in Caddyfile.example, and in the README or a page of docs, as those of package caddyfile do.
func TestEveryStoreWordIsDocumented(t *testing.T) {
	grammartest.Documented(t, "../..", map[string][]string{"store": everyWord()})
}

// everyWord is each word of a store's block in a Caddyfile.
func everyWord() []string {
	return append(slices.Sorted(maps.Keys(redisWords)), slices.Sorted(maps.Keys(redisTLSWords))...)
}
