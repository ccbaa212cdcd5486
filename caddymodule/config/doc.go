// Package config defines Latchkey's JSON configuration: its types with the documentation for operators, its checks, and
// its conversion to the types of the packages policy (decisions), session (storage) and session/signin (sign-in).
//
// It replaces placeholders and reads the files that a configuration names. It opens no store, starts nothing and keeps
// no state. It knows nothing of the Caddyfile: package caddyfile fills in these types.
package config
