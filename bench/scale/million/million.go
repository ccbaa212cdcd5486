package million

import (
	"context"
	"io"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// masters is the number of nodes of the cluster.
const masters = 3

// result is all that a run found out.
type result struct {
	Size
	filled   filled
	gateways []*started
	loaded   *loaded
	listed   latencies
	user     ended
	changed  changed
	all      ended
}

// Run fills a cluster, has two gateways use it, and writes the figures to out. What ends sessions comes last.
func Run(ctx context.Context, r *rig.Rig, s Size, out io.Writer) error {
	c, err := r.StartCluster(ctx, masters)
	if err != nil {
		return err
	}
	r.Note("%d sessions of %d users are written", s.Sessions, s.Users)
	all, ofOne, f, err := fill(ctx, r, c, s)
	if err != nil {
		return err
	}
	x := &result{Size: s, filled: f}
	if err := x.serve(ctx, r, c, all); err != nil {
		return err
	}
	if err := x.operate(ctx, r, c, all, ofOne); err != nil {
		return err
	}
	return x.write(out)
}

// serve starts the gateways and loads them.
func (x *result) serve(ctx context.Context, r *rig.Rig, c *rig.Cluster, all []rig.Person) error {
	for i := range 2 {
		r.Note("gateway %d starts", i+1)
		g, err := start(ctx, r, c, all[i*x.Cold/2:(i+1)*x.Cold/2])
		if err != nil {
			return err
		}
		x.gateways = append(x.gateways, g)
	}
	var err error
	x.loaded, err = load(ctx, r, c, x.gateways, drawn(all, x.Drawn), x.Size)
	return err
}

// operate does what an operator does.
func (x *result) operate(ctx context.Context, r *rig.Rig, c *rig.Cluster, all, ofOne []rig.Person) (err error) {
	here, there := x.gateways[0], x.gateways[1].Gateway
	r.Note("the list of sessions is read")
	if x.listed, err = listed(ctx, here.Gateway, x.Pages); err != nil {
		return err
	}
	r.Note("a key is put in front of the other")
	if x.changed, err = changeKeys(ctx, r, here, all[x.Cold:2*x.Cold]); err != nil {
		return err
	}
	r.Note("sessions are ended")
	if x.user, err = endUser(ctx, c, here.Gateway, there, ofOne[0], len(ofOne)); err != nil {
		return err
	}
	x.all, err = endAll(ctx, c, here.Gateway, there, all[0])
	return err
}
