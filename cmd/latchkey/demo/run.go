package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/cmd/latchkey/demo/provider"
)

// Run serves the demo until ctx ends, and writes its address and users to out. Every error is one line that tells the
// user what to do.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	addresses := loopbacks()

	// Caddy would share its port with another process (SO_REUSEPORT) instead of refusing, so it is checked here first.
	site, err := listen(ctx, addresses, o.Port, "--port")
	if err != nil {
		return err
	}
	closeAll(site)
	atProvider, err := listen(ctx, addresses, o.ProviderPort, "--provider-port")
	if err != nil {
		return err
	}
	defer closeAll(atProvider)
	atApp, err := listen(ctx, addresses[:1], o.AppPort, "--app-port")
	if err != nil {
		return err
	}
	defer closeAll(atApp)

	if o.RedisURL != "" {
		if !o.Verbose {
			redis.SetLogger(quiet{})
		}
		if err := reach(ctx, o.RedisURL); err != nil {
			return fmt.Errorf("%s does not answer: %w; start it, or leave --redis out", o.storeName(), err)
		}
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	state, err := provider.OpenState(o.stateFile())
	if errors.Is(err, provider.ErrInUse) {
		return fmt.Errorf("another demo uses %s; stop it, or choose another directory with --data-dir", o.DataDir)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	secret, err := clientSecret(o.secretFile())
	if err != nil {
		return err
	}
	idp, err := provider.New(provider.Config{
		Issuer: o.issuer(), ClientID: clientID, ClientSecret: secret, State: state,
		RedirectURIs:   []string{o.url() + "/.latchkey/callback"},
		PostLogoutURIs: []string{o.url() + "/.latchkey/signed-out"},
	})
	if err != nil {
		return err
	}

	failed := make(chan error, 1)
	defer serve(idp, atProvider, failed)()
	defer serve(app(), atApp, failed)()

	if err := load(o.caddyfile(addresses)); err != nil {
		return err
	}
	o.welcome(out)
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	if stopErr := caddy.Stop(); stopErr != nil {
		return errors.Join(err, fmt.Errorf("stopping: %w", stopErr))
	}
	if err == nil {
		fmt.Fprintln(out, "\nThe demo has stopped.")
	}
	return err
}

// load runs a Caddyfile.
func load(text string) error {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "demo"})
	if err != nil {
		return fmt.Errorf("reading the demo's configuration: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	return nil
}

// serve answers on every listener until the returned function is called, which lets requests finish for a short time.
func serve(h http.Handler, listeners []net.Listener, failed chan<- error) (stop func()) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
	}
	for _, l := range listeners {
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				select {
				case failed <- fmt.Errorf("serving %s: %w", l.Addr(), err):
				default:
				}
			}
		}()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
}

// clientSecret returns the secret that Latchkey and the demo's provider share. The first start creates it.
func clientSecret(path string) (string, error) {
	if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
		return strings.TrimSuffix(string(b), "\n"), nil
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the client secret: %w", err)
	}
	secret := rand.Text()
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the client secret: %w", err)
	}
	return secret, nil
}

// reach connects to Redis, so that a wrong address is reported now and not on every page.
func reach(ctx context.Context, redisURL string) error {
	opt, err := redis.ParseURL(redisURL)
	if err != nil {
		return errors.New("the URL is not one of Redis")
	}
	opt.MaxRetries, opt.DialerRetries, opt.DialTimeout, opt.ContextTimeoutEnabled = -1, 1, 2*time.Second, true
	client := redis.NewClient(opt)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return client.Ping(ctx).Err()
}

// quiet drops what the Redis client writes to stderr: its errors are also returned.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func (o Options) welcome(out io.Writer) {
	fmt.Fprintf(out, "\nThe Latchkey demo is running.\n\n")
	rows := [][]string{{"  Open", o.url()}}
	label := "  Sign in as"
	for _, p := range provider.People {
		rows = append(rows, []string{label, p.Name(), p.About})
		label = ""
	}
	table := terminal.Table{Out: out}
	_ = table.Print(append(rows, []string{"  Sessions", o.storeName()})) // an error: the user does not read
	fmt.Fprint(out, "\nThere are no passwords. Press Ctrl-C to stop; users who answer \u201cYes\u201d stay\nsigned in over a restart.\n")
}
