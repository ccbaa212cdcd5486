package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "init",
		Usage: "[--issuer <url>] [--client-id <id>] [--site <address>=<upstream>...] [--store <store>] [--output <file>]",
		Short: "Makes the first Caddyfile: asks for the provider and the sites, and checks them",
		Long: `
Asks for what no flag gives, asks the provider whether it is as you say, writes a
Caddyfile, and prints what to register at the provider. Outside of a terminal
nothing is asked:

  latchkey init --issuer https://login.example.com --client-id gateway \
    --site wiki.example.com=127.0.0.1:8000 --site git.example.com=127.0.0.1:3000

The file has no secret in it. The client secret is in the environment variable
OIDC_CLIENT_SECRET when the server starts, or in the file of --client-secret-file.

A file that exists is not replaced, except for the one that a package has put
there. If a check fails, nothing is written; --offline asks neither the provider
nor the store.`,
		CobraFunc: setUpInit,
	})
}

// initCommand is `latchkey init`.
type initCommand struct {
	answers firstfile.Answers
	sites   []string
	output  string
	offline bool
	// packaged: the file belongs to the service of a package.
	packaged bool
	// asks reports whether there is a user who can be asked.
	asks func() bool
	doctor
}

func setUpInit(cmd *cobra.Command) {
	setUpInitWhere(cmd, func() bool { return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) })
}

func setUpInitWhere(cmd *cobra.Command, asks func() bool) {
	c := &initCommand{asks: asks, doctor: doctor{patience: doctorPatience, now: time.Now}}
	f := cmd.Flags()
	f.StringVar(&c.answers.Issuer, "issuer", "", "the issuer of the provider, as its metadata spells it")
	f.StringVar(&c.answers.ClientID, "client-id", "", "the name of this gateway at the provider")
	f.StringVar(&c.answers.SecretFile, "client-secret-file", "", "the file that has the client secret; default: the environment variable "+firstfile.SecretVariable)
	f.StringArrayVar(&c.sites, "site", nil, "a site and the app behind it: wiki.example.com=127.0.0.1:8000; repeatable")
	f.StringVar(&c.answers.Store, "store", "", "where sessions are: file, or redis://host:6379/0; default: file")
	f.StringArrayVarP(&c.answers.Groups, "group", "g", nil, "a group whose members may enter; default: every user of the provider; repeatable")
	f.StringVarP(&c.output, "output", "o", "Caddyfile", "the file to write; - prints it")
	f.BoolVar(&c.offline, "offline", false, "ask neither the provider nor the store")
	cmd.Args = cobra.NoArgs
	cmd.RunE = interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return c.run(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

// run writes the file to w if --output is a hyphen. What is said goes to say.
func (c *initCommand) run(ctx context.Context, in io.Reader, w, say io.Writer) error {
	if c.output != "-" {
		if err := firstfile.MayWrite(c.output); err != nil {
			return err
		}
		c.packaged = firstfile.IsPackaged(c.output)
	}
	for _, text := range c.sites {
		s, err := firstfile.ParseSite(text)
		if err != nil {
			return err
		}
		c.answers.Sites = append(c.answers.Sites, s)
	}
	if c.asks() {
		q := firstfile.Questions{In: in, Out: say}
		if !c.offline {
			q.Provider = c.askProvider
		}
		if err := q.Complete(ctx, &c.answers); err != nil {
			return err
		}
	}
	if err := c.answers.Check(); err != nil {
		return err
	}
	text := c.answers.Text()
	found, err := c.check(ctx, text)
	if err != nil {
		return err
	}
	if c.output == "-" {
		_, err = io.WriteString(w, text)
	} else {
		err = firstfile.Write(c.output, text)
	}
	if err != nil {
		return err
	}
	return c.report(say, found)
}

// check loads the text as a server would, and returns what doctor finds. A failure is an error.
func (c *initCommand) check(ctx context.Context, text string) (found []finding, err error) {
	config, err := adapted(text)
	if err != nil {
		return nil, err
	}
	defer standIn(c.answers.Variables())()
	if c.offline {
		scene, err := newDoctorContext(config)
		if err != nil {
			return nil, err
		}
		candidate, err := app.NewCandidate(scene, config)
		if err != nil {
			return nil, err
		}
		defer candidate.Close()
		return toRegister(candidate, sitesOf(config)), nil
	}
	found = c.examineConfig(ctx, config)
	var failed []error
	for _, f := range found {
		if f.Level == findFail {
			failed = append(failed, fmt.Errorf("%s: %s", strings.TrimSpace(f.Check+" "+f.Subject), terminal.Printable(f.Message)))
		}
	}
	if failed != nil {
		return nil, fmt.Errorf("%w\nnothing is written; with --offline neither the provider nor the store is asked", errors.Join(failed...))
	}
	return found, nil
}

// askProvider returns what is wrong with the answer of a provider that has the issuer.
func (c *initCommand) askProvider(ctx context.Context, issuer string) error {
	draft := firstfile.Answers{Issuer: issuer, ClientID: "latchkey", Sites: []firstfile.Site{{Address: "http://localhost", Upstream: "localhost:80"}}}
	config, err := adapted(draft.Text())
	if err != nil {
		return err
	}
	defer standIn(draft.Variables())()
	scene, err := newDoctorContext(config)
	if err != nil {
		return err
	}
	candidate, err := app.NewCandidate(scene, config)
	if err != nil {
		return err
	}
	defer candidate.Close()
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	p := candidate.Estate().Tenant.Providers[0]
	if _, err := p.Examine(ctx); err != nil {
		return fmt.Errorf("its metadata at %s cannot be used: %w", p.MetadataAddress(), adminapi.OneLine(err))
	}
	return nil
}

// standIn sets variables that are empty to a value for the check alone: where the server starts they have their own.
func standIn(variables []string) (undo func()) {
	var all []func()
	for _, name := range variables {
		value := "not known here"
		if name == migrate.IssuerVariable {
			value = "https://issuer.example.com"
		}
		all = append(all, standInFor(name, value))
	}
	return func() {
		for _, one := range all {
			one()
		}
	}
}

func standInFor(name, value string) (undo func()) {
	if os.Getenv(name) != "" || os.Setenv(name, value) != nil {
		return func() {}
	}
	return func() { _ = os.Unsetenv(name) }
}

// adapted returns a Caddyfile as Caddy's JSON.
func adapted(text string) ([]byte, error) {
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err == nil && len(warnings) > 0 {
		err = errors.New(warnings[0].String())
	}
	return config, err
}

// report says what to do next.
func (c *initCommand) report(w io.Writer, found []finding) error {
	var b strings.Builder
	if c.output != "-" {
		fmt.Fprintf(&b, "%s is written.\n", c.output)
	}
	for _, f := range found {
		if f.Level == findWarn {
			fmt.Fprintf(&b, "\nNote: %s: %s\n", strings.TrimSpace(f.Check+" "+f.Subject), terminal.Printable(f.Message))
		}
	}
	b.WriteString("\nRegister these at your provider:\n")
	for _, f := range found {
		if f.Check == "register" && f.Level == findOK {
			fmt.Fprintf(&b, "  %s\n", terminal.Printable(f.Message))
		}
	}
	b.WriteString(toSet(c.answers.Variables(), c.packaged))
	if !c.packaged && c.output != "-" {
		fmt.Fprintf(&b, "\nStart it: latchkey run --config %s\nCheck it: latchkey doctor --config %[1]s\n", c.output)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// toSet says where the variables of a Caddyfile belong, and for the service of a package how it is started with them.
func toSet(variables []string, packaged bool) string {
	var b strings.Builder
	if len(variables) > 0 {
		where := "the environment of the server"
		if packaged {
			where = firstfile.PackagedEnvironment
		}
		fmt.Fprintf(&b, "\nSet in %s: %s\n", where, strings.Join(variables, ", "))
	}
	if packaged {
		fmt.Fprintf(&b, "\nStart it: systemctl restart %s\nCheck it: journalctl --unit %[1]s (it begins with what doctor finds)\n", firstfile.PackagedService)
	}
	return b.String()
}
