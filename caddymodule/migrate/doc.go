// Package migrate makes a Caddyfile from the configuration of another program that signs users in.
//
// It lists the programs. Each has a room of its own below, which decides what each key of its configuration becomes: a word of
// the Caddyfile, or a note that says what takes its place, what behaves otherwise, or that it is unknown. A restriction without
// an equivalent closes the site; it is never left out. A secret is never printed: the Caddyfile has a placeholder for it, and a
// note says which value goes there. No room asks a provider, opens a file, or writes one: what a Caddyfile imports is given to it.
package migrate
