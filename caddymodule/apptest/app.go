package apptest

import (
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	_ "github.com/latchkey-gateway/latchkey/caddymodule/caddyfile" // the words that Adapt reads
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func init() {
	caddy.RegisterModule(new(memoryStore))
}

// memoryStore is a store that is gone with its last user.
type memoryStore struct {
	Name string `json:"name,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*memoryStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.memory_for_tests", New: func() caddy.Module { return new(memoryStore) }}
}

// Identity implements store.Module.
func (m *memoryStore) Identity() string { return "memory:" + m.Name }

// Open implements store.Module.
func (m *memoryStore) Open(*zap.Logger) (session.Store, error) {
	return storetest.NewMemory(time.Now), nil
}

// Key is the key of each configuration that New makes.
const Key = "a key for tests that has its thirty-two bytes"

// MemoryStore is the store of each configuration that New makes, in JSON.
var MemoryStore = json.RawMessage(`{"driver": "memory_for_tests"}`)

// Context is a context of Caddy's for a process that runs no server.
var Context = sync.OnceValues(app.EmptyContext)

// T is what a test, a benchmark and a property test have in common.
type T interface {
	Helper()
	Fatal(args ...any)
}

// New provisions an app with sites, with sessions in memory. Close it.
func New(t T, a *config.App, sites ...*config.Site) *app.Candidate {
	t.Helper()
	a.StoreRaw, a.Keys = MemoryStore, []string{Key}
	return provision(t, JSON(t, a, sites...))
}

func provision(t T, raw []byte) *app.Candidate {
	t.Helper()
	ctx, err := Context()
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.NewCandidate(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// JSON is a whole configuration with an app and its sites, each in a subroute as the Caddyfile has it.
func JSON(t T, a *config.App, sites ...*config.Site) []byte {
	t.Helper()
	type object = map[string]any
	var routes []any
	for _, s := range sites {
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		fields := object{}
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		fields["handler"] = "latchkey"
		routes = append(routes, object{"handle": []any{object{"handler": "subroute", "routes": []any{object{"handle": []any{fields}}}}}})
	}
	raw, err := json.Marshal(object{"apps": object{"latchkey": a, "http": object{"servers": object{"srv0": object{"routes": routes}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Adapt adapts a Caddyfile, which errors call Caddyfile.
func Adapt(text string) ([]byte, error) {
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	raw, _, err := adapter.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return raw, err
}

// Provision provisions a Caddyfile as it stands. Close what it returns.
func Provision(t T, text string) *app.Candidate {
	t.Helper()
	raw, err := Adapt(text)
	if err != nil {
		t.Fatal(err)
	}
	return provision(t, raw)
}

// ProvisionFile provisions a file as it stands, for the length of a test.
func ProvisionFile(t *testing.T, file string) *app.App {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := Provision(t, string(text))
	t.Cleanup(c.Close)
	return c.App
}
