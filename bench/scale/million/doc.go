// Package million measures a store with a million sessions: three masters of a Redis Cluster that two gateways share.
//
//   - million.go: the run and its parts in order; size.go: how large it is
//   - fill.go: how the sessions get there; load.go: signed-in requests, cold and warm
//   - operate.go: what an operator does with them: lists, ends, changes keys
//   - report.go: the figures
package million
