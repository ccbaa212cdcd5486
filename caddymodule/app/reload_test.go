package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
)

func init() {
	caddy.RegisterModule(new(countedMatcher))
}

// countedMatcher matches every request. It counts how often a configuration loads it.
type countedMatcher struct{}

var (
	countedUnmarshals atomic.Int32
	countedProvisions atomic.Int32
)

func (*countedMatcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.counted_for_tests", New: func() caddy.Module { return new(countedMatcher) }}
}

func (*countedMatcher) UnmarshalJSON([]byte) error {
	countedUnmarshals.Add(1)
	return nil
}

func (*countedMatcher) Provision(caddy.Context) error {
	countedProvisions.Add(1)
	return nil
}

func (*countedMatcher) MatchWithError(*http.Request) (bool, error) { return true, nil }

// estate is a configuration with policies for all sites and sites without rules of their own.
func estate(policies, sites int) (*config.App, []*config.Site) {
	a := &config.App{
		Providers: []*config.Provider{{Name: "main", Issuer: "http://127.0.0.1:1", ClientID: "client"}},
		StoreRaw:  apptest.MemoryStore, Keys: []string{apptest.Key},
	}
	for i := range policies {
		a.Policies = append(a.Policies, &config.Policy{
			Name: fmt.Sprintf("policy-%d", i), Require: []string{"mfa"}, Include: &config.Assignment{Groups: []string{fmt.Sprintf("group-%d", i)}},
		})
	}
	list := make([]*config.Site, sites)
	for i := range list {
		list[i] = &config.Site{App: fmt.Sprintf("site-%d", i)}
	}
	return a, list
}

// server is a configuration of Caddy with one server.
func server(t *testing.T, a *config.App, sites []*config.Site) []byte {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(apptest.JSON(t, a, sites...), &whole); err != nil {
		t.Fatal(err)
	}
	whole["admin"] = map[string]any{"disabled": true, "config": map[string]any{"persist": false}}
	whole["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{"level": "PANIC"}}}
	srv := whole["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)["srv0"].(map[string]any)
	srv["listen"] = []string{"127.0.0.1:0"}
	for _, route := range srv["routes"].([]any) {
		route.(map[string]any)["terminal"] = true
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// bytesToProvision is what it takes to provision a configuration as `validate` does, in bytes. The runtime counts the
// bytes of the whole process, of goroutines of earlier tests too: the least of five is that of the configuration.
func bytesToProvision(t *testing.T, raw []byte) int64 {
	t.Helper()
	least := bytesToProvisionOnce(t, raw)
	for range 4 {
		least = min(least, bytesToProvisionOnce(t, raw))
	}
	return least
}

func bytesToProvisionOnce(t *testing.T, raw []byte) int64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var parsed caddy.Config
	if err := json.Unmarshal(raw, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&parsed); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc) //nolint:gosec // a difference of counters
}

// A site costs the same however many sites and policies for all sites there are.
func TestMemoryOfASite(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	cost := func(policies, sites int) int64 {
		a, list := estate(policies, sites)
		a2, twice := estate(policies, 2*sites)
		few, many := server(t, a, list), server(t, a2, twice)
		return (bytesToProvision(t, many) - bytesToProvision(t, few)) / int64(sites)
	}
	const most = 16 << 10
	few, many, policies := cost(0, 100), cost(0, 400), cost(200, 100)
	t.Logf("%d bytes a site of 200, %d of 800, %d with 200 policies", few, many, policies)
	if few > most || many > most || policies > most {
		t.Errorf("a site of 200 takes %d bytes, of 800 %d, and %d where there are 200 policies; at most %d are expected", few, many, policies, most)
	}
}

// The matchers of a policy for all sites are read and provisioned once a configuration.
func TestMatchersAreLoadedOnce(t *testing.T) {
	a, sites := estate(1, 20)
	raw := json.RawMessage("{}")
	a.Policies[0].MatchRaw = caddyhttp.RawMatcherSets{caddy.ModuleMap{"counted_for_tests": raw}}
	sites[3].Policies = []*config.Policy{{Name: "own", Block: true, MatchRaw: caddyhttp.RawMatcherSets{caddy.ModuleMap{"counted_for_tests": raw}}}}
	countedUnmarshals.Store(0)
	countedProvisions.Store(0)
	c := apptest.New(t, a, sites...)
	t.Cleanup(c.Close)
	if u, p := countedUnmarshals.Load(), countedProvisions.Load(); u != 2 || p != 2 {
		t.Errorf("one policy for all sites and one of a site: matchers are read %d and provisioned %d times", u, p)
	}
}

// Nothing keeps a replaced configuration alive: neither its app, nor its sites, nor a goroutine.
func TestReplacedConfigurationsAreFreed(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	a, sites := estate(100, 50)
	raw := server(t, a, sites)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	var (
		apps       []weak.Pointer[app.App]
		ofSites    []weak.Pointer[site.Site]
		goroutines int
		heap       uint64
	)
	for i := range 10 {
		if err := caddy.Load(raw, true); err != nil {
			t.Fatal(err)
		}
		current, err := app.Current()
		if err != nil {
			t.Fatal(err)
		}
		apps, ofSites = append(apps, weak.Make(current)), append(ofSites, weak.Make(current.Estate().Sites[0]))
		if i == 1 { // by then there is all that a process has once
			goroutines, heap = settled(t, func() bool { return apps[0].Value() == nil })
		}
	}
	var kept int
	after, used := settled(t, func() bool {
		kept = 0
		for i := range apps[:len(apps)-1] {
			if apps[i].Value() != nil || ofSites[i].Value() != nil {
				kept++
			}
		}
		return kept == 0 && runtime.NumGoroutine() <= goroutines
	})
	if kept > 0 || after > goroutines || used > heap+heap/4 {
		t.Errorf("after ten reloads %d replaced configurations, %d goroutines (%d after two) and %d bytes (%d after two) are left", kept, after, goroutines, used, heap)
	}
}

// settled collects garbage until it is done, for ten seconds at most, and returns the goroutines and the bytes in use.
func settled(t *testing.T, done func() bool) (goroutines int, bytes uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for runtime.GC(); !done() && ctx.Err() == nil; runtime.GC() {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}
