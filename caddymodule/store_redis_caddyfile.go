package caddymodule

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
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
func (s *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
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
	if _, err := redisWords.block(d, "redis store option", s); err != nil {
		return err
	}
	if s.Sentinel != nil && s.Sentinel.Master == "" {
		return wrapAt(start, errors.New("redis: sentinel_username and sentinel_password need sentinel"))
	}
	return wrapAt(start, s.checkLiteral())
}

// checkLiteral finds mistakes while there are a file and a line to name, as far as they can be seen before placeholders
// have values.
func (s *RedisStore) checkLiteral() error {
	c := s.plain()
	if slices.ContainsFunc(append(append([]string{c.URL, c.KeyPrefix}, c.Cluster...), c.Sentinels...), hasPlaceholder) {
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
func (s *RedisStore) passwordInURL() bool {
	u, err := url.Parse(s.URL)
	if err != nil {
		return false
	}
	_, ok := u.User.Password()
	return ok
}

var redisWords = grammar[*RedisStore]{
	"username": {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) { s.Username, err = one(d); return err }},
	"password": {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) { s.Password, err = secret(d); return err }},
	"sentinel": {once, parseSentinel},
	"sentinel_username": {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) {
		s.sentinel().Username, err = one(d)
		return err
	}},
	"sentinel_password": {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) {
		s.sentinel().Password, err = secret(d)
		return err
	}},
	"cluster":    {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) { s.Cluster, err = list(d); return err }},
	"key_prefix": {once, func(d *caddyfile.Dispenser, s *RedisStore) (err error) { s.KeyPrefix, err = one(d); return err }},
	"tls": {once, func(d *caddyfile.Dispenser, s *RedisStore) error {
		if d.NextArg() {
			return d.Err("tls takes no arguments; its options stand in a block")
		}
		s.TLS = new(RedisTLS)
		_, err := redisTLSWords.block(d, "tls option", s.TLS)
		return err
	}},
}

var redisTLSWords = grammar[*RedisTLS]{
	"ca":          {once, func(d *caddyfile.Dispenser, t *RedisTLS) (err error) { t.CA, err = one(d); return err }},
	"cert":        {once, func(d *caddyfile.Dispenser, t *RedisTLS) (err error) { t.Cert, err = one(d); return err }},
	"key":         {once, func(d *caddyfile.Dispenser, t *RedisTLS) (err error) { t.Key, err = one(d); return err }},
	"server_name": {once, func(d *caddyfile.Dispenser, t *RedisTLS) (err error) { t.ServerName, err = one(d); return err }},
}

// sentinel is where the sentinels' options go, in whatever order they stand.
func (s *RedisStore) sentinel() *RedisSentinel {
	if s.Sentinel == nil {
		s.Sentinel = new(RedisSentinel)
	}
	return s.Sentinel
}

func parseSentinel(d *caddyfile.Dispenser, s *RedisStore) error {
	args, err := list(d)
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
var _ caddyfile.Unmarshaler = (*RedisStore)(nil)
