package command

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "doctor",
		Usage: "[--config <file> [--adapter <name>]] [--json]",
		Short: "Holds a configuration against the world: providers, store, keys, clocks, addresses to register",
		Long: `
Asks the providers and the store of a configuration whether they are as it says,
and prints one line for each finding: ok, warn or fail, and what to do. It says what
validate warns of, and where the metadata of a provider does not fit its block. It also
prints the addresses that have to be registered at each provider. It starts
nothing, and may be run beside a server that runs. Each check takes 5 seconds at
most, all of them together no longer.

It exits with 1 if anything fails.`,
		CobraFunc: setUpDoctor,
	})
}

// doctorPatience is the time limit of one check. The command's help text states it.
const doctorPatience = 5 * time.Second

const (
	findOK   = "ok"
	findWarn = "warn"
	findFail = "fail"
)

// finding is the result of one check.
type finding struct {
	// Level is ok, warn or fail.
	Level string `json:"level"`
	// Check is the kind of the check: configuration, rules, provider, register, store, keys, site, bearer,
	// signals or binding.
	Check string `json:"check"`
	// Subject names the item that was checked; it is empty if there is only one.
	Subject string `json:"subject,omitempty"`
	// Message says what was found, and what to do.
	Message string `json:"message"`
}

// doctor checks one configuration.
type doctor struct {
	config, adapter string
	json            bool
	// patience is the time limit of one check.
	patience time.Duration

	now func() time.Time
	// roots are the certificates that count as trusted. Nil: those of this machine.
	roots *x509.CertPool
}

func setUpDoctor(cmd *cobra.Command) {
	d := &doctor{patience: doctorPatience, now: time.Now}
	cmd.Flags().StringVarP(&d.config, "config", "c", "", "the configuration; default: the Caddyfile of this directory")
	cmd.Flags().StringVarP(&d.adapter, "adapter", "a", "", "what the configuration is written in; default: by its name")
	cmd.Flags().BoolVar(&d.json, "json", false, "print JSON")
	cmd.Args = cobra.NoArgs
	cmd.RunE = interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return d.run(ctx, cmd.OutOrStdout())
	})
}

func (d *doctor) run(ctx context.Context, w io.Writer) error {
	found := d.examine(ctx)
	failed := 0
	for _, f := range found {
		if f.Level == findFail {
			failed++
		}
	}
	if err := d.print(w, found); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(found))
	}
	return nil
}

func (d *doctor) print(w io.Writer, found []finding) error {
	if d.json {
		return writeJSON(w, map[string][]finding{"findings": found})
	}
	// The most serious findings come last, where a terminal shows them.
	rank := []string{findOK, findWarn, findFail}
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b finding) int { return slices.Index(rank, a.Level) - slices.Index(rank, b.Level) })
	for _, f := range found {
		what := f.Check
		if f.Subject != "" {
			what += " " + f.Subject
		}
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", f.Level, terminal.Printable(what), terminal.Printable(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

// examine runs all checks at once, and returns their findings in the order of the checks.
func (d *doctor) examine(ctx context.Context) []finding {
	config, _, _, err := caddycmd.LoadConfig(d.config, d.adapter)
	if err == nil && len(config) == 0 {
		err = errors.New("there is none: give --config")
	}
	if err != nil {
		return []finding{{findFail, "configuration", "", adminapi.OneLine(err).Error()}}
	}
	return d.examineConfig(ctx, config)
}

// examineConfig runs all checks on a configuration in Caddy's JSON.
func (d *doctor) examineConfig(ctx context.Context, config []byte) []finding {
	found := emptyEnvironment(config)
	scene, err := newDoctorContext(config)
	if err == nil {
		var c *app.Candidate
		if c, err = app.NewCandidate(scene, config); err == nil {
			defer c.Close()
			found = append(found, finding{findOK, "configuration", "", "it can be loaded"})
			found = append(found, linted(c, config)...)
			return append(found, d.checks(ctx, scene, c, sitesOf(config))...)
		}
	}
	return append(found, finding{findFail, "configuration", "", adminapi.OneLine(err).Error()})
}

// newDoctorContext is EmptyContext with the configuration's storage, which contains the key ring.
func newDoctorContext(config []byte) (caddy.Context, error) {
	var parts struct {
		Storage json.RawMessage `json:"storage"`
	}
	if err := json.Unmarshal(config, &parts); err != nil {
		return caddy.Context{}, fmt.Errorf("reading configuration: %w", err)
	}
	return caddy.ProvisionContext(&caddy.Config{StorageRaw: parts.Storage, Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "PANIC"}},
	}}})
}

func (d *doctor) checks(ctx context.Context, scene caddy.Context, c *app.Candidate, sites []siteAddress) []finding {
	var checks []func(context.Context) []finding
	neededSignals := expectedOf(c)
	for _, p := range c.Estate().Tenant.Providers {
		checks = append(checks, func(ctx context.Context) []finding { return d.provider(ctx, p, neededSignals) })
		if p.ClientKey != nil {
			checks = append(checks, func(context.Context) []finding { return clientKeysToRegister(p) })
		}
	}
	checks = append(checks,
		func(context.Context) []finding { return toRegister(c, sites) },
		func(ctx context.Context) []finding { return d.store(ctx, c.Store()) },
		func(ctx context.Context) []finding { return d.keys(ctx, scene.Storage(), c.App) },
		func(context.Context) []finding { return siteFindings(c, sites) },
	)
	for _, h := range c.Estate().Sites {
		if h.Bearer != nil {
			checks = append(checks, func(ctx context.Context) []finding { return d.bearer(ctx, h) })
		}
	}
	for _, words := range c.Signals {
		checks = append(checks, func(ctx context.Context) []finding { return d.signals(ctx, c, words, sites) })
	}
	if c.Session.Binding.On() {
		checks = append(checks, func(ctx context.Context) []finding { return d.bindings(ctx, sites) })
	}
	results := make([][]finding, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, d.patience)
			defer cancel()
			results[i] = check(ctx)
		})
	}
	all.Wait()
	var found []finding
	for _, r := range results {
		found = append(found, r...)
	}
	return found
}
