package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Options are those of a comparison.
type Options struct {
	// OAuth2Proxy is a program that was built before, or Build. CaddySecurity is a Caddy with that module; empty is none.
	OAuth2Proxy, CaddySecurity string
	// SignIns are how many users sign in, in each case and round. The gateways are started again Lives times, with as many
	// rounds in each life as make at least Rounds.
	SignIns, Rounds, Lives int
	// Requests measures requests as well: of so many sessions, in turns of so long.
	Requests bool
	Sessions int
	Slice    time.Duration
}

// Build, as Options.OAuth2Proxy, has it built from its Go module.
const Build = "build"

// The cases.
const (
	besideRedis    = "oauth2-proxy, Redis"
	besideSecurity = "caddy-security"
	latchkeyRedis  = "Latchkey, Redis"
	latchkeyFile   = "Latchkey, file"
	alone          = ", one at a time"
	plainCaddy     = "plain Caddy"
)

// A Result is what a run found out.
type Result struct {
	options      Options
	versions     []string
	signIns      []*signIns
	signInLives  lives.Lives
	requests     []*rig.Gateway
	requestLives lives.Lives
}

// A comparison is a run.
type comparison struct {
	Result
	rig *rig.Rig
}

// Run measures everything.
func Run(ctx context.Context, r *rig.Rig, o Options) (*Result, error) {
	c := &comparison{Result: Result{options: o}, rig: r}
	for _, step := range []func(context.Context) error{c.programs, c.startSignIns, c.turnsOfSignIns, c.startRequests, c.turnsOfRequests} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &c.Result, nil
}

// programs builds what is missing, and reads the versions.
func (c *comparison) programs(ctx context.Context) (err error) {
	o := &c.options
	if o.OAuth2Proxy == Build {
		if o.OAuth2Proxy, err = build(ctx, c.rig); err != nil {
			return err
		}
	}
	version, err := moduleVersion(o.OAuth2Proxy, "")
	if err != nil {
		return err
	}
	c.versions = append(c.versions, "oauth2-proxy "+version)
	if o.CaddySecurity == "" {
		return nil
	}
	if version, err = moduleVersion(o.CaddySecurity, caddySecurityModule); err != nil {
		return err
	}
	c.versions = append(c.versions, "caddy-security "+version)
	return nil
}

func (c *comparison) oauth2proxy(ctx context.Context, name string, redis *rig.Redis) (*rig.Gateway, error) {
	return startOAuth2Proxy(ctx, c.rig, c.options.OAuth2Proxy, name, redis)
}

func (c *comparison) security(ctx context.Context, name string, _ *rig.Redis) (*rig.Gateway, error) {
	return startCaddySecurity(ctx, c.rig, c.options.CaddySecurity, name)
}

func (c *comparison) latchkey(ctx context.Context, name string, redis *rig.Redis) (*rig.Gateway, error) {
	g, err := c.rig.Gateway(ctx, rig.Setup{Name: name, InRedis: redis != nil}, redis, "")
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	return g, nil
}

func (c *comparison) plain(ctx context.Context, name string, _ *rig.Redis) (*rig.Gateway, error) {
	return c.rig.Gateway(ctx, rig.Setup{Name: name, Plain: true}, nil, "")
}
