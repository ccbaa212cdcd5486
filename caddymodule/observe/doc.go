// Package observe measures the requests of the gateway to its store and to its providers, and adds them to the trace of
// the request that caused them, if it has one. It also adds the decision on a request to its trace.
//
//   - store.go: requests to the store.
//   - capabilities.go: the optional parts of a store.
//   - outbound.go: requests to providers and transmitters, and how far a provider's clock is off.
//   - decision.go: decisions.
//   - span.go: spans, and when there is one.
//   - metrics.go: the metrics.
//
// It changes no answer. A span and a metric contain words of Latchkey, names of the configuration, host names of
// providers and status codes. They never contain a user, a session, a path, a query, a header or the text of an error.
// No header of a request tells a provider the id of a trace.
package observe
