//go:build !linux

package tryout

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
