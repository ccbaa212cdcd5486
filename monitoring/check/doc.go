// Package check parses the files of monitoring with the parsers of those who read them: each query with Prometheus' parser,
// the dashboard with the types of Grafana's SDK, which know each field of a dashboard. It is a module of its own, so that the
// gateway does not depend on them. `make monitoring` runs it.
package check
