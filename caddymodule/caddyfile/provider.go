package caddyfile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// parseProvider reads an OpenID provider:
//
//	provider [<name>] {
//		name          <text>
//		icon          <file>
//		issuer        <url>
//		client_id     <id>
//		client_secret <secret>
//		client_auth   private_key_jwt <key file> [issuer|<audience>] {
//			next_key <key file>
//		}
//		client_auth   tls <certificate file> <key file>
//		client_auth   client_secret_basic|client_secret_post
//		par           auto|require|off
//		dpop          on|off
//		signed_requests auto|require|off
//		profile       fapi2
//		metadata_url  <url>
//		internal_url  <url>
//		end_session_url <url>
//		recheck       silent
//		scopes        <scope>...
//		groups_claim  <claim>
//		groups_overage graph [<url>]
//		user_claim    <claim>...
//		trust_user_names
//		trust_audience <value>...
//		guest_claim   <claim> <value>
//		iwa_amr       <value>...
//		mfa_amr       <value>...
//		mfa_acr       <value>...
//		risk_claim    sign_in|user <claim>
//		device_claim  compliant|managed|shared <claim>
//		inherit_claim <claim> <value>...
//		auth_param    <key> <value>
//		ca_file       <path>
//	}
func parseProvider(d *caddyfile.Dispenser, a *config.App) error {
	start := d.Token()
	p := &config.Provider{Name: config.DefaultProvider}
	if d.NextArg() {
		p.Name = d.Val()
		if err := config.CheckID(p.Name); err != nil {
			return d.Errf("provider: %w", err)
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	for _, other := range a.Providers {
		if other.Name == p.Name {
			return d.Errf("provider %q is defined twice; give each a name", p.Name)
		}
	}
	if _, err := providerWords.Block(d, "provider option", p); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return grammar.WrapAt(start, fmt.Errorf("provider %q: %w", p.Name, err))
	}
	a.Providers = append(a.Providers, p)
	return nil
}

var providerWords = grammar.Words[*config.Provider]{
	"name":          grammar.Once(parseDisplayName),
	"icon":          grammar.Once(parseIcon),
	"issuer":        grammar.Once(parseIssuer),
	"client_id":     value(func(p *config.Provider) *string { return &p.ClientID }),
	"client_secret": grammar.Once(parseClientSecret),
	"client_auth":   grammar.Once(parseClientAuth),
	"par": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		p.PAR, err = grammar.OneOf(d, "par", config.PARModes...)
		return err
	}),
	"dpop": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) error {
		word, err := grammar.OneOf(d, "dpop", "on", "off")
		on := word == "on"
		p.DPoP = &on
		return err
	}),
	"signed_requests": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		p.SignedRequests, err = grammar.OneOf(d, "signed_requests", config.PARModes...)
		return err
	}),
	"profile": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		p.Profile, err = grammar.OneOf(d, "profile", config.ProfileFAPI2)
		return err
	}),
	"metadata_url":    urlValue(func(p *config.Provider) *string { return &p.MetadataURL }),
	"internal_url":    urlValue(func(p *config.Provider) *string { return &p.InternalURL }),
	"end_session_url": urlValue(func(p *config.Provider) *string { return &p.EndSessionURL }),
	"recheck": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		p.Recheck, err = grammar.OneOf(d, "recheck", config.RecheckSilent)
		return err
	}),
	"scopes":         values(func(p *config.Provider) *[]string { return &p.Scopes }),
	"groups_claim":   value(func(p *config.Provider) *string { return &p.GroupsClaim }),
	"groups_overage": grammar.Once(parseGroupsOverage),
	"user_claim":     values(func(p *config.Provider) *[]string { return &p.UserClaims }),
	"trust_user_names": grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) error {
		return alone(d, &p.TrustUserNames)
	}),
	"trust_audience": values(func(p *config.Provider) *[]string { return &p.TrustAudience }),
	"guest_claim":    grammar.Once(parseGuestClaim),
	"iwa_amr":        values(func(p *config.Provider) *[]string { return &p.IWAAMR }),
	"mfa_amr":        values(func(p *config.Provider) *[]string { return &p.MFAAMR }),
	"mfa_acr":        values(func(p *config.Provider) *[]string { return &p.MFAACR }),
	"risk_claim":     grammar.Many(parseRiskClaim),
	"device_claim":   grammar.Many(parseDeviceClaim),
	"inherit_claim":  grammar.Once(parseInheritClaim),
	"auth_param":     grammar.Many(parseAuthParam),
	"ca_file":        value(func(p *config.Provider) *string { return &p.CAFile }),
}

// value returns a word with exactly one argument.
func value(field func(*config.Provider) *string) grammar.Word[*config.Provider] {
	return grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		*field(p), err = grammar.One(d)
		return err
	})
}

// urlValue is value for one of the provider's URLs other than the issuer.
func urlValue(field func(*config.Provider) *string) grammar.Word[*config.Provider] {
	return grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		if *field(p), err = grammar.One(d); err != nil {
			return err
		}
		return grammar.WrapAt(d.Token(), p.CheckAddresses())
	})
}

// values returns a word with one or more arguments.
func values(field func(*config.Provider) *[]string) grammar.Word[*config.Provider] {
	return grammar.Once(func(d *caddyfile.Dispenser, p *config.Provider) (err error) {
		*field(p), err = grammar.List(d)
		return err
	})
}

func parseIssuer(d *caddyfile.Dispenser, p *config.Provider) (err error) {
	if p.Issuer, err = grammar.One(d); err != nil || config.HasPlaceholder(p.Issuer) {
		return err
	}
	if err := config.CheckIssuer(p.Issuer); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseClientSecret reads the secret. Its errors never contain it.
func parseClientSecret(d *caddyfile.Dispenser, p *config.Provider) error {
	if args := d.RemainingArgs(); len(args) == 1 && args[0] != "" {
		p.ClientSecret = args[0]
		return nil
	}
	return d.Err("client_secret takes exactly one value")
}

// parseClientAuth reads a method and, for private_key_jwt, the key file, an optional audience and the next key, for tls the
// certificate and the key.
func parseClientAuth(d *caddyfile.Dispenser, p *config.Provider) error {
	method, err := grammar.FirstOf(d, "client authentication", config.ClientAuthMethods...)
	if err != nil {
		return err
	}
	p.ClientAuth = &config.ClientAuth{Method: method}
	args := d.RemainingArgs()
	switch {
	case slices.Contains(args, ""):
		return d.ArgErr()
	case method == config.ClientTLS && len(args) == 2:
		p.ClientAuth.CertFile, p.ClientAuth.KeyFile = args[0], args[1]
	case method == config.PrivateKeyJWT && len(args) == 2:
		p.ClientAuth.KeyFile, p.ClientAuth.Audience = args[0], args[1]
	case method == config.PrivateKeyJWT && len(args) == 1:
		p.ClientAuth.KeyFile = args[0]
	case method == config.ClientTLS, method == config.PrivateKeyJWT, len(args) > 0:
		return d.ArgErr()
	}
	_, err = clientAuthWords.Block(d, "client authentication option", p.ClientAuth)
	return err
}

var clientAuthWords = grammar.Words[*config.ClientAuth]{
	"next_key": grammar.Once(func(d *caddyfile.Dispenser, c *config.ClientAuth) (err error) {
		c.NextKeyFile, err = grammar.One(d)
		return err
	}),
}

func parseGuestClaim(d *caddyfile.Dispenser, p *config.Provider) error {
	claim, v, err := grammar.Two(d)
	if err != nil {
		return err
	}
	p.Guest = &config.ClaimValue{Claim: claim, Value: v}
	return nil
}

func parseInheritClaim(d *caddyfile.Dispenser, p *config.Provider) error {
	args, err := grammar.List(d)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return d.ArgErr()
	}
	p.Inherit = &config.ClaimValues{Claim: args[0], Values: args[1:]}
	return nil
}

func parseRiskClaim(d *caddyfile.Dispenser, p *config.Provider) error {
	return parseClaimOf(d, "risk", map[string]*string{"sign_in": &p.Risk.SignIn, "user": &p.Risk.User})
}

func parseDeviceClaim(d *caddyfile.Dispenser, p *config.Provider) error {
	return parseClaimOf(d, "device attribute", map[string]*string{
		"compliant": &p.Device.Compliant, "managed": &p.Device.Managed, "shared": &p.Device.Shared,
	})
}

// parseClaimOf reads a kind and the claim for it.
func parseClaimOf(d *caddyfile.Dispenser, what string, kinds map[string]*string) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	to, ok := kinds[d.Val()]
	if !ok {
		return grammar.Unrecognized(d, what, slices.Collect(maps.Keys(kinds)))
	}
	if *to != "" {
		return d.Errf("the claim for %s is given twice", d.Val())
	}
	claim, err := grammar.One(d)
	*to = claim
	return err
}

func parseAuthParam(d *caddyfile.Dispenser, p *config.Provider) error {
	key, v, err := grammar.Two(d)
	if err != nil {
		return err
	}
	if err := config.CheckAuthParam(key, v); err != nil {
		return d.WrapErr(err)
	}
	if _, ok := p.AuthParams[key]; ok {
		return d.Errf("auth_param %s is given twice", key)
	}
	if p.AuthParams == nil {
		p.AuthParams = make(map[string]string)
	}
	p.AuthParams[key] = v
	return nil
}

// parseGroupsOverage reads the address from which groups are fetched that do not fit into a token.
func parseGroupsOverage(d *caddyfile.Dispenser, p *config.Provider) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if d.Val() != "graph" {
		return grammar.Unrecognized(d, "groups_overage", []string{"graph"})
	}
	p.GroupsOverage = oidc.GraphURL
	if d.NextArg() {
		p.GroupsOverage = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}
