package main

import (
	"io"
	"maps"

	"github.com/latchkey-gateway/latchkey/bench/peers"
	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/signin"
	"github.com/latchkey-gateway/latchkey/bench/signout"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// report is everything that a run found out. What failed is nil.
type report struct {
	options  options
	caddy    string
	pinned   bool
	requests *request.Result
	signIns  *signin.Result
	// refreshes and revocation need a Redis.
	refreshes  *refresh.Cost
	revocation *signout.Latency
	// peers is nil where no other gateway was measured.
	peers *peers.Result
}

// figures are what was measured of the promises.
func (r *report) figures() target.Figures {
	f := r.requests.Figures()
	if r.signIns != nil {
		maps.Copy(f, r.signIns.Figures())
		if log := r.signIns.Log(); log > 0 && len(r.requests.InRedis) > 0 {
			f[target.Kept] = rig.Estimate{Value: r.requests.InRedis[0] + log}
		}
	}
	if r.peers != nil {
		maps.Copy(f, r.peers.Figures())
	}
	return f
}

// write prints the report as Markdown.
func (r *report) write(w io.Writer) error {
	p := &rig.Printer{W: w}
	r.figures().Write(p)
	r.requests.Write(p)
	if r.options.Beside != "" {
		p.Printf("### This gateway : the one beside it\n\n| case | CPU ratio |\n| --- | --- |\n")
		r.requests.WriteBeside(p)
		if r.signIns != nil {
			r.signIns.WriteBeside(p)
		}
		p.Printf("\n")
	}
	if r.signIns != nil {
		r.signIns.Write(p)
	}
	if r.peers != nil {
		r.peers.Write(p)
	}
	p.Printf("### Memory and revocation\n\n")
	r.requests.WriteSizes(p)
	if r.refreshes != nil {
		r.refreshes.Write(p)
	}
	if r.revocation != nil {
		r.revocation.Write(p)
	}
	p.Printf("\nMachine: %s; Caddy %s; GOGC=%s for every gateway; ", rig.Machine(), r.caddy, r.options.GOGC)
	if r.pinned {
		p.Printf("gateway and Redis on one core, load, app and provider on the others, so requests/s is what one core carries.\n")
	} else {
		p.Printf("nothing pinned.\n")
	}
	p.Printf("CPU is user + system time of the gateway and its Redis; the app's page has %d bytes; plain http on 127.0.0.1, kept alive.\n", len(rig.Page))
	return p.Err
}
