package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseBearer reads which access tokens of programs a site accepts:
//
//	bearer {
//		issuer     <url>
//		audience   <value>...
//		scope      <scope>...
//		client     <id>...
//		typ        at+jwt|any
//		metadata   [<resource>]
//		introspect <client id> <secret>
//		forward_authorization
//	}
func parseBearer(d *caddyfile.Dispenser) (*config.Bearer, error) {
	b := new(config.Bearer)
	return b, bearerWords.BlockOnly(d, "bearer option", b)
}

var bearerWords = grammar.Words[*config.Bearer]{
	"issuer": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) (err error) {
		if b.Issuer, err = grammar.One(d); err != nil || config.HasPlaceholder(b.Issuer) {
			return err
		}
		return grammar.WrapAt(d.Token(), config.CheckIssuer(b.Issuer))
	}),
	"audience": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) (err error) {
		b.Audience, err = grammar.List(d)
		return err
	}),
	"scope": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) (err error) {
		b.Scope, err = grammar.List(d)
		return err
	}),
	"client": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) (err error) {
		b.Client, err = grammar.List(d)
		return err
	}),
	"typ": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) (err error) {
		b.Type, err = grammar.OneOf(d, "typ", config.BearerTypeStrict, config.BearerTypeAny)
		return err
	}),
	"metadata": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) error {
		b.Metadata = new(config.BearerMetadata)
		if d.NextArg() {
			b.Metadata.Resource = d.Val()
		}
		if d.NextArg() {
			return d.ArgErr()
		}
		return nil
	}),
	"introspect": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) error {
		b.Introspect = new(config.BearerIntrospect)
		if !d.AllArgs(&b.Introspect.ClientID, &b.Introspect.ClientSecret) {
			return d.Err("introspect takes the client ID and the client secret of the gateway at the issuer") // without what stands there
		}
		return nil
	}),
	"forward_authorization": grammar.Once(func(d *caddyfile.Dispenser, b *config.Bearer) error {
		if d.NextArg() {
			return d.ArgErr()
		}
		b.ForwardAuthorization = true
		return nil
	}),
}
