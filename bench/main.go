package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// options are the command line.
type options struct {
	binary   string
	redis    string
	sessions int
	rounds   int
	slice    time.Duration
	gogc     string
	pin      bool
	only     string
	profile  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = bench(ctx, o, os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.binary, "latchkey", "./latchkey", "the gateway, as made by `make build`")
	flags.StringVar(&o.redis, "redis", "redis-server", "the Redis server program; empty leaves the cases with Redis out")
	flags.IntVar(&o.sessions, "sessions", 1000, "sessions per case, used in turn")
	flags.IntVar(&o.rounds, "rounds", 12, "rounds; every case has one turn in each")
	flags.DurationVar(&o.slice, "slice", 1500*time.Millisecond, "length of one turn")
	flags.StringVar(&o.gogc, "gogc", "100", "GOGC of every gateway, plain Caddy included")
	flags.BoolVar(&o.pin, "pin", true, "gateways on the first core, everything else on the others")
	flags.StringVar(&o.only, "only", "", "measure only the case whose name contains this, and plain Caddy")
	flags.StringVar(&o.profile, "profile", "", "afterwards, write CPU profiles of every case into this directory")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.sessions < 1 || o.rounds < 1 || o.slice <= 0:
		return options{}, errors.New("-sessions, -rounds and -slice must be positive")
	}
	return o, nil
}
