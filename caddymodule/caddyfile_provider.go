package caddymodule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

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
//		client_auth   private_key_jwt <key file> [<audience>]
//		client_auth   client_secret_basic|client_secret_post
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
func parseProvider(d *caddyfile.Dispenser, a *AppConfig) error {
	start := d.Token()
	p := &Provider{Name: defaultProvider}
	if d.NextArg() {
		p.Name = d.Val()
		if err := checkID(p.Name); err != nil {
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
	if _, err := providerWords.block(d, "provider option", p); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return wrapAt(start, fmt.Errorf("provider %q: %w", p.Name, err))
	}
	a.Providers = append(a.Providers, p)
	return nil
}

var providerWords = grammar[*Provider]{
	"name":            {once, parseDisplayName},
	"icon":            {once, parseIcon},
	"issuer":          {once, parseIssuer},
	"client_id":       value(func(p *Provider) *string { return &p.ClientID }),
	"client_secret":   {once, parseClientSecret},
	"client_auth":     {once, parseClientAuth},
	"metadata_url":    urlValue(func(p *Provider) *string { return &p.MetadataURL }),
	"internal_url":    urlValue(func(p *Provider) *string { return &p.InternalURL }),
	"end_session_url": urlValue(func(p *Provider) *string { return &p.EndSessionURL }),
	"recheck": {once, func(d *caddyfile.Dispenser, p *Provider) (err error) {
		p.Recheck, err = oneOf(d, "recheck", recheckSilent)
		return err
	}},
	"scopes":         values(func(p *Provider) *[]string { return &p.Scopes }),
	"groups_claim":   value(func(p *Provider) *string { return &p.GroupsClaim }),
	"groups_overage": {once, parseGroupsOverage},
	"user_claim":     values(func(p *Provider) *[]string { return &p.UserClaims }),
	"trust_user_names": {once, func(d *caddyfile.Dispenser, p *Provider) error {
		return alone(d, &p.TrustUserNames)
	}},
	"trust_audience": values(func(p *Provider) *[]string { return &p.TrustAudience }),
	"guest_claim":    {once, parseGuestClaim},
	"iwa_amr":        values(func(p *Provider) *[]string { return &p.IWAAMR }),
	"mfa_amr":        values(func(p *Provider) *[]string { return &p.MFAAMR }),
	"mfa_acr":        values(func(p *Provider) *[]string { return &p.MFAACR }),
	"risk_claim":     {many, parseRiskClaim},
	"device_claim":   {many, parseDeviceClaim},
	"inherit_claim":  {once, parseInheritClaim},
	"auth_param":     {many, parseAuthParam},
	"ca_file":        value(func(p *Provider) *string { return &p.CAFile }),
}

// value is a word with exactly one argument.
func value(field func(*Provider) *string) word[*Provider] {
	return word[*Provider]{once, func(d *caddyfile.Dispenser, p *Provider) (err error) {
		*field(p), err = one(d)
		return err
	}}
}

// urlValue is value for one of the addresses beside the issuer's.
func urlValue(field func(*Provider) *string) word[*Provider] {
	return word[*Provider]{once, func(d *caddyfile.Dispenser, p *Provider) (err error) {
		if *field(p), err = one(d); err != nil {
			return err
		}
		return wrapAt(d.Token(), p.checkAddresses())
	}}
}

// values is a word with one argument or more.
func values(field func(*Provider) *[]string) word[*Provider] {
	return word[*Provider]{once, func(d *caddyfile.Dispenser, p *Provider) (err error) {
		*field(p), err = list(d)
		return err
	}}
}

func parseIssuer(d *caddyfile.Dispenser, p *Provider) (err error) {
	if p.Issuer, err = one(d); err != nil || hasPlaceholder(p.Issuer) {
		return err
	}
	if err := checkIssuer(p.Issuer); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseClientSecret never shows what it read.
func parseClientSecret(d *caddyfile.Dispenser, p *Provider) error {
	if args := d.RemainingArgs(); len(args) == 1 && args[0] != "" {
		p.ClientSecret = args[0]
		return nil
	}
	return d.Err("client_secret takes exactly one value")
}

// parseClientAuth reads a method, and for a key its file and maybe an audience.
func parseClientAuth(d *caddyfile.Dispenser, p *Provider) error {
	method, err := firstOf(d, "client authentication", clientAuthMethods...)
	if err != nil {
		return err
	}
	p.ClientAuth = &ClientAuth{Method: method}
	args := d.RemainingArgs()
	if method != privateKeyJWT && len(args) == 0 {
		return nil
	}
	if method != privateKeyJWT || len(args) == 0 || len(args) > 2 || slices.Contains(args, "") {
		return d.ArgErr()
	}
	if p.ClientAuth.KeyFile = args[0]; len(args) == 2 {
		p.ClientAuth.Audience = args[1]
	}
	return nil
}

func parseGuestClaim(d *caddyfile.Dispenser, p *Provider) error {
	claim, v, err := two(d)
	if err != nil {
		return err
	}
	p.Guest = &ClaimValue{Claim: claim, Value: v}
	return nil
}

func parseInheritClaim(d *caddyfile.Dispenser, p *Provider) error {
	args, err := list(d)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return d.ArgErr()
	}
	p.Inherit = &ClaimValues{Claim: args[0], Values: args[1:]}
	return nil
}

func parseRiskClaim(d *caddyfile.Dispenser, p *Provider) error {
	return parseClaimOf(d, "risk", map[string]*string{"sign_in": &p.Risk.SignIn, "user": &p.Risk.User})
}

func parseDeviceClaim(d *caddyfile.Dispenser, p *Provider) error {
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
		return unrecognized(d, what, slices.Collect(maps.Keys(kinds)))
	}
	if *to != "" {
		return d.Errf("the claim for %s is given twice", d.Val())
	}
	claim, err := one(d)
	*to = claim
	return err
}

func parseAuthParam(d *caddyfile.Dispenser, p *Provider) error {
	key, v, err := two(d)
	if err != nil {
		return err
	}
	if err := checkAuthParam(key, v); err != nil {
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

// parseGroupsOverage reads where groups are fetched that did not fit into a token.
func parseGroupsOverage(d *caddyfile.Dispenser, p *Provider) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if d.Val() != "graph" {
		return unrecognized(d, "groups_overage", []string{"graph"})
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
