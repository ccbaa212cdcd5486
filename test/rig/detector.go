//go:build race

package rig

// detector tells that the test has the race detector.
const detector = true
