// Package config is what the JSON of Latchkey says: its types, with the documentation that operators read, what is refused in
// them, and what they are to the packages that decide (policy), remember (session) and sign users in (session/signin).
//
// It fills in placeholders and reads the files that a configuration names. It opens no store, starts nothing and keeps
// nothing. It knows no Caddyfile: package caddyfile writes these types.
package config
