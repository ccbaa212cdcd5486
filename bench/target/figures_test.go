package target

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

func TestFiguresPrintEveryPromise(t *testing.T) {
	var out bytes.Buffer
	p := &rig.Printer{W: &out}
	Figures{
		SignedIn: {Value: 1.08, Err: 0.02}, Strict: {Value: 1.5, Err: 0.1}, AsItComes: {Value: 1.04, Err: 0.01}, P99: {Value: 1.0, Err: math.Inf(1)},
		Commands: {Value: 12}, Kept: {Value: 2300},
	}.Write(p)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	for _, line := range []string{
		"= 1 | 1.07 | 1.04 | **1.08** ± 0.020 | not shown |\n",
		"= 1 | 1.25 | 1.15 | **1.50** ± 0.100 | not kept |\n",
		"= 1 | 1.05 | 1.03 | **1.04** ± 0.010 | kept |\n",
		"= 1 | 1.15 | 1.08 | **1.00**, of one life | not shown |\n",
		"included | 14.0 | 10.0 | **12.0** | kept |\n",
		"token | 2200 bytes | 1800 bytes | **2300 bytes** | not kept |\n",
		"once | 1.00 | 0.80 | `go run ./bench -peers` |  |\n",
		"for a sign-in | 4.0 | 3.0 | not in this run |  |\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
	for _, target := range All {
		if !strings.Contains(out.String(), "| "+target.What+" |") {
			t.Errorf("no row for %q", target.What)
		}
		if target.Stretch >= target.Owed {
			t.Errorf("%s: the stretch is no better than what is owed", target.What)
		}
	}
}
