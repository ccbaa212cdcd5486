package main

import "syscall"

// endWithParent ends the provider with this command, should that be killed.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
