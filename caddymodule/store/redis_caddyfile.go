package store

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// UnmarshalCaddyfile reads the store's configuration:
//
//	redis [<url>] {
//		username          <user>
//		password          <password>
//		sentinel          <master> <host:port>...
//		sentinel_username <user>
//		sentinel_password <password>
//		cluster           <host:port>...
//		key_prefix        <prefix>
//		tls {
//			ca          <file>
//			cert        <file>
//			key         <file>
//			server_name <name>
//		}
//	}
//
// The URL is optional only with sentinel or cluster. Errors never contain a URL or a password.
func (s *Redis) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the driver
	start := d.Token()
	if d.NextArg() {
		if s.URL = d.Val(); s.URL == "" {
			return d.Err("the url of the redis store is empty")
		}
	}
	if d.NextArg() {
		return d.Err("the redis store takes one url, and a block for the rest")
	}
	if _, err := redisWords.Block(d, "redis store option", s); err != nil {
		return err
	}
	if s.Sentinel != nil && s.Sentinel.Master == "" {
		return grammar.WrapAt(start, errors.New("redis: sentinel_username and sentinel_password need sentinel"))
	}
	return grammar.WrapAt(start, s.checkLiteral())
}

// checkLiteral finds mistakes while file and line are known, except those in values with placeholders.
func (s *Redis) checkLiteral() error {
	c := s.plain()
	if slices.ContainsFunc(append(append([]string{c.URL, c.KeyPrefix}, c.Cluster...), c.Sentinels...), config.HasPlaceholder) {
		return nil
	}
	if s.TLS != nil {
		if (s.TLS.Cert == "") != (s.TLS.Key == "") {
			return errors.New("redis: tls: cert and key need each other")
		}
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// passwordInURL reports whether the URL contains a password.
func (s *Redis) passwordInURL() bool {
	u, err := url.Parse(s.URL)
	if err != nil {
		return false
	}
	_, ok := u.User.Password()
	return ok
}

var redisWords = grammar.Words[*Redis]{
	"username": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) { s.Username, err = grammar.One(d); return err }),
	"password": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) { s.Password, err = secret(d); return err }),
	"sentinel": grammar.Once(parseSentinel),
	"sentinel_username": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) {
		s.sentinel().Username, err = grammar.One(d)
		return err
	}),
	"sentinel_password": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) {
		s.sentinel().Password, err = secret(d)
		return err
	}),
	"cluster":    grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) { s.Cluster, err = grammar.List(d); return err }),
	"key_prefix": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) (err error) { s.KeyPrefix, err = grammar.One(d); return err }),
	"tls": grammar.Once(func(d *caddyfile.Dispenser, s *Redis) error {
		if d.NextArg() {
			return d.Err("tls takes no arguments; its options stand in a block")
		}
		s.TLS = new(TLS)
		_, err := redisTLSWords.Block(d, "tls option", s.TLS)
		return err
	}),
}

var redisTLSWords = grammar.Words[*TLS]{
	"ca":          grammar.Once(func(d *caddyfile.Dispenser, t *TLS) (err error) { t.CA, err = grammar.One(d); return err }),
	"cert":        grammar.Once(func(d *caddyfile.Dispenser, t *TLS) (err error) { t.Cert, err = grammar.One(d); return err }),
	"key":         grammar.Once(func(d *caddyfile.Dispenser, t *TLS) (err error) { t.Key, err = grammar.One(d); return err }),
	"server_name": grammar.Once(func(d *caddyfile.Dispenser, t *TLS) (err error) { t.ServerName, err = grammar.One(d); return err }),
}

// sentinel returns the sentinel options. Their words may come in any order.
func (s *Redis) sentinel() *Sentinel {
	if s.Sentinel == nil {
		s.Sentinel = new(Sentinel)
	}
	return s.Sentinel
}

func parseSentinel(d *caddyfile.Dispenser, s *Redis) error {
	args, err := grammar.List(d)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return d.Err("sentinel takes the name of the master and one host:port or more")
	}
	s.sentinel().Master, s.sentinel().Addresses = args[0], args[1:]
	return nil
}

// secret reads exactly one argument. Its errors never contain the argument.
func secret(d *caddyfile.Dispenser) (string, error) {
	what := d.Val()
	if args := d.RemainingArgs(); len(args) == 1 && args[0] != "" {
		return args[0], nil
	}
	return "", d.Errf("%s takes exactly one value", what)
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Redis)(nil)
