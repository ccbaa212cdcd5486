// Package app manages the life of a configuration: the app `latchkey`, the handler `http.handlers.latchkey`, what is
// shared over reloads, status, metrics of the current state, and events.
//
// It opens the store and the keys, creates the sign-in service and gives both to the sites. Package site handles
// requests; package config defines the configuration.
//
// The files:
//
//   - app.go is the app, handler.go the handler, lifecycle.go opens and closes what they need: sessions.go,
//     keyring.go, signinlog.go, signinhost.go, device_names.go;
//   - current.go finds the configuration that serves, parts.go is what the admin API gets of it, status.go and
//     metrics.go say how it is, events.go tells Caddy;
//   - candidate.go is a configuration that never serves; lint.go, findings.go, candidate_lint.go and reminder.go
//     warn, explain.go registers sites for explanations, signal_preview.go adds what was reported about a user.
package app
