//go:build race

package main

// The gateway has the race detector too, as all tests have: without it all of Caddy would be compiled a second time.
func init() { buildFlags = []string{"-race"} }
