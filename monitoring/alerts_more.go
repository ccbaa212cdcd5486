package monitoring

// upkeepAlerts are alerts about what users notice later, or never: the log, keys, clocks, renewals, reports of providers,
// room and certificates.
func upkeepAlerts() []alert {
	return []alert{
		{
			name: "LatchkeySignInLogLosesEntries", expr: `increase(caddy_latchkey_sign_in_log_lost_total[15m]) > 0`, wait: "0m", severity: warning,
			summary: "{{ $labels.instance }} could not store entries of the sign-in log; Caddy's log has them",
			says:    "gw could not store entries of the sign-in log; Caddy's log has them",
			fires:   []series{{`caddy_latchkey_sign_in_log_lost_total{` + atGateway + `}`, "0+1x20"}}, after: 10, labels: gateway,
		},
		{
			name: "LatchkeySignInLogWaits", expr: `caddy_latchkey_sign_in_log_waiting > 1000`, wait: "5m", severity: warning,
			summary: "{{ $value | humanize }} entries of the sign-in log of {{ $labels.instance }} wait; from 2,000 on they are lost",
			says:    "1.5k entries of the sign-in log of gw wait; from 2,000 on they are lost",
			fires:   []series{{`caddy_latchkey_sign_in_log_waiting{` + atGateway + `}`, "1500x10"}}, after: 7, labels: gateway,
		},
		{
			name: "LatchkeyKeyRotationOverdue", wait: "1h", severity: warning,
			expr:    `time() - (caddy_latchkey_key_ring_rotation_due_seconds > 0) > 86400`,
			summary: "The newest key of {{ $labels.instance }} should have been replaced {{ $value | humanizeDuration }} ago",
			says:    "The newest key of gw should have been replaced 1d 1h 4m 0s ago",
			fires:   []series{{`caddy_latchkey_key_ring_rotation_due_seconds{` + atGateway + `}`, "60x1600"}}, after: 1505, labels: gateway,
		},
		{
			name: "LatchkeyKeyRingUnread", expr: `time() - caddy_latchkey_key_ring_read_seconds > 600`, wait: "5m", severity: warning,
			summary: "{{ $labels.instance }} has not read the key ring for {{ $value | humanizeDuration }}",
			says:    "gw has not read the key ring for 19m 0s",
			fires:   []series{{`caddy_latchkey_key_ring_read_seconds{` + atGateway + `}`, "60x40"}}, after: 20, labels: gateway,
		},
		{
			name: "LatchkeyProviderClock", expr: `abs(caddy_latchkey_provider_clock_ahead_seconds) > 10`, wait: "10m", severity: warning,
			summary: "The clocks of {{ $labels.instance }} and of provider {{ $labels.provider }} differ by {{ $value | humanizeDuration }}",
			says:    "The clocks of gw and of provider main differ by 30s",
			fires:   []series{{`caddy_latchkey_provider_clock_ahead_seconds{` + mainHere + `}`, "-30x20"}},
			after:   12, labels: with(gateway, "provider", "main"),
		},
		{
			name: "LatchkeyRenewalsFailing", expr: `latchkey:renewals_failed:ratio_rate15m > 0.2`, wait: "15m", severity: warning,
			summary: "{{ $value | humanizePercentage }} of the renewals of claims at provider {{ $labels.provider }} fail",
			says:    "50% of the renewals of claims at provider main fail",
			fires: []series{
				{`caddy_latchkey_renewals_total{` + mainHere + `,result="renewed"}`, "0+3x60"},
				{`caddy_latchkey_renewals_total{` + mainHere + `,result="outage"}`, "0+3x60"},
			}, after: 40, labels: ofMain,
		},
		{
			name: "LatchkeyTokenExchangesFailing", wait: "10m", severity: warning,
			expr:    `sum by (job, provider, result) (increase(caddy_latchkey_token_exchanges_total{result!="exchanged"}[15m])) > 10`,
			summary: "Exchanges of access tokens at provider {{ $labels.provider }} do not succeed: {{ $labels.result }}",
			says:    "Exchanges of access tokens at provider main do not succeed: refused",
			fires:   []series{{`caddy_latchkey_token_exchanges_total{` + mainHere + `,result="refused"}`, "0+2x40"}},
			after:   25, labels: with(ofMain, "result", "refused"),
		},
		{
			name: "LatchkeyCacheTooSmall", wait: "30m", severity: warning,
			expr:    `rate(caddy_latchkey_cache_evictions_total[15m]) > 1`,
			summary: "Sessions leave the cache of {{ $labels.instance }} to make room, {{ $value | humanize }} a second",
			says:    "Sessions leave the cache of gw to make room, 2 a second",
			fires:   []series{{`caddy_latchkey_cache_evictions_total{` + atGateway + `}`, "0+120x60"}}, after: 45, labels: gateway,
		},
		{
			name: "LatchkeySignOutsNotDone", wait: "0m", severity: warning,
			expr:    `sum by (job, result) (increase(caddy_latchkey_back_channel_sign_outs_total{result!="done"}[30m])) > 3`,
			summary: "Sign-outs that a provider reports have no effect: {{ $labels.result }}",
			says:    "Sign-outs that a provider reports have no effect: failed",
			fires:   []series{{`caddy_latchkey_back_channel_sign_outs_total{` + atGateway + `,result="failed"}`, "0+1x40"}},
			after:   20, labels: map[string]string{"job": "latchkey", "result": "failed"},
		},
		{
			name: "LatchkeySignalsStreamSilent", expr: `max by (job, stream) (caddy_latchkey_signals_state{state="ok"}) == 0`, wait: "15m", severity: warning,
			summary: "The stream of events {{ $labels.stream }} is silent, paused or disabled",
			says:    "The stream of events hub is silent, paused or disabled",
			fires:   []series{{`caddy_latchkey_signals_state{` + atGateway + `,stream="hub",state="ok"}`, "0x30"}},
			after:   17, labels: map[string]string{"job": "latchkey", "stream": "hub"},
		},
		{
			name: "LatchkeySignalsNotTaken", wait: "0m", severity: warning,
			expr:    `sum by (job, stream, result) (increase(caddy_latchkey_signals_received_total{result=~"refused|failed|critical_field|too_old"}[30m])) > 3`,
			summary: "Events of stream {{ $labels.stream }} have no effect: {{ $labels.result }}",
			says:    "Events of stream hub have no effect: refused",
			fires:   []series{{`caddy_latchkey_signals_received_total{` + atGateway + `,stream="hub",event="unknown",result="refused"}`, "0+1x40"}},
			after:   20, labels: map[string]string{"job": "latchkey", "stream": "hub", "result": "refused"},
		},
		{
			name: "LatchkeySignalsPollsFailing", wait: "15m", severity: warning,
			expr:    `sum by (job, stream) (rate(caddy_latchkey_signals_polls_total{result="failed"}[10m])) > 0.5 * sum by (job, stream) (rate(caddy_latchkey_signals_polls_total[10m]))`,
			summary: "Most polls of stream {{ $labels.stream }} fail",
			says:    "Most polls of stream hub fail",
			fires: []series{
				{`caddy_latchkey_signals_polls_total{` + atGateway + `,stream="hub",result="failed"}`, "0+2x40"},
				{`caddy_latchkey_signals_polls_total{` + atGateway + `,stream="hub",result="ok"}`, "1x40"},
			}, after: 30, labels: map[string]string{"job": "latchkey", "stream": "hub"},
		},
		{
			name: "LatchkeyBindingsUnavailable", wait: "10m", severity: warning,
			expr:    `sum by (job, step) (increase(caddy_latchkey_bindings_total{result="unavailable"}[15m])) > 10`,
			summary: "Browsers cannot prove their device: {{ $labels.step }}",
			says:    "Browsers cannot prove their device: refresh",
			fires:   []series{{`caddy_latchkey_bindings_total{` + atGateway + `,step="refresh",result="unavailable"}`, "0+2x40"}},
			after:   25, labels: map[string]string{"job": "latchkey", "step": "refresh"},
		},
		{
			name: "LatchkeyStoreDiskFull", wait: "10m", severity: critical,
			expr:    `caddy_latchkey_store_file_free_bytes < 5e8 or predict_linear(caddy_latchkey_store_file_free_bytes[6h], 86400) < 0`,
			summary: "The disk with the file of the store of {{ $labels.instance }} is full within a day",
			says:    "The disk with the file of the store of gw is full within a day",
			fires:   []series{{`caddy_latchkey_store_file_free_bytes{` + atGateway + `}`, "4e8x20"}}, after: 12, labels: gateway,
		},
		{
			name: "LatchkeyClientCertificateEnds", wait: "1h", severity: warning,
			expr:    `min by (job, provider) (caddy_latchkey_provider_client_certificate_ends_seconds) - time() < 14 * 86400`,
			summary: "The certificate for provider {{ $labels.provider }} ends in {{ $value | humanizeDuration }}, or cannot be read",
			says:    "The certificate for provider main ends in 9d 22h 55m 0s, or cannot be read",
			fires:   []series{{`caddy_latchkey_provider_client_certificate_ends_seconds{` + mainHere + `}`, "864000x80"}}, after: 65, labels: ofMain,
		},
	}
}
