package monitoring

// here selects the gateways that the user of the dashboard has chosen.
const here = `instance=~"$instance"`

// rows are the rows of the dashboard.
func rows() []row { return append(requestRows(), dependencyRows()...) }

func requestRows() []row {
	return []row{
		{"At a glance", []panel{
			{title: "Store", kind: "stat", about: "The state that the store is in.", queries: []query{
				{`max by (state) (caddy_latchkey_store_state{` + here + `}) == 1`, "{{state}}"},
			}},
			{title: "Providers", kind: "stat", about: "The state that each provider is in.", queries: []query{
				{`max by (provider, state) (caddy_latchkey_provider_state{` + here + `}) == 1`, "{{provider}}: {{state}}"},
			}},
			{title: "Store in its state for", kind: "stat", unit: "s", queries: []query{
				{`time() - min by (instance) (caddy_latchkey_store_state_since_seconds{` + here + `})`, "{{instance}}"},
			}},
		}},
		{"Requests", []panel{
			{title: "Decisions", unit: "reqps", stacked: true, about: "Guarded requests by decision.", queries: []query{
				{`sum by (decision) (rate(caddy_latchkey_requests_total{` + here + `}[$__rate_interval]))`, "{{decision}}"},
			}},
			{title: "Requests that do not reach the app, by reason", unit: "reqps", queries: []query{
				{`sum by (decision, reason) (rate(caddy_latchkey_requests_total{` + here + `,decision!~"allow|preflight"}[$__rate_interval])) > 0`, "{{decision}}: {{reason}}"},
			}},
			{title: "Requests without an answer", unit: "percentunit", about: "The share of requests that were answered with 503 because store, provider or token could not be asked.", queries: []query{
				{`latchkey:requests_unanswered:ratio_rate5m{` + here + `}`, "{{instance}}"},
			}},
			{title: "Report-only policies", unit: "reqps", about: "What policies with mode report_only would have done.", queries: []query{
				{`sum by (policy, result) (rate(caddy_latchkey_report_only_total{` + here + `}[$__rate_interval]))`, "{{policy}}: {{result}}"},
			}},
			{title: "Answered with 429", unit: "reqps", queries: []query{
				{`sum by (endpoint) (rate(caddy_latchkey_rate_limited_total{` + here + `}[$__rate_interval]))`, "{{endpoint}}"},
			}},
			{title: "Tokens of programs", unit: "ops", queries: []query{
				{`sum by (result) (rate(caddy_latchkey_bearer_tokens_total{` + here + `}[$__rate_interval]))`, "{{result}}"},
			}},
		}},
		{"Sign-ins and sign-outs", []panel{
			{title: "Sign-ins by status", unit: "ops", stacked: true, queries: []query{
				{`sum by (status) (rate(caddy_latchkey_sign_ins_total{` + here + `}[$__rate_interval]))`, "{{status}}"},
			}},
			{title: "Sign-ins that did not succeed, by code", unit: "ops", queries: []query{
				{`sum by (provider, code) (rate(caddy_latchkey_sign_ins_total{` + here + `,status!="success"}[$__rate_interval])) > 0`, "{{provider}}: {{code}}"},
			}},
			{title: "Waiting for an answer to the prompt", queries: []query{
				{`max(caddy_latchkey_pending_sign_ins{` + here + `})`, "all gateways"},
			}},
			{title: "Sign-outs reported by providers", unit: "ops", queries: []query{
				{`sum by (result) (rate(caddy_latchkey_back_channel_sign_outs_total{` + here + `}[$__rate_interval]))`, "{{result}}"},
			}},
			{title: "Sign-in log", unit: "ops", about: "Entries that were stored, lost, or over the share of their user.", queries: []query{
				{`sum(rate(caddy_latchkey_sign_in_log_stored_total{` + here + `}[$__rate_interval]))`, "stored"},
				{`sum(rate(caddy_latchkey_sign_in_log_lost_total{` + here + `}[$__rate_interval]))`, "lost"},
				{`sum(rate(caddy_latchkey_sign_in_log_over_share_total{` + here + `}[$__rate_interval]))`, "over share"},
			}},
			{title: "Sign-in log: entries that wait", queries: []query{
				{`caddy_latchkey_sign_in_log_waiting{` + here + `}`, "{{instance}}"},
			}},
			{title: "Device binding", unit: "ops", queries: []query{
				{`sum by (step, result) (rate(caddy_latchkey_bindings_total{` + here + `}[$__rate_interval]))`, "{{step}}: {{result}}"},
				{`sum by (reason) (rate(caddy_latchkey_binding_skipped_total{` + here + `}[$__rate_interval]))`, "skipped: {{reason}}"},
			}},
		}},
	}
}

func dependencyRows() []row {
	return []row{
		{"Sessions", []panel{
			{title: "Sessions in the cache", queries: []query{
				{`caddy_latchkey_cache_sessions{` + here + `}`, "{{instance}}"},
				{`caddy_latchkey_sessions_with_streams{` + here + `}`, "{{instance}}, with a stream"},
			}},
			{title: "Memory of the cache", unit: "bytes", queries: []query{
				{`caddy_latchkey_cache_bytes{` + here + `}`, "{{instance}}"},
			}},
			{title: "Look-ups", unit: "ops", queries: []query{
				{`sum(rate(caddy_latchkey_cache_hits_total{` + here + `}[$__rate_interval]))`, "from the cache"},
				{`sum(rate(caddy_latchkey_cache_misses_total{` + here + `}[$__rate_interval]))`, "from the store"},
				{`sum(rate(caddy_latchkey_cache_evictions_total{` + here + `}[$__rate_interval]))`, "made room"},
			}},
			{title: "Renewals of claims", unit: "ops", queries: []query{
				{`sum by (provider, result) (rate(caddy_latchkey_renewals_total{` + here + `}[$__rate_interval]))`, "{{provider}}: {{result}}"},
			}},
			{title: "Access tokens for apps", unit: "ops", queries: []query{
				{`sum by (provider, result) (rate(caddy_latchkey_token_exchanges_total{` + here + `}[$__rate_interval]))`, "{{provider}}: {{result}}"},
			}},
			{title: "Key ring", about: "Days until the newest key is replaced, and minutes since the ring was read.", queries: []query{
				{`min by (instance) ((caddy_latchkey_key_ring_rotation_due_seconds{` + here + `} > 0) - time()) / 86400`, "{{instance}}: days to rotation"},
				{`(time() - caddy_latchkey_key_ring_read_seconds{` + here + `}) / 60`, "{{instance}}: minutes since read"},
				{`caddy_latchkey_key_ring_keys{` + here + `}`, "{{instance}}: keys"},
			}},
		}},
		{"Store", []panel{
			{title: "Time of requests to the store, 99th percentile", unit: "s", queries: []query{
				{`histogram_quantile(0.99, sum by (operation, le) (rate(caddy_latchkey_store_request_duration_seconds_bucket{` + here + `}[$__rate_interval])))`, "{{operation}}"},
			}},
			{title: "Requests to the store", unit: "ops", queries: []query{
				{`sum by (operation) (rate(caddy_latchkey_store_request_duration_seconds_count{` + here + `}[$__rate_interval]))`, "{{operation}}"},
			}},
			{title: "Requests to the store that failed", unit: "ops", queries: []query{
				{`sum by (operation) (rate(caddy_latchkey_store_request_failures_total{` + here + `}[$__rate_interval]))`, "{{operation}}"},
				{`sum(increase(caddy_latchkey_store_outages_total{` + here + `}[$__rate_interval]))`, "outages"},
			}},
			{title: "File of the store", unit: "bytes", queries: []query{
				{`caddy_latchkey_store_file_bytes{` + here + `}`, "{{instance}}"},
				{`caddy_latchkey_store_file_free_bytes{` + here + `}`, "{{instance}}: free"},
			}},
			{title: "Whether the disk takes what is written to the file of the store", unit: "short", queries: []query{
				{`caddy_latchkey_store_file_writable{` + here + `}`, "{{instance}}"},
			}},
		}},
		{"Providers", []panel{
			{title: "Time of requests to providers, 95th percentile", unit: "s", queries: []query{
				{`histogram_quantile(0.95, sum by (provider, endpoint, le) (rate(caddy_latchkey_provider_request_duration_seconds_bucket{` + here + `}[$__rate_interval])))`, "{{provider}}: {{endpoint}}"},
			}},
			{title: "Requests to providers", unit: "ops", queries: []query{
				{`sum by (provider, endpoint) (rate(caddy_latchkey_provider_request_duration_seconds_count{` + here + `}[$__rate_interval]))`, "{{provider}}: {{endpoint}}"},
			}},
			{title: "Requests to providers that failed", unit: "ops", queries: []query{
				{`sum by (provider, endpoint) (rate(caddy_latchkey_provider_request_failures_total{` + here + `}[$__rate_interval]))`, "{{provider}}: {{endpoint}}"},
			}},
			{title: "Clock of the provider", unit: "s", about: "How far it is ahead of the gateway's.", queries: []query{
				{`max by (provider) (caddy_latchkey_provider_clock_ahead_seconds{` + here + `})`, "{{provider}}, most"},
				{`min by (provider) (caddy_latchkey_provider_clock_ahead_seconds{` + here + `})`, "{{provider}}, least"},
			}},
			{title: "Last failure for a user", unit: "s", about: "How long ago a provider could last not be reached for a user.", queries: []query{
				{`time() - max by (provider) (caddy_latchkey_provider_failed_seconds{` + here + `} > 0)`, "{{provider}}"},
			}},
			{title: "Client certificate", kind: "stat", unit: "s", about: "How long the certificate is still good with which the gateway authenticates.", queries: []query{
				{`min by (provider) (caddy_latchkey_provider_client_certificate_ends_seconds{` + here + `}) - time()`, "{{provider}}"},
			}},
		}},
		{"Signals", []panel{
			{title: "Streams", kind: "stat", queries: []query{
				{`max by (stream, state) (caddy_latchkey_signals_state{` + here + `}) == 1`, "{{stream}}: {{state}}"},
			}},
			{title: "Events", unit: "ops", queries: []query{
				{`sum by (stream, event, result) (rate(caddy_latchkey_signals_received_total{` + here + `}[$__rate_interval]))`, "{{stream}}: {{event}}, {{result}}"},
			}},
			{title: "Polls, and the age of the last event", unit: "short", queries: []query{
				{`sum by (stream, result) (rate(caddy_latchkey_signals_polls_total{` + here + `}[$__rate_interval]))`, "{{stream}}: {{result}} a second"},
				{`(time() - max by (stream) (caddy_latchkey_signals_last_received_seconds{` + here + `} > 0)) / 3600`, "{{stream}}: hours since the last event"},
			}},
		}},
	}
}
