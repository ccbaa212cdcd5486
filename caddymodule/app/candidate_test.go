package app

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// A configuration without sites, or without Latchkey, explains nothing.
func TestCandidate(t *testing.T) {
	ctx, err := EmptyContext()
	if err != nil {
		t.Fatal(err)
	}
	const app = `"latchkey": {"providers": [{"issuer": "https://login.example.com", "client_id": "x"}]}`
	for name, tt := range map[string]struct{ config, message string }{
		"nothing":       {`{}`, errNoLatchkey.Error()},
		"no JSON":       {`latchkey`, "reading configuration"},
		"no object":     {`[]`, "reading configuration"},
		"unknown word":  {`{"apps": {"latchkey": {"provider": []}}}`, `unknown field "provider"`},
		"no provider":   {`{"apps": {"latchkey": {}}}`, "provider"},
		"wrong handler": {`{"apps": {` + app + `, "http": {"servers": {"a": {"routes": [{"handle": [{"handler": "latchkey", "ap": "wiki"}]}]}}}}}`, `unknown field "ap"`},
		"no app":        {`{"apps": {` + app + `, "http": {"servers": {"a": {"routes": [{"handle": [{"handler": "latchkey"}]}]}}}}}`, "app"},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := NewCandidate(ctx, []byte(tt.config)); err == nil || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
	c, err := NewCandidate(ctx, []byte(`{"apps": {`+app+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Explain(&explain.Query{User: "alice"}); err == nil || !strings.Contains(err.Error(), "no site has the directive latchkey") {
		t.Errorf("without sites: %v", err)
	}
	c.Close()
}
