//go:build !linux

package rig

import "os/exec"

// dieWithParent has no means here: a test binary that is killed leaves its processes behind.
func dieWithParent(*exec.Cmd) {}
