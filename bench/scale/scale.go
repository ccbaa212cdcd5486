package scale

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/scale/manysites"
	"github.com/latchkey-gateway/latchkey/bench/scale/million"
	"github.com/latchkey-gateway/latchkey/bench/scale/monday"
	"github.com/latchkey-gateway/latchkey/bench/scale/streams"
)

// Options are what the runs can be told.
type Options struct {
	// Share is how much of its full size a run has: 1 is all of it.
	Share float64
}

// runs are all runs, by name. Each writes its figures to out as Markdown.
var runs = map[string]func(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error{
	"monday": func(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
		return monday.Run(ctx, r, monday.Sized(o.Share), out)
	},
	"redis": func(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
		return million.Run(ctx, r, million.Sized(o.Share), out)
	},
	"sites": func(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
		return manysites.Run(ctx, r, manysites.Sized(o.Share), out)
	},
	"streams": func(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
		return streams.Run(ctx, r, streams.Sized(o.Share), out)
	},
}

// Names are the names of all runs.
func Names() []string { return slices.Sorted(maps.Keys(runs)) }

// Check tells whether there is a run of the name, which has the options.
func Check(name string, o Options) error {
	switch {
	case runs[name] == nil:
		return fmt.Errorf("-scale %s: want one of %s", name, strings.Join(Names(), ", "))
	case o.Share <= 0 || o.Share > 1:
		return fmt.Errorf("-share %g: want more than 0 and at most 1", o.Share)
	}
	return nil
}

// Run does the run of a name.
func Run(ctx context.Context, r *rig.Rig, name string, o Options, out io.Writer) error {
	if err := Check(name, o); err != nil {
		return err
	}
	return runs[name](ctx, r, o, out)
}
