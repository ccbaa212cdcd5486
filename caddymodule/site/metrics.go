package site

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Each configuration has its own metrics registry. The collectors belong to the process, so that counts survive a
// reload. Labels are fixed words and names from the configuration, never a user, a path or a client.
var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "requests_total",
		Help: "Requests that were guarded, or refused before that, by what was decided and why.",
	}, []string{"decision", "reason"})

	reportOnly = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "report_only_total",
		Help: "Requests that a report-only policy would have blocked (would_block) or sent to sign in again (would_step_up), if it stood alone.",
	}, []string{"policy", "result"})

	skippedRefreshes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "binding_skipped_total",
		Help: "Requests that a browser sent without the refresh of its bound session, by the reason that it states. Clients can state anything.",
	}, []string{"reason"})

	bearerTokens = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "bearer_tokens_total",
		Help: "Access tokens of programs that were verified, by the result. A token that was verified lately is not counted again.",
	}, []string{"result"})

	// allowed is the counter for almost every request; it is looked up once.
	allowed = requests.WithLabelValues(policy.Allow.String(), string(policy.Allowed))
)

// counters are counters that were looked up, by the one label that differs. A flood of wrong tokens counts each of them twice.
type counters struct {
	find func(label string) prometheus.Counter
	by   sync.Map // label -> prometheus.Counter
}

func (c *counters) inc(label string) {
	found, ok := c.by.Load(label)
	if !ok {
		found, _ = c.by.LoadOrStore(label, c.find(label))
	}
	found.(prometheus.Counter).Inc()
}

var (
	tokenCounters   = counters{find: func(result string) prometheus.Counter { return bearerTokens.WithLabelValues(result) }}
	refusedCounters = counters{find: func(reason string) prometheus.Counter { return requests.WithLabelValues("token_refused", reason) }}
)

// countToken counts a token that was verified, countRefused a request that is refused for its token. Both words are fixed.
func countToken(result string) { tokenCounters.inc(result) }

func countRefused(reason string) { refusedCounters.inc(reason) }

const (
	wouldBlock  = "would_block"
	wouldStepUp = "would_step_up"
)

// The reasons that browsers state for a refresh that they skipped (w3c/webappsec-dbsc). Every other word is skippedOther, so
// that a client cannot make the metric grow.
const (
	skippedUnreachable = "unreachable"
	skippedServerError = "server_error"
	skippedQuota       = "quota_exceeded"
	skippedOther       = "other"
)

// countSkipped counts the refreshes that a browser says it skipped. That proves nothing, and nothing depends on it.
func countSkipped(reasons []string) {
	for _, reason := range reasons {
		switch reason {
		case skippedUnreachable, skippedServerError, skippedQuota:
		default:
			reason = skippedOther
		}
		skippedRefreshes.WithLabelValues(reason).Inc()
	}
}

func countDecision(d *policy.Decision) {
	if d.Verdict == policy.Allow {
		allowed.Inc()
		return
	}
	requests.WithLabelValues(d.Verdict.String(), string(d.Reason)).Inc()
}

// Collectors returns the metrics of requests. They belong to the process.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{requests, reportOnly, skippedRefreshes, bearerTokens}
}
