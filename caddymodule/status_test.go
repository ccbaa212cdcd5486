package caddymodule

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
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
	a := newAdministered(t)
	p := oidc.New(oidc.Config{Name: "main", Issuer: "https://idp.example.com", ClientID: "x"})
	a.app.rt.providers = []*oidc.Provider{p}
	_, token := a.signIn("zoe", "main")
	if !a.alive(token) {
		t.Fatal("the session is not there")
	}
	status := func() (s statusAnswer) {
		t.Helper()
		code, body := a.ask("GET", "/latchkey/status", "")
		if err := json.Unmarshal([]byte(body), &s); code != 200 || err != nil {
			t.Fatalf("%d %s: %v", code, body, err)
		}
		return s
	}
	s, m := status(), gathered(t)
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
	a.store.Fail(errors.New("away"))
	for range 3 {
		if _, err := a.app.rt.sessions.Load(t.Context(), token); !errors.Is(err, session.ErrUnavailable) {
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
	running.remove(a.app)
	if m := gathered(t); len(m) > 3 && m["store_outages_total{}"] != 0 {
		t.Errorf("with nothing running: %v", m)
	}
}
