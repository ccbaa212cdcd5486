//go:build !race

package rig

// detector tells that the test does not have the race detector.
const detector = false
