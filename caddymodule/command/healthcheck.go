package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "healthcheck",
		Usage: "[--url <url>] [--timeout <duration>] [--address <listen>] [--config <path> [--adapter <name>]]",
		Short: "Says by its exit status whether the server on this machine answers",
		Long: `
For the health check of a container, and for scripts. It asks the admin endpoint
of a running server, which answers when a configuration is loaded: --address, or
the one in --config, or ` + caddy.DefaultAdminListen + `. With --url it asks a site of the
server on a loopback address instead, for instance where the admin endpoint is off;
any status below 400 is good.

An outage of the store or of a provider is no reason to stop a server that still
serves who is signed in, and is not asked for: see the metrics and
/latchkey/status.

It prints nothing if all is well. The exit status is 0 if the server answers in
time, and 1 if not.`,
		CobraFunc: setUpHealthcheck,
	})
}

// healthPatience is how long healthcheck waits by default. The command's help text states it with the flag.
const healthPatience = 3 * time.Second

// loadedPath is answered when no configuration is being loaded, and by no more than the word null if it sets no admin endpoint.
const loadedPath = "/config/admin"

// healthcheck is `latchkey healthcheck`.
type healthcheck struct {
	server adminapi.Client
	url    string
}

func setUpHealthcheck(cmd *cobra.Command) {
	c := new(healthcheck)
	c.server.Flags(cmd.Flags())
	cmd.Flags().StringVar(&c.url, "url", "", "ask this address of a site on a loopback address, not the admin endpoint")
	cmd.Flags().DurationVar(&c.server.Patience, "timeout", healthPatience, "how long to wait for the answer")
	cmd.MarkFlagsMutuallyExclusive("url", "address")
	cmd.MarkFlagsMutuallyExclusive("url", "config")
	cmd.Args = cobra.NoArgs
	cmd.RunE = interruptible(func(ctx context.Context, _ *cobra.Command, _ []string) error { return c.run(ctx) })
}

func (c *healthcheck) run(ctx context.Context) error {
	if c.server.Patience <= 0 {
		return errors.New("--timeout must be positive")
	}
	if c.url != "" {
		return askSite(ctx, c.url, c.server.Patience)
	}
	var loaded any
	return c.server.Get(ctx, loadedPath, nil, &loaded)
}

// askSite asks a site once. It follows no redirect: a site that sends browsers to sign in answers.
func askSite(ctx context.Context, address string, patience time.Duration) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || !loopback(u.Hostname()) {
		return errors.New("--url must be http:// and a loopback address: 127.0.0.1, [::1] or localhost")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	client := http.Client{
		// Neither a proxy of the environment nor a name server has a say.
		Transport:     &http.Transport{DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", adminapi.OneLine(err))
	}
	defer resp.Body.Close() //nolint:errcheck // not read further
	if _, err := io.CopyN(io.Discard, resp.Body, 1); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("no whole answer: %w", adminapi.OneLine(err))
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the answer is %s", resp.Status)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
