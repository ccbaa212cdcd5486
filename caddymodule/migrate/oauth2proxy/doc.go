// Package oauth2proxy reads the configuration of oauth2-proxy for a migration: its TOML, its structured configuration in YAML,
// or both.
//
// It decides what each of its keys becomes. It does not see flags and environment variables.
//
// The files:
//
//   - oauth2proxy.go reads the TOML and the addresses; provider.go, people.go (and open paths), app.go and session.go are its
//     parts; keys.go has the keys that only need a note;
//   - alpha.go reads the structured configuration, alpha_upstreams.go its apps, alpha_headers.go what they are told;
//     alpha_keys.go has the keys that say the same in both.
package oauth2proxy
