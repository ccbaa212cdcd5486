package tryout

import "syscall"

// endWithParent ends the program with this command, should that be killed.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
