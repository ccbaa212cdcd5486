package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// options are the command line.
type options struct {
	binary string
	redis  string
	// beside is another gateway that the same cases measure; empty is none.
	beside string
	// people are how many sessions the sizes stand for.
	people      [sizes]int
	signIns     int
	revocations int
	rounds      int
	// garbage are the requests whose memory is counted.
	garbage int
	slice   time.Duration
	gogc    string
	pin     bool
	only    string
	chart   string
	profile string
	// refreshing, if not 0, are how many bound sessions refresh, each so often, for the time lasting; nothing else is measured.
	refreshing     int
	every, lasting time.Duration
	// events, if not 0, are how many events about users are pushed; nothing else is measured.
	events int
	// guesses, if not 0, are how many wrong tokens are sent a second; nothing else is measured.
	guesses int
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{people: [sizes]int{few: 1}, garbage: 20_000}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.binary, "latchkey", "./latchkey", "the gateway, as made by `make build`")
	flags.StringVar(&o.redis, "redis", "redis-server", "the Redis server program; empty leaves the cases with Redis out")
	flags.StringVar(&o.beside, "beside", "", "another gateway, such as one made from an older commit: every case is measured with it as well")
	flags.IntVar(&o.people[some], "sessions", 1000, "sessions of a usual case, used in turn")
	flags.IntVar(&o.people[many], "many", 50_000, "sessions of a case with many")
	flags.IntVar(&o.signIns, "sign-ins", 1000, "people who sign in, in each case of that")
	flags.IntVar(&o.revocations, "revocations", 300, "sessions that one replica ends and another refuses")
	flags.IntVar(&o.rounds, "rounds", 20, "rounds; every case has one turn in each")
	flags.DurationVar(&o.slice, "slice", 1500*time.Millisecond, "length of one turn")
	flags.StringVar(&o.gogc, "gogc", "100", "GOGC of every gateway, plain Caddy included")
	flags.BoolVar(&o.pin, "pin", true, "gateways on the first core, everything else on the others")
	flags.StringVar(&o.only, "only", "", "measure only the cases whose names contain this, and plain Caddy")
	flags.StringVar(&o.chart, "chart", "", "write the chart into this file, as SVG")
	flags.StringVar(&o.profile, "profile", "", "afterwards, write profiles of every case, CPU and allocations, into this directory")
	flags.IntVar(&o.refreshing, "refreshing", 0, "measure only so many bound sessions that refresh, and what they cost Redis")
	flags.DurationVar(&o.every, "every", 8*time.Minute, "how often each of -refreshing refreshes")
	flags.DurationVar(&o.lasting, "for", 2*time.Minute, "how long -refreshing lasts")
	flags.IntVar(&o.guesses, "guesses", 0, "measure only so many wrong tokens a second, and how they slow the requests of users")
	flags.IntVar(&o.events, "events", 0, "measure only so many pushed events, what they cost and how soon another replica acts")
	quick := flags.Bool("quick", false, "a tenth of all that: whether it works, not what it costs")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if *quick {
		o.quicken()
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.people[some] < 1 || o.people[many] < 1 || o.signIns < 1 || o.revocations < 1 || o.rounds < 1 || o.slice <= 0 || o.refreshing < 0 || o.events < 0 || o.guesses < 0 || o.every <= 0 || o.lasting <= 0:
		return options{}, errors.New("numbers, -slice, -every and -for must be positive")
	}
	return o, nil
}

func (o *options) quicken() {
	for _, n := range []*int{&o.people[some], &o.people[many], &o.signIns, &o.revocations, &o.rounds, &o.garbage} {
		*n = (*n + 9) / 10
	}
	o.slice /= 3
}
