package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/latchkey-gateway/latchkey/bench/events"
	"github.com/latchkey-gateway/latchkey/bench/guess"
	"github.com/latchkey-gateway/latchkey/bench/peers"
	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/scale"
	"github.com/latchkey-gateway/latchkey/bench/scale/monday"
	"github.com/latchkey-gateway/latchkey/bench/scale/streams"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if address := os.Getenv(streams.AppAddress); address != "" {
		fmt.Fprintln(os.Stderr, "bench:", streams.ServeApp(address))
		return
	}
	if address := os.Getenv(monday.Outside); address != "" {
		fmt.Fprintln(os.Stderr, "bench:", monday.ServeOutside(address))
		return
	}
	if guess.Floods() || guess.Refuses() {
		return
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run measures what the options say.
func run(ctx context.Context, o options, out, notes io.Writer) (err error) {
	r, err := rig.Open(o.Options, notes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	switch {
	case o.pace.Sessions > 0:
		return refresh.Steady(ctx, r, o.pace, out)
	case o.guesses > 0:
		return guess.Run(ctx, r, guess.Options{
			Guesses: o.guesses, Sessions: o.requests.People[request.Some], Rounds: o.rounds, Slice: o.slice, Only: o.requests.Only,
		}, out)
	case o.events > 0:
		return events.Run(ctx, r, o.events, o.revocations, out)
	case o.run != "":
		return scale.Run(ctx, r, o.run, o.scale, out)
	case o.compare:
		return compare(ctx, r, o.peers, out)
	}
	return bench(ctx, r, o, out)
}

// compare measures other gateways beside this one, and nothing else.
func compare(ctx context.Context, r *rig.Rig, o peers.Options, out io.Writer) error {
	result, err := peers.Run(ctx, r, o)
	if err != nil {
		return err
	}
	p := &rig.Printer{W: out}
	result.Write(p)
	return p.Err
}
