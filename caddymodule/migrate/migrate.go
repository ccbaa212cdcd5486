package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/apache"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/authelia"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/caddysecurity"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/oauth2proxy"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/vouch"
)

// MaxSize is the size of the largest configuration that is read.
const MaxSize = 256 << 10

// IssuerVariable is the environment variable of an issuer that a configuration does not say.
const IssuerVariable = draft.IssuerVariable

// Plan is what a configuration becomes.
type Plan = draft.Plan

// Options are what a configuration does not say.
type Options = draft.Options

// File is a file that a configuration imports.
type File = draft.File

// formats are the programs whose configuration is read.
var formats = map[string]func([]byte, Options) (*Plan, error){
	"authelia":         authelia.Read,
	"caddy-security":   caddysecurity.Read,
	"mod_auth_openidc": apache.Read,
	"oauth2-proxy":     oauth2proxy.Read,
	"vouch":            vouch.Read,
}

// Programs are the names of the programs whose configuration is read.
func Programs() []string { return slices.Sorted(maps.Keys(formats)) }

// Read reads the configuration of a program. Its errors name the line and never a value.
func Read(program string, source []byte, o Options) (*Plan, error) {
	read, ok := formats[program]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is no program that is known here: want one of %q", program, Programs())
	case len(source) > MaxSize || len(o.Second) > MaxSize:
		return nil, fmt.Errorf("the configuration is larger than %d KB", MaxSize>>10)
	case len(source) == 0:
		return nil, errors.New("the configuration is empty")
	}
	if o.Second != nil && program != "oauth2-proxy" {
		return nil, fmt.Errorf("%s has no second configuration", program)
	}
	p, err := read(source, o)
	if err != nil {
		return nil, err
	}
	p.From = program
	p.Sort()
	return p, nil
}
