// Package authelia reads the configuration of Authelia for a migration. Authelia stays, as the provider at which users sign in.
//
// The files: authelia.go reads what concerns Latchkey, rules.go its access_control.
package authelia
