package app

import (
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/policy"
)

// findings records which warnings were logged for a configuration, so that several sites do not repeat them.
type findings struct {
	mu   sync.Mutex
	all  map[policy.Finding]bool
	list []policy.Finding // in the order in which they were added
}

// isNew records a finding and reports whether it is new.
func (f *findings) isNew(what policy.Finding) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[what] {
		return false
	}
	if f.all == nil {
		f.all = make(map[policy.Finding]bool)
	}
	f.all[what] = true
	return true
}

func (f *findings) add(what policy.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, what)
}

// lintedRoutes are the routes of each server that were linted.
type lintedRoutes map[*caddyhttp.Server]*lint.Routes

func (rs *lintedRoutes) of(server *caddyhttp.Server) *lint.Routes {
	if *rs == nil {
		*rs = make(lintedRoutes)
	}
	routes := (*rs)[server]
	if routes == nil {
		routes = lint.NewRoutes()
		(*rs)[server] = routes
	}
	return routes
}
