package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/peers"
	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/scale"
)

// options are the command line.
type options struct {
	rig.Options
	requests request.Options
	// rounds and slice are those of what takes turns in rounds beside requests.
	rounds      int
	slice       time.Duration
	signIns     int
	revocations int
	chart       string
	// pace, if it has sessions, is that of bound sessions that refresh; nothing else is measured.
	pace refresh.Pace
	// events, if not 0, are how many events about users are pushed; nothing else is measured.
	events int
	// guesses, if not 0, are how many wrong tokens are sent a second; nothing else is measured.
	guesses int
	// run, if not empty, is the run of package scale that is done; nothing else is measured.
	run   string
	scale scale.Options
	// compare has nothing measured but other gateways beside this one, as peers says.
	compare bool
	peers   peers.Options
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{requests: request.Options{People: [request.Sizes]int{request.Few: 1}, Garbage: 20_000}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.Binary, "latchkey", "./latchkey", "the gateway, as made by `make build`")
	flags.StringVar(&o.Baseline, "baseline", "", "the Caddy that everything is compared with, package bench/baseline; empty builds it")
	flags.StringVar(&o.Redis, "redis", "redis-server", "the Redis server program; empty leaves the cases with Redis out")
	flags.StringVar(&o.Beside, "beside", "", "another gateway, such as one made from an older commit: every case is measured with it as well")
	flags.IntVar(&o.requests.People[request.Some], "sessions", 1000, "sessions of a usual case, used in turn")
	flags.IntVar(&o.requests.People[request.Many], "many", 50_000, "sessions of a case with many")
	flags.IntVar(&o.signIns, "sign-ins", 1000, "people who sign in, in each case of that")
	flags.IntVar(&o.revocations, "revocations", 300, "sessions that one replica ends and another refuses")
	flags.IntVar(&o.requests.Lives, "lives", 6, "how often the gateways of requests are started: a process has luck for as long as it lives")
	flags.IntVar(&o.requests.Rounds, "turns", 12, "turns of requests that each case has in a life")
	flags.DurationVar(&o.requests.Slice, "turn", 250*time.Millisecond, "length of such a turn")
	flags.IntVar(&o.rounds, "rounds", 16, "rounds of what -peers and -guesses measure; every case has one turn in each, and in -peers they are shared out among -lives")
	flags.DurationVar(&o.slice, "slice", 2*time.Second, "length of one turn of -guesses")
	flags.StringVar(&o.GOGC, "gogc", "100", "GOGC of every gateway, plain Caddy included")
	flags.BoolVar(&o.Pin, "pin", true, "gateways on the first core, everything else on the others")
	connections := flags.String("connections", "32,2", "how many connections there are, in one measurement of requests after the other")
	only := flags.String("only", "", "measure only the cases whose names match this regular expression, and the baseline")
	flags.StringVar(&o.chart, "chart", "", "write the chart into this file, as SVG")
	flags.StringVar(&o.Profile, "profile", "", "afterwards, write profiles of every case, CPU and allocations, into this directory")
	flags.IntVar(&o.pace.Sessions, "refreshing", 0, "measure only so many bound sessions that refresh, and what they cost Redis")
	flags.DurationVar(&o.pace.Every, "every", 8*time.Minute, "how often each of -refreshing refreshes")
	flags.DurationVar(&o.pace.Lasting, "for", 2*time.Minute, "how long -refreshing lasts")
	flags.IntVar(&o.guesses, "guesses", 0, "measure only so many wrong tokens a second, and how they slow the requests of users")
	flags.IntVar(&o.events, "events", 0, "measure only so many pushed events, what they cost and how soon another replica acts")
	flags.StringVar(&o.run, "scale", "", "do only a run of this name: "+strings.Join(scale.Names(), ", "))
	flags.Float64Var(&o.scale.Share, "share", 1, "how much of its full size -scale has")
	flags.BoolVar(&o.compare, "peers", false, "measure only other gateways beside this one: oauth2-proxy, built from its Go module")
	flags.StringVar(&o.peers.OAuth2Proxy, "oauth2-proxy", "", "an oauth2-proxy to measure beside this gateway; `build` builds it from its Go module, as -peers does")
	flags.BoolVar(&o.peers.Requests, "peers-requests", true, "measure requests at them as well as sign-ins")
	flags.StringVar(&o.peers.CaddySecurity, "caddy-security", "", "a Caddy with caddy-security that -peers measures as well")
	quick := flags.Bool("quick", false, "a tenth of all that: whether it works, not what it costs")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if *quick {
		o.quicken()
	}
	var err error
	for field := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return options{}, fmt.Errorf("-connections: %q is no number of connections", field)
		}
		o.requests.Connections = append(o.requests.Connections, n)
	}
	if o.requests.Only, err = regexp.Compile(*only); err != nil {
		return options{}, fmt.Errorf("-only: %w", err)
	}
	if o.compare && o.peers.OAuth2Proxy == "" {
		o.peers.OAuth2Proxy = peers.Build
	}
	o.peers.Rounds, o.peers.Lives, o.peers.SignIns = o.rounds, o.requests.Lives, max(1, o.signIns/10)
	if o.run != "" {
		if err := scale.Check(o.run, o.scale); err != nil {
			return options{}, err
		}
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !o.positive():
		return options{}, errors.New("numbers, -slice, -every and -for must be positive")
	}
	o.peers.Sessions, o.peers.Slice = o.requests.People[request.Some], o.requests.Slice
	return o, nil
}

func (o *options) quicken() {
	for _, n := range []*int{&o.requests.People[request.Some], &o.requests.People[request.Many], &o.signIns, &o.revocations, &o.requests.Rounds, &o.rounds, &o.requests.Garbage} {
		*n = (*n + 9) / 10
	}
	o.requests.Lives = max(1, o.requests.Lives/3)
	o.slice /= 3
}

func (o *options) positive() bool {
	people := o.requests.People
	counts := min(people[request.Some], people[request.Many], o.signIns, o.revocations, o.requests.Lives, o.requests.Rounds, o.rounds)
	return counts > 0 && min(o.pace.Sessions, o.events, o.guesses) >= 0 && min(o.requests.Slice, o.slice, o.pace.Every, o.pace.Lasting) > 0
}
