//go:build !linux

package main

import (
	"context"
	"errors"
	"time"
)

var errLinux = errors.New("the benchmark reads /proc and runs on Linux only")

type process struct{}

func start(context.Context, int, string, []string, string, ...string) (*process, error) {
	return nil, errLinux
}

func (*process) stop() error                 { return nil }
func (*process) cpu() (time.Duration, error) { return 0, errLinux }

func cpuOf(int) (time.Duration, error)   { return 0, errLinux }
func machineCPU() (time.Duration, error) { return 0, errLinux }
func split() (int, error)                { return -1, errLinux }
func machine() string                    { return "" }
