package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// buildFlags are those that the gateway is built with beside the usual ones.
var buildFlags []string

// The whole rig on a small scale: a real gateway, real sign-ins, every case with its store.
func TestBench(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "latchkey")
	args := append([]string{"build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-ldflags", "-w -s", "-o", binary}, buildFlags...)
	build := exec.Command("go", append(args, "../cmd/latchkey")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out, notes bytes.Buffer
	o := options{
		binary: binary, redis: "redis-server", people: [sizes]int{few: 1, some: 3, many: 7}, signIns: 2, revocations: 2,
		rounds: 3, garbage: 200, slice: 30 * time.Millisecond, gogc: "100", chart: filepath.Join(t.TempDir(), "chart.svg"),
	}
	if err := run(t.Context(), o, &out, &notes); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	for _, v := range slices.Concat(variants, signInVariants) {
		if !strings.Contains(out.String(), "| "+v.name+" |") {
			t.Errorf("no row for %q in\n%s", v.name, out.String())
		}
	}
	for _, part := range []string{
		"| plain Caddy | ", "**1.000** ± 0.000", "| no policy to 100 |", " pieces (7 of them", "bytes of Redis with an 800-byte refresh token", "### Memory that a request takes", "refused by another", "A refresh of a bound session takes", "| sign-in, file | 5 | ",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	o.refreshing, o.every, o.lasting = 5, time.Second, 1500*time.Millisecond
	out.Reset()
	if err := run(t.Context(), o, &out, &notes); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	if !strings.Contains(out.String(), "5 bound sessions, each refreshing every 1s") || !strings.Contains(out.String(), " 1.00 a refresh") {
		t.Errorf("of sessions that refresh: %s", out.String())
	}
	out.Reset()
	o.refreshing, o.events = 0, 6
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "6 events that end a session") || !strings.Contains(out.String(), "Another replica refuses the session") {
		t.Errorf("events: %s", out.String())
	}
	out.Reset()
	o.events, o.guesses = 0, 50
	if err := run(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "50 wrong tokens a second") || !strings.Contains(out.String(), "times as long") {
		t.Errorf("guesses: %s", out.String())
	}
	chart, err := os.ReadFile(o.chart)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(chart, new(struct{})); err != nil || bytes.Count(chart, []byte("<rect ")) != len(variants) {
		t.Errorf("the chart: %v\n%s", err, chart)
	}
}

// A figure is worth nothing if the answers were not the app's.
func TestLoadRefusesOtherAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refused":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"sent away":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"another page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Stay signed in?") },
	} {
		t.Run(name, func(t *testing.T) {
			address, server, err := serve(answer)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if _, err := (&client{address: address, requests: [][]byte{browserRequest(address, "a=b")}}).during(t.Context(), 2, time.Second); err == nil {
				t.Error("counted as if it were the page")
			}
		})
	}
}

func TestLoadUsesEverySession(t *testing.T) {
	seen := make(chan string, 1<<16)
	address, server, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Cookie")
		app().ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	requests := [][]byte{browserRequest(address, "id=1"), browserRequest(address, "id=2"), browserRequest(address, "id=3")}
	result, err := (&client{address: address, requests: requests}).during(t.Context(), 2, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	close(seen)
	count := map[string]int{}
	for cookie := range seen {
		count[cookie]++
	}
	if total := count["id=1"] + count["id=2"] + count["id=3"]; total != result.answered || count["id=1"]-count["id=3"] > 1 {
		t.Errorf("%d answers, sessions used %v", result.answered, count)
	}
}

func TestSignInEndsAtARedirectLoop(t *testing.T) {
	address, server, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := signInAll(t.Context(), address, 2, 2); err == nil {
		t.Error("a loop counts as signed in")
	}
}

func TestMedian(t *testing.T) {
	for _, row := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(row.values); got != row.want {
			t.Errorf("median(%v) = %v, want %v", row.values, got, row.want)
		}
	}
}

// Of a garbage collection in one round of ten a tenth belongs to every request.
func TestRatioCountsAllRequests(t *testing.T) {
	var rounds []round
	for i := range 10 {
		r := round{{cpu: 100, answered: 10}, {cpu: 100, answered: 10}, {cpu: 110, answered: 10}}
		if i == 0 {
			r[1].cpu = 200
		}
		rounds = append(rounds, r)
	}
	if e := cpuRatio(rounds, 1, 0); math.Abs(e.value-1.1) > 1e-9 || e.err < 0.05 || e.err > 0.2 {
		t.Errorf("got %+v, want 1.1 and an error that shows it was one round", e)
	}
	if e := cpuRatio(rounds, 2, 0); math.Abs(e.value-1.1) > 1e-9 || e.err > 1e-9 {
		t.Errorf("got %+v, want 1.1 without an error", e)
	}
}

// Every session has its turn, however many requests it makes in a row.
func TestOrderOfSessions(t *testing.T) {
	for _, burst := range []int{0, 1, 3} {
		c := &client{burst: burst, requests: [][]byte{{0}, {1}, {2}, {3}, {4}}}
		each := max(1, burst)
		var before byte
		count := map[byte]int{}
		for i := range 5 * each {
			got := c.request()[0]
			if i%each != 0 && got != before {
				t.Errorf("burst %d: request %d is another session's", burst, i)
			}
			count[got]++
			before = got
		}
		for session, n := range count {
			if n != each {
				t.Errorf("burst %d: session %d had %d requests", burst, session, n)
			}
		}
	}
}

// The choice of rounds looks at the rest of the machine only, never at the result.
func TestQuieterLooksAtForeignTimeOnly(t *testing.T) {
	at := func(cpu time.Duration, foreign ...float64) round {
		var r round
		for _, f := range foreign {
			r = append(r, turn{cpu: cpu, answered: 1, foreign: f})
		}
		return r
	}
	kept := quieter([]round{at(1, 0.9, 0.1), at(100, 0.2, 0.1), at(2, 0, 0.5)})
	if len(kept) != 2 || kept[0][0].cpu != 100 || kept[1][0].cpu != 2 {
		t.Errorf("kept %v", kept)
	}
}

func TestCPUClockMoves(t *testing.T) {
	p, err := start(t.Context(), -1, listening(t), nil, "sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.stop() }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		cpu, err := p.cpu()
		if err != nil {
			t.Fatal(err)
		}
		if cpu > 50*time.Millisecond {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a busy loop used %s", cpu)
		}
	}
}

func TestStartReportsWhatTheProgramSaid(t *testing.T) {
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, err = start(t.Context(), -1, address, nil, "sh", "-c", "echo no such word >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "no such word") {
		t.Errorf("error %v does not carry the program's words", err)
	}
}

func TestParse(t *testing.T) {
	if o, err := parse(nil, io.Discard); err != nil || o.people != [sizes]int{1, 1000, 50_000} || !o.pin {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	if o, err := parse([]string{"-quick", "-rounds", "25"}, io.Discard); err != nil || o.people != [sizes]int{1, 100, 5_000} || o.rounds != 3 {
		t.Errorf("quick: %+v, %v", o, err)
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
	for _, args := range [][]string{{"-sessions", "0"}, {"-rounds", "-1"}, {"-slice", "0s"}, {"-refreshing", "-1"}, {"-events", "-1"}, {"-guesses", "-1"}, {"-every", "0s"}, {"extra"}, {"-sesions", "1"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q accepted", args)
		}
	}
}

func TestInterruptedRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	address, server, err := serve(app())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := (&client{address: address, requests: [][]byte{browserRequest(address, "a=b")}}).during(ctx, 2, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func listening(t *testing.T) string {
	t.Helper()
	address, server, err := serve(app())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return address
}

// Each case of Latchkey is followed by its twin of the other gateway, and plain Caddy has none: that is what the ratios of
// a comparison are made of.
func TestBesideMeasuresTwins(t *testing.T) {
	for name, choose := range map[string]func(options) []variant{"requests": chosen, "sign-ins": chosenSignIns} {
		if slices.ContainsFunc(choose(options{redis: "x"}), func(v variant) bool { return v.beside }) {
			t.Errorf("%s: a twin without another gateway", name)
		}
		all := choose(options{redis: "x", beside: "y"})
		for i, v := range all {
			if !v.beside && v.plain == (i+1 < len(all) && all[i+1].beside) {
				t.Errorf("%s: %s has a twin: %t", name, v.name, !v.plain)
			}
			if twin := all[max(i-1, 0)]; v.beside && (twin.beside || v.name != twin.name+" (beside)" || v.people != twin.people || v.atOnce != twin.atOnce || v.recheck != twin.recheck) {
				t.Errorf("%s: %s follows %s", name, v.name, twin.name)
			}
		}
	}
}
