// Package monitoring makes what operators watch the gateway with: a dashboard for Grafana, recording and alerting rules
// for Prometheus with their tests, and the field mappings of the logs. It writes them into the folders beside it; a test
// holds that they are current, that they use only metrics, labels and fields which the gateway has, and that none is left
// out without a reason.
//
//	go test ./monitoring -update
//
// writes them again. The module in monitoring/check parses each query and each file with the parsers of Prometheus and
// Grafana; it has a go.mod of its own, so that the gateway does not depend on these.
//
// The files:
//
//   - metrics.go lists the metrics;
//   - dashboard.go has the panels, grafana.go is their form;
//   - rules.go has the recording rules, alerts.go and alerts_more.go the alerts, prometheus.go is their form, ruletests.go makes
//     tests for promtool;
//   - logs.go has the fields of the logs, elastic.go what Elasticsearch needs, ship.go what sends them there and to Loki;
//   - files.go names all files.
//
// It is no part of the gateway.
package monitoring
