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
)

func init() {
	caddy.RegisterModule(new(Redis))
}

// Redis keeps sessions in Redis or Valkey, which several gateways share: one server, Sentinel or Cluster. Give the
// server `maxmemory-policy noeviction`: one that evicts forgets sessions. Latchkey starts while the server is down.
type Redis struct {
	// Where the server is: `redis://host:port/db`, or `rediss://` for TLS. A user and a password may stand in it. With
	// `sentinel` it has no host, as in `redis:///2`, and may be left out; with `cluster` its host is one more node to
	// start from.
	URL string `json:"url,omitempty"`

	// The user to authenticate as. Default: the one in the URL, else the server's default user.
	Username string `json:"username,omitempty"`

	// The password. Use a placeholder, `{env.NAME}` or `{file./path}`: a literal ends up in the adapted configuration and
	// in Caddy's autosave. Default: the one in the URL, else none.
	Password string `json:"password,omitempty"`

	// Sentinels that know where the master is.
	Sentinel *Sentinel `json:"sentinel,omitempty"`

	// Nodes of a Redis Cluster to start from, each `host:port`.
	Cluster []string `json:"cluster,omitempty"`

	// What every key begins with. Gateways that share sessions share it. Default: `latchkey:`.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// TLS to the server, and to sentinels. With a URL that URL must say `rediss://`.
	TLS *TLS `json:"tls,omitempty"`

	config   redisstore.Config
	identity string
}

// Sentinel says which master is wanted, and who knows where it is.
type Sentinel struct {
	// The name that the sentinels know the master by.
	Master string `json:"master"`

	// The sentinels, each `host:port`.
	Addresses []string `json:"addresses"`

	// The user to authenticate as at the sentinels, if those ask. Default: none.
	Username string `json:"username,omitempty"`

	// The password for the sentinels. Default: none, whatever the servers' password is.
	Password string `json:"password,omitempty"`
}

// TLS says whom to trust, and who we are.
type TLS struct {
	// A file with the certificates (PEM) of the authorities to trust. Default: the system's.
	CA string `json:"ca,omitempty"`

	// A file with our own certificate (PEM), for a server that asks for one. Needs `key`.
	Cert string `json:"cert,omitempty"`

	// The file with the private key (PEM) of `cert`.
	Key string `json:"key,omitempty"`

	// The name that the server's certificate is verified against. Default: the host that is dialled.
	ServerName string `json:"server_name,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Redis) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.redis", New: func() caddy.Module { return new(Redis) }}
}

// Provision resolves placeholders, reads certificates and checks the whole. It reaches no server. What is missing, a
// secret or a file, refuses the configuration (A56).
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
	if err := json.NewEncoder(hash).Encode(resolved); err != nil { // all that is configured, and nothing of it legible
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

// resolve replaces all placeholders. An empty one is refused, also where leaving the option out would do.
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

// plain is the configuration for package redisstore, but for TLS.
func (s *Redis) plain() redisstore.Config {
	c := redisstore.Config{URL: s.URL, Username: s.Username, Password: s.Password, Cluster: s.Cluster, KeyPrefix: s.KeyPrefix}
	if s.Sentinel != nil {
		c.Master, c.Sentinels = s.Sentinel.Master, s.Sentinel.Addresses
		c.SentinelUsername, c.SentinelPassword = s.Sentinel.Username, s.Sentinel.Password
	}
	return c
}

// load reads the files and adds what stood in them to the identity: a new certificate in an old file is a new store.
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

// Config is how the server is reached, once it is provisioned.
func (s *Redis) Config() redisstore.Config { return s.config }

// Identity implements StoreModule. It is a hash of where the server is, how it is reached and as whom.
func (s *Redis) Identity() string { return s.identity }

// Open implements StoreModule. A server that does not answer is a warning: it may come later, and what is asked
// meanwhile is answered with an outage rather than a sign-out.
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

// greetEvery is how often a server that does not answer yet is asked how it is set up.
const greetEvery = 10 * time.Second

// greet says once that a server does not answer yet, and what is amiss with its setting up as soon as it does. It ends
// with the store at the latest.
func greet(store *redisstore.Store, logger *zap.Logger) {
	for first := true; ; first = false {
		err := store.Ping(context.Background()) // each call has a time limit of its own
		switch {
		case errors.Is(err, session.ErrClosed):
			return
		case err == nil:
			advice, err := store.Advice(context.Background())
			if err != nil {
				// A managed server may not tell, and a user may not be allowed to ask.
				logger.Debug("the session store does not tell how it is set up", zap.Error(err))
			}
			for _, line := range advice {
				logger.Warn("the session store is not set up as it should be", zap.String("advice", line))
			}
			return
		case first:
			logger.Warn("the session store does not answer yet", zap.Error(err))
		}
		<-time.NewTimer(greetEvery).C
	}
}

// Interface guards
var (
	_ caddy.Provisioner = (*Redis)(nil)
	_ Module            = (*Redis)(nil)
)
