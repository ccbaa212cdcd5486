package peers

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Each case stands beside oauth2-proxy with as many users at a time, and the file beside Redis by the clock on the wall.
func TestReportOfSignIns(t *testing.T) {
	c := &Result{options: Options{SignIns: 8, Rounds: 2, Lives: 2}, requests: []*rig.Gateway{named(latchkeyRedis), named(plainCaddy), named(besideRedis)}}
	c.signIns = []*signIns{
		{Gateway: named(besideRedis), redis: &rig.Redis{}, atOnce: 32, requests: 3, commands: 2},
		{Gateway: named(latchkeyRedis), redis: &rig.Redis{}, atOnce: 32, requests: 5, commands: 14},
		{Gateway: named(besideRedis + alone), redis: &rig.Redis{}, atOnce: 1, commands: 2, trips: 2},
		{Gateway: named(latchkeyRedis + alone), redis: &rig.Redis{}, atOnce: 1, commands: 14, trips: 4},
		{Gateway: named(latchkeyFile + alone), atOnce: 1},
	}
	cost := []time.Duration{10, 15, 20, 18, 40}
	for range 2 {
		var life lives.Life
		for _, i := range []int{0, 1, 2, 3, 0, 4, 0} {
			ms := cost[i] * time.Millisecond
			life.Add(i, rig.Turn{Answered: 10, CPU: ms, Elapsed: 2 * ms})
		}
		life.End()
		c.signInLives = append(c.signInLives, &life)
	}
	var out bytes.Buffer
	for range 2 {
		var life lives.Life
		for _, i := range []int{0, 1, 2, 0} {
			life.Add(i, rig.Turn{Answered: 10, CPU: []time.Duration{11, 10, 22}[i] * time.Millisecond})
		}
		life.End()
		c.requestLives = append(c.requestLives, &life)
	}
	p := &rig.Printer{W: &out}
	if c.Write(p); p.Err != nil {
		t.Fatal(p.Err)
	}
	for _, line := range []string{
		"| Latchkey, Redis | 5 | 32 | 1.50 | **1.500** ± 0.000 | 3.00 | 14.0 |  |\n",
		"| Latchkey, Redis, one at a time | 0 | 1 | 1.80 | **0.900** ± 0.000 | 3.60 | 14.0 | 4.0 |\n",
		"| Latchkey, file, one at a time | 0 | 1 | 4.00 | **2.000** ± 0.000 | 8.00 |  |  |\n",
		"with the file: 2.22 ± 0.00 times",
		"| Latchkey, Redis | 1100 | **1.100** ± 0.000 | 0.500 ± 0.000 | 0.0 |\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
}

func named(name string) *rig.Gateway { return &rig.Gateway{Setup: rig.Setup{Name: name}} }

func TestVersionIn(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1"}, Deps: []*debug.Module{{Path: caddySecurityModule, Version: "v2"}}}
	for path, want := range map[string]string{"": "v1", caddySecurityModule: "v2", "github.com/another": ""} {
		if got := versionIn(info, path); got != want {
			t.Errorf("the version of %q is %q, want %q", path, got, want)
		}
	}
}
