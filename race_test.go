//go:build race

package latchkey_test

// What these tests build has the race detector too, as all tests have: without it all of Caddy would be compiled a second
// time.
func init() { raceFlag = []string{"-race"} }
