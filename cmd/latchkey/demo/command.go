package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// Options are the flags of `latchkey demo`.
type Options struct {
	// Port, ProviderPort and AppPort are the ports of the site, the provider and the sample app; all different.
	Port, ProviderPort, AppPort uint16
	// DataDir is created if it does not exist.
	DataDir string
	// RedisURL replaces the embedded store; empty means the embedded one.
	RedisURL string
	// Verbose logs everything, including requests, and not only warnings.
	Verbose bool
}

// Command is the subcommand, to be registered by main.
func Command() caddycmd.Command {
	return caddycmd.Command{
		Name:  "demo",
		Usage: "[--port <port>] [--redis <url>] [--data-dir <dir>] [--print-caddyfile] [--verbose]",
		Short: "Shows Latchkey at work on this machine, with nothing else to install",
		Long: `
Starts a sample app behind Latchkey on http://localhost:8080, with an OpenID
provider for the demo that lets you sign in as one of three people: an admin, a
member of staff and a guest. There are no passwords, and everything listens on
this machine only.

Answer "Yes" to "Stay signed in?" and you are still signed in after the browser,
or the demo, was closed and started again. Answer "No" and you are not signed in
once the browser was closed. /admin is for admins.

Sessions are kept in a file in the data directory, or in Redis with --redis.
Remove the data directory to start afresh. Press Ctrl-C to stop.`,
		CobraFunc: setUp,
	}
}

func setUp(cmd *cobra.Command) {
	ports := [3]port{8080, 8081, 8082}
	o := Options{}
	var show bool
	f := cmd.Flags()
	f.VarP(&ports[0], "port", "p", "where the demo is opened")
	f.Var(&ports[1], "provider-port", "where the demo's OpenID provider listens")
	f.Var(&ports[2], "app-port", "where the sample app listens")
	f.StringVar(&o.DataDir, "data-dir", filepath.Join(caddy.AppDataDir(), "latchkey-demo"), "what survives a restart is kept here")
	f.StringVar(&o.RedisURL, "redis", "", "keep sessions in Redis, such as redis://127.0.0.1:6379/0")
	f.BoolVar(&show, "print-caddyfile", false, "print the configuration that the demo runs, and exit")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "log everything, not only warnings")
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Port, o.ProviderPort, o.AppPort = uint16(ports[0]), uint16(ports[1]), uint16(ports[2])
		if err := o.check(); err != nil {
			return err
		}
		if show {
			_, err := fmt.Fprint(cmd.OutOrStdout(), o.caddyfile(loopbacks()))
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
		return Run(ctx, o, cmd.OutOrStdout())
	}
}

// check refuses options that cannot work, and makes DataDir absolute.
func (o *Options) check() error {
	if o.Port == o.ProviderPort || o.Port == o.AppPort || o.ProviderPort == o.AppPort {
		return errors.New("--port, --provider-port and --app-port must differ")
	}
	if o.DataDir == "" {
		return errors.New("--data-dir must name a directory")
	}
	// Characters that a Caddyfile treats specially, even between quotes.
	if strings.ContainsAny(o.DataDir, "{}\"`\n\r") {
		return errors.New("--data-dir must be a path without braces, quotes, backquotes and line breaks")
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	o.DataDir = dir
	if o.RedisURL != "" {
		if strings.ContainsAny(o.RedisURL, "{}\"` \t\n\r") {
			return errors.New("--redis must be a URL without braces, quotes and spaces")
		}
		if _, err := redis.ParseURL(o.RedisURL); err != nil {
			return errors.New("--redis must be a URL such as redis://127.0.0.1:6379/0 or rediss://user:password@host:6379/0")
		}
	}
	return nil
}

// port is a flag value.
type port uint16

func (p *port) String() string { return strconv.Itoa(int(*p)) }
func (p *port) Type() string   { return "port" }

func (p *port) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return errors.New("a port is a number from 1 to 65535")
	}
	*p = port(n)
	return nil
}
