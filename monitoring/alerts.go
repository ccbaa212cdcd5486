package monitoring

// serviceAlerts are alerts about what users notice now: requests, store, providers and sign-ins.
func serviceAlerts() []alert {
	return []alert{
		{
			name: "LatchkeyNotScraped", expr: `absent(caddy_latchkey_store_state)`, wait: "5m", severity: critical,
			summary: "No gateway reports metrics",
			says:    "No gateway reports metrics",
			fires:   []series{{`up{` + atGateway + `}`, "0x30"}}, after: 6, labels: map[string]string{},
		},
		{
			name: "LatchkeyRequestsUnanswered", expr: `latchkey:requests_unanswered:ratio_rate5m > 0.01`, wait: "5m", severity: critical,
			summary: "{{ $labels.instance }} answers {{ $value | humanizePercentage }} of the requests with 503",
			says:    "gw answers 9.091% of the requests with 503",
			fires: []series{
				{`caddy_latchkey_requests_total{` + atGateway + `,decision="allow",reason="allowed"}`, "0+60x30"},
				{`caddy_latchkey_requests_total{` + atGateway + `,decision="store_unavailable",reason="store_unavailable"}`, "0+6x30"},
			}, after: 15, labels: gateway,
		},
		{
			name: "LatchkeyStoreUnavailable", expr: `caddy_latchkey_store_state{state=~"cache_only|unavailable"} == 1`, wait: "1m", severity: critical,
			summary: "The store of {{ $labels.instance }} does not answer: {{ $labels.state }}",
			says:    "The store of gw does not answer: cache_only",
			fires:   []series{{`caddy_latchkey_store_state{` + atGateway + `,state="cache_only"}`, "1x10"}},
			after:   3, labels: with(gateway, "state", "cache_only"),
		},
		{
			name: "LatchkeyStoreFileFailing", expr: `caddy_latchkey_store_file_writable == 0`, wait: "1m", severity: critical,
			summary: "The disk of {{ $labels.instance }} takes no write to the file of the store",
			says:    "The disk of gw takes no write to the file of the store",
			fires:   []series{{`caddy_latchkey_store_file_writable{` + atGateway + `}`, "0x10"}}, after: 3, labels: gateway,
		},
		{
			name: "LatchkeyStoreDegraded", expr: `caddy_latchkey_store_state{state="degraded"} == 1`, wait: "10m", severity: warning,
			summary: "The store of {{ $labels.instance }} answers only some requests",
			says:    "The store of gw answers only some requests",
			fires:   []series{{`caddy_latchkey_store_state{` + atGateway + `,state="degraded"}`, "1x20"}},
			after:   12, labels: with(gateway, "state", "degraded"),
		},
		{
			name: "LatchkeyStoreOutagesRepeat", expr: `increase(caddy_latchkey_store_outages_total[1h]) > 3`, wait: "0m", severity: warning,
			summary: "The store of {{ $labels.instance }} stopped answering {{ $value | humanize }} times in an hour",
			says:    "The store of gw stopped answering 20 times in an hour",
			fires:   []series{{`caddy_latchkey_store_outages_total{` + atGateway + `}`, "0+1x30"}}, after: 20, labels: gateway,
		},
		{
			name: "LatchkeyStoreRequestsFailing", expr: `latchkey:store_request_failures:ratio_rate5m > 0.05`, wait: "5m", severity: warning,
			summary: "{{ $value | humanizePercentage }} of the requests of {{ $labels.instance }} to the store fail",
			says:    "10% of the requests of gw to the store fail",
			fires: []series{
				{`caddy_latchkey_store_request_failures_total{` + atGateway + `,operation="get"}`, "0+6x30"},
				{`caddy_latchkey_store_request_duration_seconds_count{` + atGateway + `,operation="get"}`, "0+60x30"},
			}, after: 15, labels: gateway,
		},
		{
			name: "LatchkeyStoreSlow", expr: `latchkey:store_request_duration_seconds:p99_rate5m > 0.25`, wait: "10m", severity: warning,
			summary: "One in a hundred requests of {{ $labels.instance }} to the store ({{ $labels.operation }}) takes {{ $value | humanizeDuration }}",
			says:    "One in a hundred requests of gw to the store (get) takes 485ms",
			fires: []series{
				{`caddy_latchkey_store_request_duration_seconds_bucket{` + atGateway + `,operation="get",le="0.25"}`, "0+50x30"},
				{`caddy_latchkey_store_request_duration_seconds_bucket{` + atGateway + `,operation="get",le="0.5"}`, "0+60x30"},
				{`caddy_latchkey_store_request_duration_seconds_bucket{` + atGateway + `,operation="get",le="+Inf"}`, "0+60x30"},
			}, after: 20, labels: with(gateway, "operation", "get"),
		},
		{
			name: "LatchkeyProviderUnavailable", expr: `caddy_latchkey_provider_state{state="unavailable"} == 1`, wait: "2m", severity: critical,
			summary: "{{ $labels.instance }} has no metadata of provider {{ $labels.provider }}, so no user can sign in there",
			says:    "gw has no metadata of provider main, so no user can sign in there",
			fires:   []series{{`caddy_latchkey_provider_state{` + mainHere + `,state="unavailable"}`, "1x10"}},
			after:   4, labels: with(gateway, "provider", "main", "state", "unavailable"),
		},
		{
			name: "LatchkeyProviderFailing", expr: `caddy_latchkey_provider_state{state="failing"} == 1`, wait: "5m", severity: critical,
			summary: "The token endpoint of provider {{ $labels.provider }} is of no use to {{ $labels.instance }}",
			says:    "The token endpoint of provider main is of no use to gw",
			fires:   []series{{`caddy_latchkey_provider_state{` + mainHere + `,state="failing"}`, "1x10"}},
			after:   7, labels: with(gateway, "provider", "main", "state", "failing"),
		},
		{
			name: "LatchkeyProviderStale", expr: `caddy_latchkey_provider_state{state="stale"} == 1`, wait: "2h", severity: warning,
			summary: "{{ $labels.instance }} cannot refresh the metadata of provider {{ $labels.provider }}",
			says:    "gw cannot refresh the metadata of provider main",
			fires:   []series{{`caddy_latchkey_provider_state{` + mainHere + `,state="stale"}`, "1x130"}},
			after:   122, labels: with(gateway, "provider", "main", "state", "stale"),
		},
		{
			name: "LatchkeyProviderRequestsFailing", expr: `latchkey:provider_request_failures:ratio_rate10m > 0.1`, wait: "10m", severity: warning,
			summary: "{{ $value | humanizePercentage }} of the requests to provider {{ $labels.provider }} ({{ $labels.endpoint }}) fail",
			says:    "50% of the requests to provider main (revocation) fail",
			fires: []series{
				{`caddy_latchkey_provider_request_failures_total{` + mainHere + `,endpoint="revocation"}`, "0+6x40"},
				{`caddy_latchkey_provider_request_duration_seconds_count{` + mainHere + `,endpoint="revocation"}`, "0+12x40"},
			}, after: 25, labels: with(ofMain, "endpoint", "revocation"),
		},
		{
			name: "LatchkeyProviderSlow", expr: `latchkey:provider_request_duration_seconds:p95_rate10m{endpoint=~"token|userinfo|pushed_request|introspection"} > 2.5`, wait: "10m", severity: warning,
			summary: "One in twenty requests to provider {{ $labels.provider }} ({{ $labels.endpoint }}) takes {{ $value | humanizeDuration }}",
			says:    "One in twenty requests to provider main (token) takes 4.864s",
			fires: []series{
				{`caddy_latchkey_provider_request_duration_seconds_bucket{` + mainHere + `,endpoint="token",le="2.5"}`, "0+1x40"},
				{`caddy_latchkey_provider_request_duration_seconds_bucket{` + mainHere + `,endpoint="token",le="5"}`, "0+12x40"},
				{`caddy_latchkey_provider_request_duration_seconds_bucket{` + mainHere + `,endpoint="token",le="+Inf"}`, "0+12x40"},
			}, after: 25, labels: with(ofMain, "endpoint", "token"),
		},
		{
			name: "LatchkeySignInsFailing", expr: `latchkey:sign_ins_failed:ratio_rate10m > 0.2`, wait: "5m", severity: critical,
			summary: "{{ $value | humanizePercentage }} of the sign-ins at provider {{ $labels.provider }} fail for a technical reason",
			says:    "50% of the sign-ins at provider main fail for a technical reason",
			fires: []series{
				{`caddy_latchkey_sign_ins_total{` + mainHere + `,code="0",status="success"}`, "0+3x30"},
				{`caddy_latchkey_sign_ins_total{` + mainHere + `,code="900001",status="failure"}`, "0+3x30"},
			}, after: 20, labels: ofMain,
		},
		{
			name: "LatchkeySignInsLoop", expr: `sum by (job, provider) (increase(caddy_latchkey_sign_ins_total{code=~"50196|50089"}[15m])) > 10`, wait: "5m", severity: warning,
			summary: "{{ $value | humanize }} sign-ins at provider {{ $labels.provider }} led back to themselves or were lost in 15 minutes",
			says:    "30 sign-ins at provider main led back to themselves or were lost in 15 minutes",
			fires:   []series{{`caddy_latchkey_sign_ins_total{` + mainHere + `,code="50196",status="failure"}`, "0+2x30"}},
			after:   20, labels: ofMain,
		},
		{
			name: "LatchkeyRefusalsRise", wait: "15m", severity: warning,
			expr:    `latchkey:requests_refused:rate15m > 0.1 and latchkey:requests_refused:rate15m > 5 * (latchkey:requests_refused:rate15m offset 1d or latchkey:requests_refused:rate15m * 0)`,
			summary: "Many more requests than a day ago are refused: {{ $labels.decision }}, {{ $labels.reason }}",
			says:    "Many more requests than a day ago are refused: block, not_admitted",
			fires:   []series{{`caddy_latchkey_requests_total{` + atGateway + `,decision="block",reason="not_admitted"}`, "0+60x60"}},
			after:   40, labels: map[string]string{"job": "latchkey", "decision": "block", "reason": "not_admitted"},
		},
		{
			name: "LatchkeyPolicyBroken", expr: `sum by (job, instance) (increase(caddy_latchkey_requests_total{reason="evaluation_error"}[10m])) > 0`, wait: "1m", severity: critical,
			summary: "A policy of {{ $labels.instance }} cannot be evaluated, so requests are refused",
			says:    "A policy of gw cannot be evaluated, so requests are refused",
			fires:   []series{{`caddy_latchkey_requests_total{` + atGateway + `,decision="block",reason="evaluation_error"}`, "0+1x20"}},
			after:   10, labels: gateway,
		},
		{
			name: "LatchkeyRateLimited", expr: `sum by (job, endpoint) (rate(caddy_latchkey_rate_limited_total[5m])) > 1`, wait: "10m", severity: warning,
			summary: "Many requests for {{ $labels.endpoint }} are answered with 429",
			says:    "Many requests for /callback are answered with 429",
			fires:   []series{{`caddy_latchkey_rate_limited_total{` + atGateway + `,endpoint="/callback"}`, "0+120x30"}},
			after:   20, labels: map[string]string{"job": "latchkey", "endpoint": "/callback"},
		},
		{
			name: "LatchkeyPendingSignInsMany", expr: `max by (job) (caddy_latchkey_pending_sign_ins) > 15000`, wait: "5m", severity: warning,
			summary: "{{ $value | humanize }} sign-ins wait for an answer; from 20,000 on more are refused",
			says:    "16k sign-ins wait for an answer; from 20,000 on more are refused",
			fires:   []series{{`caddy_latchkey_pending_sign_ins{` + atGateway + `}`, "16000x10"}},
			after:   7, labels: map[string]string{"job": "latchkey"},
		},
		{
			name: "LatchkeyTokensGuessed", expr: `sum by (job) (increase(caddy_latchkey_requests_total{reason="token_attempts"}[15m])) > 10`, wait: "0m", severity: warning,
			summary: "An address sends many wrong access tokens",
			says:    "An address sends many wrong access tokens",
			fires:   []series{{`caddy_latchkey_requests_total{` + atGateway + `,decision="token_refused",reason="token_attempts"}`, "0+2x30"}},
			after:   20, labels: map[string]string{"job": "latchkey"},
		},
	}
}
