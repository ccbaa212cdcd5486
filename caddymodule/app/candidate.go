package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// Candidate is a configuration that is provisioned but never started. It contains only the app latchkey and its sites:
// no listener, log, certificate or other module.
type Candidate struct {
	*App
	Close func()
}

// EmptyContext returns a Caddy context for a process that runs no server. It discards the warnings of adapting and
// provisioning, which `validate` shows.
func EmptyContext() (caddy.Context, error) {
	return caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "PANIC"}},
	}}})
}

var errNoLatchkey = errors.New("the configuration has no latchkey in it")

// NewCandidate provisions a configuration in Caddy's JSON without affecting the running one. It opens, dials and starts
// nothing. The new modules live in ctx until the candidate is closed. The caller must close it.
func NewCandidate(ctx caddy.Context, config []byte) (_ *Candidate, err error) {
	var parts struct {
		Apps struct {
			Latchkey json.RawMessage            `json:"latchkey"`
			HTTP     map[string]json.RawMessage `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(config, &parts); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	if len(parts.Apps.Latchkey) == 0 {
		return nil, errNoLatchkey
	}
	ctx, cancel := caddy.NewContext(ctx)
	app := new(App)
	c := &Candidate{app, func() {
		cancel()
		_ = app.Cleanup() // releases a store that was never opened
	}}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := caddy.StrictUnmarshalJSON(parts.Apps.Latchkey, app); err != nil {
		return nil, fmt.Errorf("latchkey: %w", err)
	}
	if err := app.Provision(ctx); err != nil {
		return nil, fmt.Errorf("latchkey: %w", err)
	}
	var sites []json.RawMessage
	for _, name := range slices.Sorted(maps.Keys(parts.Apps.HTTP)) {
		sites = findHandlers(sites, parts.Apps.HTTP[name], 0)
	}
	for _, raw := range sites {
		if err := c.addHandler(ctx, raw); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Candidate) addHandler(ctx caddy.Context, raw json.RawMessage) error {
	fields := make(map[string]json.RawMessage)
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	delete(fields, handlerKey)
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	h := new(Handler)
	if err := caddy.StrictUnmarshalJSON(rest, h); err != nil {
		return fmt.Errorf("http.handlers.latchkey: %w", err)
	}
	return h.provision(ctx, c.App)
}

// Explain returns the decision on a request and its reasons. An error means a mistake in the query.
func (c *Candidate) Explain(q *explain.Query) (*explain.Explanation, error) {
	e := c.Estate()
	return e.Explain(q)
}

const (
	handlerKey = "handler"
	// MaxNesting limits how deeply findHandlers searches.
	MaxNesting = 200
)

// findHandlers collects the handlers latchkey at any depth: in routes, subroutes, error routes and handlers that this
// package does not know.
func findHandlers(found []json.RawMessage, raw json.RawMessage, depth int) []json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || depth > MaxNesting {
		return found
	}
	switch raw[0] {
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return found
		}
		for _, item := range list {
			found = findHandlers(found, item, depth+1)
		}
	case '{':
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return found
		}
		if string(fields[handlerKey]) == `"latchkey"` {
			return append(found, raw)
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			found = findHandlers(found, fields[name], depth+1)
		}
	}
	return found
}
