package store

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

func init() {
	caddy.RegisterModule(new(Redis))
}

// Redis stores sessions in Redis or Valkey, which several gateways can share: a single server, Sentinel or Cluster. Set
// `maxmemory-policy noeviction` on the server, because eviction loses sessions. Latchkey starts even if the server is
// down.
type Redis struct {
	// The address of the server: `redis://host:port/db`, or `rediss://` for TLS. It may include a user and a password.
	// With `sentinel` it has no host, as in `redis:///2`, and is optional. With `cluster` its host is one more start
	// node.
	URL string `json:"url,omitempty"`

	// The user name for the server. Default: the one in the URL, else the server's default user.
	Username string `json:"username,omitempty"`

	// The password for the server. Use a placeholder, `{env.NAME}` or `{file./path}`: a literal password is visible in
	// the adapted configuration and in Caddy's autosave. Default: the one in the URL, else none.
	Password string `json:"password,omitempty"`

	// The sentinels that know the current master.
	Sentinel *Sentinel `json:"sentinel,omitempty"`

	// Start nodes of a Redis Cluster, each `host:port`.
	Cluster []string `json:"cluster,omitempty"`

	// The prefix of every key. Gateways that share sessions need the same prefix. Default: `latchkey:`.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// TLS for the connections to the server and the sentinels. If there is a URL, it must be `rediss://`.
	TLS *TLS `json:"tls,omitempty"`

	config   redisstore.Config
	identity string
}

// Sentinel names the master and the sentinels that know its address.
type Sentinel struct {
	// The name of the master at the sentinels.
	Master string `json:"master"`

	// The addresses of the sentinels, each `host:port`.
	Addresses []string `json:"addresses"`

	// The user name for the sentinels, if they require one. Default: none.
	Username string `json:"username,omitempty"`

	// The password for the sentinels. Default: none; the server's password is not used for them.
	Password string `json:"password,omitempty"`
}

// TLS sets the trusted authorities and the client certificate.
type TLS struct {
	// A PEM file with the certificates of the trusted authorities. Default: the system's.
	CA string `json:"ca,omitempty"`

	// A PEM file with the client certificate, for a server that requires one. Needs `key`.
	Cert string `json:"cert,omitempty"`

	// The PEM file with the private key of `cert`.
	Key string `json:"key,omitempty"`

	// The name that the server's certificate must have. Default: the host of the address.
	ServerName string `json:"server_name,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Redis) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.redis", New: func() caddy.Module { return new(Redis) }}
}

// Provision replaces placeholders, reads certificates and checks the configuration. It makes no connection. A missing
// secret or file refuses the configuration (A56).
func (s *Redis) Provision(ctx caddy.Context) error {
	resolved := *s
	if s.Sentinel != nil {
		sentinel := *s.Sentinel
		resolved.Sentinel = &sentinel
	}
	if s.TLS != nil {
		files := *s.TLS
		resolved.TLS = &files
	}
	if err := resolved.resolve(); err != nil {
		return err
	}
	s.config = resolved.plain()
	hash := sha256.New()
	if resolved.TLS != nil {
		var err error
		if s.config.TLS, err = resolved.TLS.load(hash); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
	}
	if err := s.config.Check(); err != nil {
		return err
	}
	if err := json.NewEncoder(hash).Encode(resolved); err != nil { // the whole configuration, not readable
		return err
	}
	s.identity = fmt.Sprintf("redis:%x", hash.Sum(nil))
	for name, secret := range map[string]string{"password": s.Password, "sentinel_password": s.sentinelPassword(), "url": s.URL} {
		if secret == "" || config.HasPlaceholder(secret) || name == "url" && !s.passwordInURL() {
			continue
		}
		ctx.Logger().Warn("a secret stands in the configuration itself; use {env.NAME} or {file./path}", zap.String("option", name))
	}
	return nil
}

func (s *Redis) sentinelPassword() string {
	if s.Sentinel == nil {
		return ""
	}
	return s.Sentinel.Password
}

// resolve replaces all placeholders. An empty value is refused even for an option that can be left out.
func (s *Redis) resolve() error {
	fields := map[string]*string{"url": &s.URL, "username": &s.Username, "password": &s.Password, "key_prefix": &s.KeyPrefix}
	s.Cluster = append([]string(nil), s.Cluster...)
	for i := range s.Cluster {
		fields[fmt.Sprintf("cluster: node %d", i+1)] = &s.Cluster[i]
	}
	if s.Sentinel != nil {
		fields["sentinel: master"], fields["sentinel_username"], fields["sentinel_password"] = &s.Sentinel.Master, &s.Sentinel.Username, &s.Sentinel.Password
		s.Sentinel.Addresses = append([]string(nil), s.Sentinel.Addresses...)
		for i := range s.Sentinel.Addresses {
			fields[fmt.Sprintf("sentinel: address %d", i+1)] = &s.Sentinel.Addresses[i]
		}
	}
	if s.TLS != nil {
		fields["tls: ca"], fields["tls: cert"], fields["tls: key"], fields["tls: server_name"] = &s.TLS.CA, &s.TLS.Cert, &s.TLS.Key, &s.TLS.ServerName
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field := fields[name]
		if *field == "" {
			continue
		}
		var err error
		if *field, err = config.Resolve(name, *field); err != nil {
			return err
		}
	}
	return nil
}

// plain returns the configuration for package redisstore, without TLS.
func (s *Redis) plain() redisstore.Config {
	c := redisstore.Config{URL: s.URL, Username: s.Username, Password: s.Password, Cluster: s.Cluster, KeyPrefix: s.KeyPrefix}
	if s.Sentinel != nil {
		c.Master, c.Sentinels = s.Sentinel.Master, s.Sentinel.Addresses
		c.SentinelUsername, c.SentinelPassword = s.Sentinel.Username, s.Sentinel.Password
	}
	return c
}

// load reads the files and adds their content to the identity: a new certificate in the same file means a new store.
func (t *TLS) load(identity io.Writer) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	read := func(name, file string) ([]byte, error) {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		_, err = identity.Write(data)
		return data, err
	}
	if t.CA != "" {
		data, err := read("ca", t.CA)
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("ca: no certificate (PEM) in %s", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("cert and key need each other")
	}
	if t.Cert != "" {
		cert, err := read("cert", t.Cert)
		if err != nil {
			return nil, err
		}
		key, err := read("key", t.Key)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("cert and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// Config returns the configuration of the connection. It is valid after Provision.
func (s *Redis) Config() redisstore.Config { return s.config }

// Identity implements Module. It is a hash of the server's address, the connection options and the credentials.
func (s *Redis) Identity() string { return s.identity }

// Open implements Module. If the server does not answer, it logs a warning and returns no error: the server may come up
// later. Until then requests get an outage error; users are not signed out.
func (s *Redis) Open(logger *zap.Logger) (session.Store, error) {
	redisstore.LogTo(func(message string) {
		caddy.Log().Named("latchkey.redis").Debug("redis client", zap.String("says", message))
	})
	store, err := redisstore.Open(s.config)
	if err != nil {
		return nil, err
	}
	go greet(store, logger)
	return store, nil
}

// greetEvery is the interval at which a server that has not answered yet is asked for its settings.
const greetEvery = 10 * time.Second

// greet logs once that a server does not answer yet, and logs unsuitable settings of the server when it answers. It
// ends when the store is closed.
func greet(store *redisstore.Store, logger *zap.Logger) {
	for first := true; ; first = false {
		err := store.Ping(context.Background()) // each call has its own timeout
		switch {
		case errors.Is(err, session.ErrClosed):
			return
		case err == nil:
			advice, err := store.Advice(context.Background())
			if err != nil {
				// Managed servers may not allow this query, and the user may lack the permission.
				logger.Debug("the session store does not tell how it is set up", zap.Error(err))
			}
			for _, line := range advice {
				logger.Warn("the session store is not set up as it should be", zap.String("advice", line))
			}
			return
		case first:
			logger.Warn("the session store does not answer yet", zap.Error(err))
		}
		retry.Sleep(context.Background(), greetEvery)
	}
}

// Interface guards
var (
	_ caddy.Provisioner = (*Redis)(nil)
	_ Module            = (*Redis)(nil)
)
