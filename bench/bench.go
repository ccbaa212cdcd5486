package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latchkey-gateway/latchkey/bench/peers"
	"github.com/latchkey-gateway/latchkey/bench/refresh"
	"github.com/latchkey-gateway/latchkey/bench/request"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/signin"
	"github.com/latchkey-gateway/latchkey/bench/signout"
)

// bench runs the whole and writes the report to out.
func bench(ctx context.Context, r *rig.Rig, o options, out io.Writer) error {
	caddy, err := caddyVersion(o.Binary)
	if err != nil {
		return fmt.Errorf("%w (`make build` makes the gateway)", err)
	}
	result := report{options: o, caddy: caddy, pinned: r.Core >= 0}
	var profileRequests, profileSignIns func(context.Context) error
	if result.requests, profileRequests, err = request.Run(ctx, r, o.requests); err != nil {
		return err
	}
	// What was found out so far is worth printing whatever becomes of the rest.
	var failed error
	if result.signIns, profileSignIns, err = signin.Run(ctx, r, o.signIns, o.requests.Only); err != nil {
		failed = errors.Join(failed, err)
	}
	if o.Redis != "" && o.requests.Only.MatchString(refresh.Name) {
		if result.refreshes, err = refresh.Measure(ctx, r, o.requests.People[request.Some]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("refreshing: %w", err))
		}
	}
	if o.Redis != "" && o.requests.Only.MatchString(signout.Name) {
		if result.revocation, err = signout.Measure(ctx, r, o.revocations); err != nil {
			failed = errors.Join(failed, fmt.Errorf("revoking: %w", err))
		}
	}
	if o.peers.OAuth2Proxy != "" {
		if result.peers, err = peers.Run(ctx, r, o.peers); err != nil {
			failed = errors.Join(failed, fmt.Errorf("other gateways: %w", err))
		}
	}
	if err := result.write(out); err != nil {
		return err
	}
	if o.chart != "" {
		if err := os.WriteFile(o.chart, result.requests.Chart(caddy, o.GOGC), 0o644); err != nil { //nolint:gosec // a picture for everybody
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return errors.Join(profileRequests(ctx), profileSignIns(ctx))
}

// caddyVersion reads what a program was built with.
func caddyVersion(program string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/caddyserver/caddy/v2" {
			return module.Version, nil
		}
	}
	return "", fmt.Errorf("%s was not built with Caddy", program)
}
