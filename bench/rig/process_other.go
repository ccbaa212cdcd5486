//go:build !linux

package rig

import (
	"context"
	"errors"
	"time"
)

var errLinux = errors.New("the benchmark reads /proc and runs on Linux only")

type Process struct{}

func Start(context.Context, int, string, []string, string, ...string) (*Process, error) {
	return nil, errLinux
}

func (*Process) Stop() error                 { return nil }
func (*Process) CPU() (time.Duration, error) { return 0, errLinux }

func (*Process) RSS() (int64, error) { return 0, errLinux }

func CPUOf(int) (time.Duration, error)   { return 0, errLinux }
func MachineCPU() (time.Duration, error) { return 0, errLinux }
func Split() (int, error)                { return -1, errLinux }
func Machine() string                    { return "" }
func GiveWay() error                     { return errLinux }
