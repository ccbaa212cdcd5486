package peers

import (
	"context"
	"fmt"
	"io"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Options are those of a comparison.
type Options struct {
	// OAuth2Proxy is a program that was built before; empty builds it. CaddySecurity is a Caddy with that module; empty is none.
	OAuth2Proxy, CaddySecurity string
	// SignIns are how many users sign in, in each case and round.
	SignIns, Rounds int
}

// The cases.
const (
	besideRedis    = "oauth2-proxy, Redis"
	besideSecurity = "caddy-security"
	latchkeyRedis  = "Latchkey, Redis"
	latchkeyFile   = "Latchkey, file"
	alone          = ", one at a time"
)

// A comparison is all that a run knows.
type comparison struct {
	rig          *rig.Rig
	options      Options
	versions     []string
	signIns      []*signIns
	signInRounds []rig.Round
}

// Run measures everything and prints it.
func Run(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
	c := &comparison{rig: r, options: o}
	if err := c.programs(ctx); err != nil {
		return err
	}
	if err := c.startSignIns(ctx); err != nil {
		return err
	}
	if err := c.turnsOfSignIns(ctx); err != nil {
		return err
	}
	return c.write(out)
}

// programs builds what is missing, and reads the versions.
func (c *comparison) programs(ctx context.Context) (err error) {
	o := &c.options
	if o.OAuth2Proxy == "" {
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
