package main

import (
	"io"

	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/signin"
	"github.com/latchkey-gateway/latchkey/bench/signout"
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
}

// write prints the report as Markdown.
func (r *report) write(w io.Writer) error {
	p := &rig.Printer{W: w}
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
