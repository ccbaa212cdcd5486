package rig

import (
	"fmt"
	"io"
	"time"
)

// A Printer keeps the first error, so that a report is written without a check per line.
type Printer struct {
	W   io.Writer
	Err error
}

// Printf writes, unless that has failed before.
func (p *Printer) Printf(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.W, format, args...)
	}
}

// Milliseconds is a time as a number, to print it.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
