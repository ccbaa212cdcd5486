package peers

import (
	"context"
	"fmt"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

const caddySecurityModule = "github.com/greenpau/caddy-security"

// securityCaddyfile is the configuration of caddy-security: a portal that signs in at the provider, and a policy that asks
// for the portal's token.
func securityCaddyfile(a rig.Addresses) string {
	return fmt.Sprintf(`{
	admin %[1]s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
	order authenticate before respond
	order authorize before reverse_proxy
	security {
		oauth identity provider bench {
			realm bench
			driver generic
			client_id %[2]s
			client_secret %[3]s
			scopes %[4]s
			base_auth_url %[5]s
			metadata_url %[5]s/.well-known/openid-configuration
		}
		authentication portal portal {
			crypto default token lifetime 3600
			crypto key sign-verify %[6]s
			cookie insecure on
			enable identity provider bench
			trust login redirect uri domain prefix 127.0.0.1 path prefix /
			transform user {
				match realm bench
				action add role authp/user
			}
		}
		authorization policy policy {
			set auth url /auth/oauth2/bench
			crypto key verify %[6]s
			allow roles authp/user
		}
	}
}

http://%[7]s {
	route /auth* {
		authenticate with portal
	}
	route {
		authorize with policy
		reverse_proxy %[8]s
	}
}
`, a.Admin, rig.ClientID, rig.ClientSecret, scopes, a.Issuer, cookieSecret, a.Site, a.App)
}

// startCaddySecurity starts a Caddy with caddy-security, which keeps its sessions itself.
func startCaddySecurity(ctx context.Context, r *rig.Rig, binary, name string) (*rig.Gateway, error) {
	a, err := r.Place()
	if err != nil {
		return nil, err
	}
	g, err := r.Caddy(ctx, binary, a, securityCaddyfile(a))
	if err == nil {
		g.Name = name
	}
	return g, err
}
