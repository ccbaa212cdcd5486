package peers

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// OAuth2Proxy is the release that is built.
const OAuth2Proxy = "github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6"

// cookieSecret is what oauth2-proxy encrypts its cookies and sessions with.
const cookieSecret = "of-thirty-two-bytes-in-this-run!"

// build builds oauth2-proxy into a directory of the run. The first time takes minutes.
func build(ctx context.Context, r *rig.Rig) (string, error) {
	dir, err := r.Home()
	if err != nil {
		return "", err
	}
	r.Note("go install %s", OAuth2Proxy)
	command := exec.CommandContext(ctx, "go", "install", "-trimpath", OAuth2Proxy)
	command.Dir = dir // outside of this module
	command.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building oauth2-proxy: %w\n%s", err, out)
	}
	return filepath.Join(dir, "oauth2-proxy"), nil
}

// moduleVersion reads of which release of a module a program was built; empty is its main module.
func moduleVersion(program, path string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	if version := versionIn(info, path); version != "" {
		return version, nil
	}
	return "", fmt.Errorf("%s was not built with %s", program, path)
}

func versionIn(info *debug.BuildInfo, path string) string {
	if path == "" {
		return info.Main.Version
	}
	for _, module := range info.Deps {
		if module.Path == path {
			return module.Version
		}
	}
	return ""
}

// startOAuth2Proxy starts it with sessions in a Redis.
func startOAuth2Proxy(ctx context.Context, r *rig.Rig, binary, name string, redis *rig.Redis) (*rig.Gateway, error) {
	a, err := r.Place()
	if err != nil {
		return nil, err
	}
	start := func(ctx context.Context) (*rig.Process, error) {
		program, err := r.Copy(binary)
		if err != nil {
			return nil, err
		}
		return r.Start(ctx, a.Site, []string{"HOME=" + a.Home, "GOGC=" + r.Options.GOGC}, program,
			"--http-address="+a.Site, "--upstream=http://"+a.App+"/", "--provider=oidc", "--oidc-issuer-url="+a.Issuer,
			"--client-id="+rig.ClientID, "--client-secret="+rig.ClientSecret, "--redirect-url=http://"+a.Site+"/oauth2/callback",
			"--scope="+scopes, "--code-challenge-method=S256", "--email-domain=*", "--skip-provider-button=true",
			"--cookie-secure=false", "--cookie-secret="+cookieSecret, "--session-store-type=redis", "--redis-connection-url="+redis.URL(),
			"--standard-logging=false", "--auth-logging=false", "--request-logging=false")
	}
	p, err := start(ctx)
	if err != nil {
		return nil, err
	}
	return &rig.Gateway{Setup: rig.Setup{Name: name, InRedis: true}, Addresses: a, Processes: []*rig.Process{p, redis.Process}, Begin: start}, nil
}

// scopes are those that Latchkey asks for by default.
const scopes = "openid profile email offline_access"
