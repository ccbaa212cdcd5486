package monitoring

// LogField is a field of a line of the log, as Caddy writes it in JSON.
type LogField struct {
	// Name is its name, with a dot before each name inside an object. A list of objects counts as one object.
	Name string
	// To is its name in Elasticsearch: that of the Elastic Common Schema where there is one, else below latchkey. Empty: it is
	// not indexed.
	To string
	// Type is its type there.
	Type string
}

// LogStream is a kind of lines. The kinds have fields with the same name and different types, so each has an index of its own.
type LogStream struct {
	// Name is the data set.
	Name string
	// Loggers is a regular expression for the loggers of these lines.
	Loggers string
	About   string
	Fields  []LogField
}

// The types of Elasticsearch.
const (
	keyword = "keyword"
	long    = "long"
	double  = "double"
	boolean = "boolean"
	date    = "date"
	ip      = "ip"
	text    = "match_only_text"
	nested  = "nested"
)

// common are the fields of each line.
func common() []LogField {
	return []LogField{
		{"ts", "@timestamp", date}, {"level", "log.level", keyword}, {"logger", "log.logger", keyword}, {"msg", "message", text},
	}
}

// LogStreams are the kinds of lines that the gateway writes.
func LogStreams() []LogStream { return []LogStream{signInStream(), accessStream(), gatewayStream()} }

func signInStream() LogStream {
	return LogStream{
		Name: "latchkey.signin", Loggers: `latchkey\.sign_in`, About: "the [sign-in log](sign-in-log.md)",
		Fields: append(common(), []LogField{
			{"id", "event.id", keyword},
			{"createdDateTime", "event.start", date},
			{"correlationId", "latchkey.correlation_id", keyword},
			{"sessionId", "latchkey.session", keyword},
			{"userId", "user.id", keyword},
			{"userType", "latchkey.user_type", keyword},
			{"userPrincipalName", "user.name", keyword},
			{"appDisplayName", "latchkey.app", keyword},
			{"provider", "latchkey.provider", keyword},
			{"ipAddress", "source.ip", ip},
			{"userAgent", "user_agent.original", keyword},
			{"clientAppUsed", "latchkey.client_app", keyword},
			{"deviceDetail.operatingSystem", "user_agent.os.full", keyword},
			{"deviceDetail.browser", "user_agent.name", keyword},
			{"deviceDetail.isCompliant", "latchkey.device.compliant", boolean},
			{"deviceDetail.isManaged", "latchkey.device.managed", boolean},
			{"tokenId", "latchkey.token", keyword},
			{"clientId", "latchkey.client", keyword},
			{"boundTo", "latchkey.bound_to", keyword},
			{"riskLevelDuringSignIn", "latchkey.risk.sign_in", keyword},
			{"riskLevelAggregated", "latchkey.risk.user", keyword},
			{"isInteractive", "latchkey.interactive", boolean},
			{"signInEventTypes", "latchkey.event_types", keyword},
			{"conditionalAccessStatus", "latchkey.policy_status", keyword},
			{"appliedConditionalAccessPolicies", "latchkey.policies", nested},
			{"appliedConditionalAccessPolicies.displayName", "latchkey.policies.displayName", keyword},
			{"appliedConditionalAccessPolicies.result", "latchkey.policies.result", keyword},
			{"appliedConditionalAccessPolicies.enforcedGrantControls", "latchkey.policies.enforcedGrantControls", keyword},
			{"appliedConditionalAccessPolicies.enforcedSessionControls", "latchkey.policies.enforcedSessionControls", keyword},
			{"sessionLifetimePolicies", "latchkey.lifetime_policies", nested},
			{"sessionLifetimePolicies.expirationRequirement", "latchkey.lifetime_policies.expirationRequirement", keyword},
			{"signInStatus", "latchkey.status", keyword},
			{"repeatCount", "latchkey.repeats", long},
			{"initiatedBy.activityDisplayName", "event.action", keyword},
			{"initiatedBy.targetResource", "latchkey.admin.target", keyword},
			{"initiatedBy.user.displayName", "latchkey.admin.name", keyword},
			{"promptReason", "latchkey.prompt_reason", keyword},
			{"status.errorCode", "event.code", keyword},
			{"status.failureReason", "event.reason", keyword},
			{"status.additionalDetails", "latchkey.detail", keyword},
		}...),
	}
}

func accessStream() LogStream {
	return LogStream{
		Name: "latchkey.access", Loggers: `http\.log\.access.*`, About: "Caddy's access log, with what Latchkey adds",
		Fields: append(common(), []LogField{
			{"request.remote_ip", "client.ip", ip},
			{"request.remote_port", "client.port", long},
			{"request.client_ip", "source.ip", ip},
			{"request.proto", "http.version", keyword},
			{"request.method", "http.request.method", keyword},
			{"request.host", "url.domain", keyword},
			{"request.uri", "url.original", keyword},
			{"request.headers", "", ""},
			{"request.tls", "", ""},
			{"resp_headers", "", ""},
			{"bytes_read", "http.request.body.bytes", long},
			{"size", "http.response.body.bytes", long},
			{"status", "http.response.status_code", long},
			{"duration", "latchkey.duration", double},
			{"user_id", "user.name", keyword},
			{"uuid", "http.request.id", keyword},
			{"traceID", "trace.id", keyword},
			{"spanID", "span.id", keyword},
			{"latchkey_decision", "latchkey.decision", keyword},
			{"latchkey_reason", "latchkey.reason", keyword},
			{"latchkey_session", "latchkey.session", keyword},
			{"latchkey_token", "latchkey.token", keyword},
			{"latchkey_client", "latchkey.client", keyword},
			{"latchkey_would_block", "latchkey.would_block", keyword},
			{"latchkey_would_step_up", "latchkey.would_step_up", keyword},
		}...),
	}
}

// gatewayStream has a name twice as two types in the code where it is a keyword here: Elasticsearch takes numbers as one.
func gatewayStream() LogStream {
	return LogStream{
		Name: "latchkey.gateway", Loggers: `latchkey(\.sign_in_log)?`, About: "what the gateway says of itself",
		Fields: append(common(), []LogField{
			{"error", "error.message", text},
			{"address", "latchkey.log.address", keyword},
			{"advice", "latchkey.log.advice", keyword},
			{"age", "latchkey.log.age", double},
			{"algorithm", "latchkey.log.algorithm", keyword},
			{"app", "latchkey.app", keyword},
			{"before", "latchkey.log.before", date},
			{"bytes", "latchkey.log.bytes", long},
			{"claim_of", "latchkey.log.claim_of", keyword},
			{"correlation_id", "latchkey.correlation_id", keyword},
			{"dropped", "latchkey.log.dropped", keyword},
			{"encoding", "latchkey.log.encoding", keyword},
			{"ended", "latchkey.log.ended", keyword},
			{"endpoint", "latchkey.log.endpoint", keyword},
			{"err", "latchkey.log.err", keyword},
			{"event", "latchkey.log.event", keyword},
			{"everywhere", "latchkey.log.everywhere", boolean},
			{"exchange", "latchkey.log.exchange", keyword},
			{"expires", "latchkey.log.expires", date},
			{"failures", "latchkey.log.failures", long},
			{"forced", "latchkey.log.forced", boolean},
			{"from", "latchkey.log.from", keyword},
			{"header", "latchkey.log.header", keyword},
			{"ip", "source.ip", ip},
			{"kept_bytes", "latchkey.log.kept_bytes", long},
			{"key", "latchkey.log.key", keyword},
			{"keys", "latchkey.log.keys", long},
			{"kind", "latchkey.log.kind", keyword},
			{"later", "latchkey.log.later", boolean},
			{"limit", "latchkey.log.limit", long},
			{"lost", "latchkey.log.lost", long},
			{"max_sessions", "latchkey.log.max_sessions", long},
			{"newest", "latchkey.log.newest", keyword},
			{"option", "latchkey.log.option", keyword},
			{"others", "latchkey.log.others", long},
			{"person", "latchkey.log.person", boolean},
			{"policy", "latchkey.log.policy", keyword},
			{"position", "latchkey.log.position", keyword},
			{"problem", "latchkey.log.problem", keyword},
			{"provider", "latchkey.provider", keyword},
			{"provider_says", "latchkey.log.provider_says", keyword},
			{"reason", "event.reason", keyword},
			{"says", "latchkey.log.says", keyword},
			{"seals", "latchkey.log.seals", date},
			{"session", "latchkey.session", keyword},
			{"sessions", "latchkey.log.sessions", long},
			{"sign_out", "latchkey.log.sign_out", double},
			{"signals", "latchkey.log.signals", keyword},
			{"silent_since", "latchkey.log.silent_since", date},
			{"since", "latchkey.log.since", date},
			{"source", "latchkey.log.source", keyword},
			{"status", "latchkey.log.status", keyword},
			{"step", "latchkey.log.step", keyword},
			{"stored", "latchkey.log.stored", long},
			{"times", "latchkey.log.times", long},
			{"token", "latchkey.token", keyword},
			{"tokens", "latchkey.log.tokens", long},
			{"too_large", "latchkey.log.too_large", keyword},
			{"user", "user.name", keyword},
			{"user_issuer", "latchkey.user_issuer", keyword},
			{"user_subject", "user.id", keyword},
			{"wait", "latchkey.log.wait", double},
			{"warning", "latchkey.log.warning", keyword},
			{"word", "latchkey.log.word", keyword},
		}...),
	}
}
