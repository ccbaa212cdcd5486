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

// UnmarshalCaddyfile reads
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
// The URL may only be left out with sentinel or cluster. No error quotes a URL or a password.
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

// checkLiteral finds mistakes while there are a file and a line to name, as far as they can be seen before placeholders
// have values.
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

// passwordInURL tells whether a password stands in the URL.
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

// sentinel is where the sentinels' options go, in whatever order they stand.
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

// secret reads exactly one argument and never shows what it read.
func secret(d *caddyfile.Dispenser) (string, error) {
	what := d.Val()
	if args := d.RemainingArgs(); len(args) == 1 && args[0] != "" {
		return args[0], nil
	}
	return "", d.Errf("%s takes exactly one value", what)
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Redis)(nil)
