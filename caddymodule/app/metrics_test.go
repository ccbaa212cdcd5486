package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// gathered returns the metrics as name{label,...} to value.
func gathered(t *testing.T) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registerMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if err := registerMetrics(registry); err != nil {
		t.Fatalf("a second site: %v", err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			out[strings.TrimPrefix(family.GetName(), "caddy_latchkey_")+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

// What the operator sees: the same of store, cache, log and providers in the status and in the metrics, with labels that
// no visitor has a hand in.
func TestStatusAndMetrics(t *testing.T) {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	store := storetest.NewMemory(nil)
	sessions := session.NewManager(session.ManagerConfig{Store: store, Keys: ring})
	t.Cleanup(sessions.Close)
	a := Of(Parts{
		Sessions:  sessions,
		Providers: []*oidc.Provider{oidc.New(oidc.Config{Name: "main", Issuer: "https://idp.example.com", ClientID: "x"})},
	})
	Enter(a)
	t.Cleanup(func() { Leave(a) })
	_, token, err := sessions.Create(t.Context(), session.Record{
		Identity: session.Identity{Issuer: "https://idp.example.com/a", Subject: "zoe"}, User: "zoe", Provider: "main",
	}, session.Tokens{Refresh: "secret-refresh-token"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sessions.Load(t.Context(), token); err != nil {
		t.Fatalf("the session is not there: %v", err)
	}
	s, m := a.Status(), gathered(t)
	if s.Store != "ok" || time.Since(s.StoreSince) > time.Minute || s.Cached != 1 || s.CachedBytes < 900 || len(s.Providers) != 1 ||
		s.Providers[0].State != providerUnavailable || s.Providers[0].MetadataFetched != nil {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]float64{
		"store_state{ok}": 1, "store_state{cache_only}": 0, "store_state{unavailable}": 0, "store_state{degraded}": 0,
		"store_outages_total{}": 0, "cache_sessions{}": 1, "cache_hits_total{}": 0, "cache_misses_total{}": 1,
		"cache_evictions_total{}": 0, "provider_state{main,unavailable}": 1, "provider_state{main,ok}": 0,
		"provider_metadata_fetched_seconds{main}": 0,
	} {
		if got, ok := m[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	store.Fail(errors.New("away"))
	for range 3 {
		if _, err := sessions.Load(t.Context(), token); !errors.Is(err, session.ErrUnavailable) {
			t.Fatalf("load: %v", err)
		}
	}
	m = gathered(t)
	if m["store_state{unavailable}"] != 1 || m["store_state{ok}"] != 0 || m["store_outages_total{}"] != 1 {
		t.Errorf("during an outage: %v", m)
	}
	for name := range m {
		if strings.Contains(name, "zoe") || strings.Contains(name, "idp.example.com") {
			t.Errorf("a metric names somebody: %s", name)
		}
	}
	Leave(a)
	if m := gathered(t); len(m) > 3 && m["store_outages_total{}"] != 0 {
		t.Errorf("with nothing running: %v", m)
	}
}
