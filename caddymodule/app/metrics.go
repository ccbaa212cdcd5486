package app

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/signals"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/session"
)

// stateMetrics reports the state of the running configuration when the metrics are read. Its labels are fixed words and
// names of providers. Without a running configuration it reports nothing.
type stateMetrics struct{}

func stateDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("caddy", "latchkey", name), help, labels, nil)
}

var (
	descStoreState   = stateDesc("store_state", "How the store is: 1 for the state it is in (ok, degraded, cache_only, unavailable), 0 for the others.", "state")
	descStoreSince   = stateDesc("store_state_since_seconds", "When the store came into its state, in seconds since 1970.")
	descStoreOutages = stateDesc("store_outages_total", "How often the store stopped answering since the configuration was loaded.")

	descCacheSessions  = stateDesc("cache_sessions", "Sessions that this server knows without asking the store.")
	descCacheBytes     = stateDesc("cache_bytes", "What they take, by estimate.")
	descCacheHits      = stateDesc("cache_hits_total", "Look-ups of sessions that were answered without asking the store.")
	descCacheMisses    = stateDesc("cache_misses_total", "Look-ups of sessions for which the store was asked.")
	descCacheEvictions = stateDesc("cache_evictions_total", "Sessions that left the cache to make room for others.")

	descStreams = stateDesc("sessions_with_streams", "Sessions that have a WebSocket or an event stream open here.")
	descPending = stateDesc("pending_sign_ins", "Sign-ins that wait for their answer at any server, as last counted.")

	descLogStored  = stateDesc("sign_in_log_stored_total", "Sign-ins that were stored.")
	descLogShare   = stateDesc("sign_in_log_over_share_total", "Sign-ins that were not stored because their user or address has had its share of the day. Caddy's log has them.")
	descLogLost    = stateDesc("sign_in_log_lost_total", "Sign-ins that could not be stored. Caddy's log has them.")
	descLogWaiting = stateDesc("sign_in_log_waiting", "Sign-ins that wait to be stored.")

	descFileBytes = stateDesc("store_file_bytes", "The size of the file of the store with its log.")
	descFileTakes = stateDesc("store_file_writable", "Whether the disk takes what is written to the file of the store: 1, or 0 after an error of the disk.")
	descFileFree  = stateDesc("store_file_free_bytes", "How many bytes are free for the file of the store.")

	descKeys    = stateDesc("key_ring_keys", "Keys of the key ring in Caddy's storage.")
	descKeysDue = stateDesc("key_ring_rotation_due_seconds", "When the newest key of the ring is to be replaced, in seconds since 1970; 0 if keys are not replaced by their age.")
	descKeysOf  = stateDesc("key_ring_read_seconds", "When the key ring was last read from Caddy's storage, in seconds since 1970.")

	descProviderState = stateDesc("provider_state", "How a provider is: 1 for the state it is in (ok, stale, failing, unavailable), 0 for the others.", "provider", "state")
	descMetadataAt    = stateDesc("provider_metadata_fetched_seconds", "When a provider's metadata was last fetched, in seconds since 1970; 0 if never.", "provider")
	descKeysAt        = stateDesc("provider_keys_fetched_seconds", "When a provider's keys were last fetched, in seconds since 1970; 0 if never.", "provider")
	descSignalsState  = stateDesc("signals_state", "How a stream of events is: 1 for the state it is in (ok, silent, paused, disabled), 0 for the others.", "stream", "state")
	descSignalsAt     = stateDesc("signals_last_received_seconds", "When an event of a stream last arrived, in seconds since 1970; 0 if none did.", "stream")
	descClock         = stateDesc("provider_clock_ahead_seconds", "How far the clock of a provider was ahead of this server's in its last answer; negative if it was behind.", "provider")
	descCertEnds      = stateDesc("provider_client_certificate_ends_seconds", "When the certificate ends with which the gateway authenticates at a provider, in seconds since 1970; 0 if it cannot be read.", "provider")
	descFailedAt      = stateDesc("provider_failed_seconds", "When a provider could last not be reached for a person, in seconds since 1970; 0 if it always could.", "provider")
)

// Describe implements prometheus.Collector.
func (stateMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descStoreState, descStoreSince, descStoreOutages, descCacheSessions, descCacheBytes, descCacheHits, descCacheMisses,
		descCacheEvictions, descStreams, descPending, descLogStored, descLogShare, descLogLost, descLogWaiting, descProviderState,
		descMetadataAt, descKeysAt, descFailedAt, descSignalsState, descSignalsAt, descClock, descCertEnds, descFileBytes, descFileFree, descFileTakes,
		descKeys, descKeysDue, descKeysOf,
	} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (stateMetrics) Collect(ch chan<- prometheus.Metric) {
	app, err := Current()
	if err != nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	count := func(desc *prometheus.Desc, value uint64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value))
	}
	status, known := app.Status(), app.sessions.Known()
	for _, state := range session.States() {
		gauge(descStoreState, oneIf(status.Store == string(state)), string(state))
	}
	gauge(descStoreSince, float64(status.StoreSince.Unix()))
	count(descStoreOutages, status.StoreOutages)
	gauge(descCacheSessions, float64(known.Sessions))
	gauge(descCacheBytes, float64(known.Bytes))
	count(descCacheHits, known.Hits)
	count(descCacheMisses, known.Misses)
	count(descCacheEvictions, known.Evictions)
	gauge(descStreams, float64(known.Watched))
	gauge(descPending, float64(status.Pending))
	if l := status.SignInLog; l != nil {
		count(descLogStored, l.Stored)
		count(descLogLost, l.Lost)
		count(descLogShare, l.OverShare)
		gauge(descLogWaiting, float64(l.Waiting))
	}
	if f := status.StoreFile; f != nil {
		gauge(descFileBytes, float64(f.Bytes))
		gauge(descFileFree, float64(f.Free))
		gauge(descFileTakes, oneIf(f.Writable))
	}
	if k := status.KeyRing; k != nil {
		gauge(descKeys, float64(k.Keys))
		gauge(descKeysDue, unixOrZero(timeOf(k.Due)))
		gauge(descKeysOf, unixOrZero(k.Read))
	}
	for _, p := range status.Providers {
		if p.ClockAhead != nil {
			gauge(descClock, *p.ClockAhead, p.Name)
		}
		if p.CertificateEnds != nil {
			gauge(descCertEnds, unixOrZero(*p.CertificateEnds), p.Name)
		}
	}
	for _, s := range status.Signals {
		for _, state := range signals.States() {
			gauge(descSignalsState, oneIf(s.State == state), s.Name, state)
		}
		gauge(descSignalsAt, unixOrZero(timeOf(s.LastReceived)), s.Name)
	}
	for _, p := range app.tenant.Providers {
		s := p.State()
		for _, state := range []string{providerOK, providerStale, providerFailing, providerUnavailable} {
			gauge(descProviderState, oneIf(providerState(s) == state), p.Name, state)
		}
		gauge(descMetadataAt, unixOrZero(s.Metadata), p.Name)
		gauge(descKeysAt, unixOrZero(s.Keys), p.Name)
		gauge(descFailedAt, unixOrZero(s.Failed), p.Name)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func unixOrZero(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}

var rateLimited = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "rate_limited_total",
	Help: "Requests for an endpoint of sign-in that were answered with 429, for their address had asked too often.",
}, []string{"endpoint"})

var signIns = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "sign_ins_total",
	Help: "Entries of the sign-in log, by provider, code and status. The provider is empty where none was chosen.",
}, []string{"provider", "code", "status"})

var signOuts = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "back_channel_sign_outs_total",
	Help: "Sign-outs that providers reported to the gateway (Back-Channel Logout), by what came of them.",
}, []string{"result"})

var renewals = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "renewals_total",
	Help: "Renewals of claims with a refresh token, by what came of them.",
}, []string{"provider", "result"})

var exchanges = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "token_exchanges_total",
	Help: "Exchanges of access tokens for applications, by what came of them.",
}, []string{"provider", "result"})

var bindings = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "bindings_total",
	Help: "Registrations of keys of devices, and refreshes of bound sessions, by what came of them.",
}, []string{"step", "result"})

var signalsReceived = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "signals_received_total",
	Help: "Events that transmitters sent, by stream, event and what came of it.",
}, []string{"stream", "event", "result"})

// countSignal counts an event. One that is not known here, or was refused, has no name.
func countSignal(stream, event, result string) {
	signalsReceived.WithLabelValues(stream, event, result).Inc()
}

var polls = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "caddy", Subsystem: "latchkey", Name: "signals_polls_total",
	Help: "Polls of events at transmitters, by stream and result: ok, failed, or repeated if they brought nothing new.",
}, []string{"stream", "result"})

func countPoll(stream, result string) { polls.WithLabelValues(stream, result).Inc() }

// registered is the registry that has the metrics.
type registered struct{ registry *prometheus.Registry }

// in registers the metrics in a registry that does not have them. Every site calls it with the registry of the configuration.
func (r *registered) in(registry *prometheus.Registry) error {
	if r.registry == registry {
		return nil
	}
	err := registerMetrics(registry)
	if err == nil {
		r.registry = registry
	}
	return err
}

func collectors() []prometheus.Collector {
	return slices.Concat(site.Collectors(), observe.Collectors(), []prometheus.Collector{
		rateLimited, renewals, exchanges, bindings, signIns, signOuts, signalsReceived, polls, stateMetrics{},
	})
}

// registerMetrics registers the collectors in a registry. Those that it has already are no error.
func registerMetrics(registry *prometheus.Registry) error {
	for _, c := range collectors() {
		if err := registry.Register(c); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}
