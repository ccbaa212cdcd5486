package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
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
func run(ctx context.Context, o options, out, notes io.Writer) error {
	switch {
	case o.refreshing > 0:
		return steady(ctx, o, out, notes)
	case o.guesses > 0:
		return guesses(ctx, o, out, notes)
	case o.events > 0:
		return events(ctx, o, out, notes)
	}
	return bench(ctx, o, out, notes)
}
