package rig

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the process with the test binary, should that be killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
