package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/guess"
	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/scale/monday"
	"github.com/latchkey-gateway/latchkey/bench/signin"
)

// buildFlags are those that the gateway is built with beside the usual ones.
var buildFlags []string

// The program starts itself as a crowd, and as all who sign in.
func TestMain(m *testing.M) {
	if guess.Floods() || guess.Refuses() {
		return
	}
	if address := os.Getenv(monday.Outside); address != "" {
		fmt.Fprintln(os.Stderr, monday.ServeOutside(address))
		return
	}
	os.Exit(m.Run())
}

// The whole rig on a small scale: a real gateway, real sign-ins, every case with its store.
func TestBench(t *testing.T) {
	binary, baseline := built(t, "../cmd/latchkey"), built(t, "./baseline")
	var out, notes bytes.Buffer
	o := options{
		Options: rig.Options{Binary: binary, Baseline: baseline, Redis: "redis-server", GOGC: "100"},
		requests: request.Options{
			People: [request.Sizes]int{request.Few: 1, request.Some: 3, request.Many: 7},
			Only:   regexp.MustCompile(""), Connections: []int{32, 2}, Lives: 2, Rounds: 1, Garbage: 200, Slice: 30 * time.Millisecond,
		},
		rounds: 3, slice: 30 * time.Millisecond, signIns: 2, revocations: 2, chart: filepath.Join(t.TempDir(), "chart.svg"),
	}
	if err := run(t.Context(), o, &out, &notes); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	for _, v := range slices.Concat(request.Names(), signin.Names()) {
		if !strings.Contains(out.String(), "| "+v+" |") {
			t.Errorf("no row for %q in\n%s", v, out.String())
		}
	}
	for _, part := range []string{
		"| plain Caddy | ", "**1.000** ± 0.000", "| no policy to 100 |", " pieces (7 of them", "bytes of Redis with an 800-byte refresh token", "### Memory that a request takes",
		"| CPU of a signed-in request, three headers, plain Caddy = 1 | 1.07 | 1.04 | **", "refused by another", "A refresh of a bound session takes", "| sign-in, file | 5 | ",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	o.pace = refresh.Pace{Sessions: 5, Every: time.Second, Lasting: 1500 * time.Millisecond}
	out.Reset()
	if err := run(t.Context(), o, &out, &notes); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	if !strings.Contains(out.String(), "5 bound sessions, each refreshing every 1s") || !strings.Contains(out.String(), ", 1.00 a refresh") {
		t.Errorf("of sessions that refresh: %s", out.String())
	}
	out.Reset()
	o.pace.Sessions, o.events = 0, 6
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "6 events that end a session") || !strings.Contains(out.String(), "Another replica refuses the session") {
		t.Errorf("events: %s", out.String())
	}
	out.Reset()
	o.events, o.guesses = 0, 200
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"beside them 200 a second", "| nothing, once more |", "| requests that a program on the same core answers 401 without reading them |", "| requests of other users |", "401: ", "times as long"} {
		if !strings.Contains(out.String(), part) || strings.Contains(out.String(), "an answer has the status") {
			t.Errorf("guesses: no %q in %s", part, out.String())
		}
	}
	out.Reset()
	o.guesses, o.run, o.scale.Share = 0, "redis", 0.0005
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "500 sessions of 100 users") || !strings.Contains(out.String(), "| counting the 510 sessions that need the older key |") {
		t.Errorf("many sessions: %s", out.String())
	}
	out.Reset()
	o.run, o.scale.Share = "sites", 0.02
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "20 sites with 2 policies") || !strings.Contains(out.String(), "| memory, first load |") {
		t.Errorf("many sites: %s", out.String())
	}
	out.Reset()
	o.run, o.scale.Share = "monday", 0.001
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	// Those who sign in give way to everything else: on a busy machine one may come too late.
	if !regexp.MustCompile(`\| 20; (1\d|20); 0; \d \|`).MatchString(out.String()) || !strings.Contains(out.String(), "| the same to the app itself | ") {
		t.Errorf("many sign-ins: %s", out.String())
	}
	chart, err := os.ReadFile(o.chart)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(chart, new(struct{})); err != nil || bytes.Count(chart, []byte("<rect ")) != len(request.Names()) {
		t.Errorf("the chart: %v\n%s", err, chart)
	}
}

// built builds a program.
func built(t *testing.T, path string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-ldflags", "-w -s", "-o", program}, buildFlags...)
	if out, err := exec.Command("go", append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestParse(t *testing.T) {
	if o, err := parse(nil, io.Discard); err != nil || o.requests.People != [request.Sizes]int{1, 1000, 50_000} || !o.Pin {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	if o, err := parse([]string{"-quick", "-rounds", "25", "-lives", "7"}, io.Discard); err != nil || o.requests.People != [request.Sizes]int{1, 100, 5_000} || o.rounds != 3 || o.requests.Lives != 2 {
		t.Errorf("quick: %+v, %v", o, err)
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
	for _, args := range [][]string{{"-sessions", "0"}, {"-rounds", "-1"}, {"-lives", "0"}, {"-turns", "0"}, {"-turn", "0s"}, {"-slice", "0s"}, {"-refreshing", "-1"}, {"-events", "-1"}, {"-guesses", "-1"}, {"-every", "0s"}, {"-scale", "unknown"}, {"-scale", "redis", "-share", "2"}, {"extra"}, {"-sesions", "1"}, {"-only", "("}, {"-connections", "32,"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q accepted", args)
		}
	}
}
