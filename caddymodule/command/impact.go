package command

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/pflag"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

var errImpactConfig = errors.New("--impact wants the new configuration: --config <file>")

// impactFlags are the flags that can be used with --impact.
var impactFlags = []string{"impact", "config", "adapter", "address", "since", "examples", "json"}

// askImpact adapts the configuration on this machine and sends it to the server for evaluation.
func (o *explainOptions) askImpact(w io.Writer, flags *pflag.FlagSet) error {
	var other error
	flags.Visit(func(f *pflag.Flag) {
		if other == nil && !slices.Contains(impactFlags, f.Name) {
			other = fmt.Errorf("--%s says nothing with --impact, which asks about all users", f.Name)
		}
	})
	switch {
	case other != nil:
		return other
	case o.config == "":
		return errImpactConfig
	}
	since, err := caddy.ParseDuration(o.since)
	if err != nil || since <= 0 {
		return fmt.Errorf("--since: %q is no time that has passed, such as 7d", o.since)
	}
	if _, err := app.EmptyContext(); err != nil { // silences Caddy's logs
		return err
	}
	config, _, _, err := caddycmd.LoadConfig(o.config, o.adapter)
	if err != nil {
		return err
	}
	im := new(explain.Impact)
	q := &explain.ImpactQuery{Config: config, Since: caddy.Duration(since), Examples: o.examples}
	if err := o.post(adminapi.ImpactPath, q, im); err != nil {
		return err
	}
	if o.json {
		return writeJSON(w, im)
	}
	return im.Print(w)
}
