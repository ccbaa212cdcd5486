package command

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate"
	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "migrate",
		Usage: strings.Join(migrate.Programs(), "|") + " <file> [--site <address>] [--alpha-config <file>] [--output <file>]",
		Short: "Makes a Caddyfile from the configuration of another program that signs users in",
		Long: `
Reads the configuration of another program and prints a Caddyfile that does the
same as far as Latchkey can:

  latchkey migrate oauth2-proxy /etc/oauth2-proxy.cfg --output Caddyfile

What it could not take over stands on standard error and, as comments, at the end
of the Caddyfile: todo (to be done before it is used), missing (has no equivalent),
unknown (a key that is not known), differs (behaves otherwise). Every key of the
configuration is in the Caddyfile or in this list. Where a restriction has no
equivalent, the site is closed until you have written one.

Secrets are not printed. The Caddyfile has a placeholder for each, and the list says
which value belongs there.

Of caddy-security FILE is the Caddyfile. Files that it imports are read as Caddy
reads them, relative to it.

--output does not replace a file. --site is the address of the site if the
configuration does not say it.`,
		CobraFunc: setUpMigrate,
	})
}

func setUpMigrate(cmd *cobra.Command) {
	var output, second string
	var options migrate.Options
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "-", "the file to write; - prints it")
	f.StringVar(&options.Site, "site", "", "the address of the site if the configuration names none: wiki.example.com")
	f.StringVar(&second, "alpha-config", "", "the structured configuration of oauth2-proxy, if it has one beside its file")
	cmd.Args = cobra.ExactArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if options.Site != "" {
			if err := firstfile.CheckAddress(options.Site); err != nil {
				return err
			}
		}
		if second != "" {
			source, err := readBounded(second)
			if err != nil {
				return err
			}
			options.Second = source
		}
		return migrateFile(cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], args[1], output, options)
	}
}

func migrateFile(w, say io.Writer, program, path, output string, options migrate.Options) error {
	packaged := false
	if output != "-" {
		if err := firstfile.MayWrite(output); err != nil {
			return err
		}
		packaged = firstfile.IsPackaged(output)
	}
	source, err := readBounded(path)
	if err != nil {
		return err
	}
	options.Import = importer(path)
	plan, err := migrate.Read(program, source, options)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, err := plan.Text()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	refused, err := tried(text, plan.Variables, plan.Inserted)
	if err != nil {
		return fmt.Errorf("the Caddyfile that %s would become is not valid: %w", path, err)
	}
	if output == "-" {
		_, err = io.WriteString(w, text)
	} else {
		err = firstfile.Write(output, text)
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	if output != "-" {
		fmt.Fprintf(&b, "%s is written.\n\n", output)
	}
	b.WriteString(plan.List())
	if refused != nil {
		fmt.Fprintf(&b, "\nIt cannot be loaded here yet: %s\n", terminal.Printable(refused.Error()))
	}
	variables := plan.Variables
	for _, name := range plan.Inserted {
		if !slices.Contains(variables, name) {
			variables = append(variables, name)
		}
	}
	b.WriteString(toSet(variables, packaged))
	_, err = io.WriteString(say, b.String())
	return err
}

// readBounded reads a file that is not larger than a configuration can be.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	source, err := io.ReadAll(io.LimitReader(file, migrate.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return source, nil
}

// tried loads the text as a server would. refused is what a server says to it on this machine, where files of another one
// may be missing; err says that it is no Caddyfile. The variables in inserted are put into the text when it is read.
func tried(text string, variables, inserted []string) (refused, err error) {
	for _, name := range inserted {
		value := "localhost"
		if strings.Contains(text, ":{$"+name+"}") {
			value = "8080" // a port
		}
		defer standInFor(name, value)()
	}
	config, err := adapted(text)
	if err != nil {
		return nil, err
	}
	defer standIn(variables)()
	scene, err := newDoctorContext(config)
	if err != nil {
		return err, nil
	}
	candidate, err := app.NewCandidate(scene, config)
	if err != nil {
		return err, nil
	}
	candidate.Close()
	return nil, nil
}
