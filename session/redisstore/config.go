package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/latchkey-gateway/latchkey/session"
)

// DefaultKeyPrefix is the default of Config.KeyPrefix.
const DefaultKeyPrefix = "latchkey:"

const maxPrefix = 64

// Timeouts of a server. If it does not answer in this time, the gateway reports an error.
const (
	dialTimeout = time.Second
	ioTimeout   = 500 * time.Millisecond
	callTimeout = 2 * time.Second // for a whole call: connecting, finding the master, one retry
)

// Config is the address of Redis and the connection options. One of URL, Master and Cluster is required; URL may be
// combined with the others.
type Config struct {
	// URL is redis://[user[:password]@]host[:port][/db], or rediss:// for TLS. The default port is 6379, the default
	// database 0. With Master it has no host, because the sentinels name the server: redis:///2. With Cluster its host
	// is one more start node.
	URL string
	// Username and Password are for the servers; they override those in URL.
	Username, Password string
	// Master is the name of a master that the Sentinels watch, each host:port.
	Master    string
	Sentinels []string
	// SentinelUsername and SentinelPassword are for the sentinels, if they require authentication.
	SentinelUsername, SentinelPassword string
	// Cluster lists start nodes of a Redis Cluster, each host:port. The other nodes are found from them.
	Cluster []string
	// TLS is used for rediss://, and without a URL if it is not nil. Default for rediss://: TLS 1.2 or newer, the
	// system's authorities, and the host of the address as server name.
	TLS *tls.Config
	// KeyPrefix is the prefix of every key; default DefaultKeyPrefix. At most 64 bytes of the alphabet of
	// session.CheckKey.
	KeyPrefix string
	// Now is the clock for TTLs; nil means time.Now.
	Now func() time.Time
}

// Check returns an error if Open would refuse the configuration. It makes no connection. Its errors never contain a URL
// or a password.
func (c Config) Check() error {
	_, err := c.options()
	return err
}

func (c Config) options() (*redis.UniversalOptions, error) {
	opt := &redis.UniversalOptions{
		Username:         c.Username,
		Password:         c.Password,
		MasterName:       c.Master,
		SentinelUsername: c.SentinelUsername,
		SentinelPassword: c.SentinelPassword,
		TLSConfig:        c.TLS,

		DialTimeout:           dialTimeout,
		ReadTimeout:           ioTimeout,
		WriteTimeout:          ioTimeout,
		PoolTimeout:           dialTimeout,
		MaxRetries:            1,
		DialerRetries:         1,
		ContextTimeoutEnabled: true,

		// The client sends only HELLO or AUTH, SELECT and the commands of the store, and gets one reply for each.
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		PipelinePoolSize:         -1,
	}
	var host string
	if c.URL != "" {
		var err error
		if host, err = c.readURL(opt); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Master != "" && len(c.Cluster) > 0:
		return nil, errors.New("sentinel and cluster exclude each other")
	case c.Master == "" && len(c.Sentinels) > 0:
		return nil, errors.New("sentinels without the name of a master")
	case c.Master != "" && len(c.Sentinels) == 0:
		return nil, errors.New("a master without sentinels")
	case c.Master != "" && host != "":
		return nil, errors.New("with sentinels the url has no host, for they name the server: write redis:///0")
	case c.Master != "":
		opt.Addrs = c.Sentinels
	case len(c.Cluster) > 0 && opt.DB != 0:
		return nil, errors.New("a cluster has database 0 only")
	case len(c.Cluster) > 0:
		opt.Addrs, opt.IsClusterMode = c.Cluster, true
		if host != "" {
			opt.Addrs = append([]string{host}, c.Cluster...)
		}
	case host == "":
		return nil, errors.New("no server: give a url such as redis://127.0.0.1:6379/0")
	default:
		opt.Addrs = []string{host}
	}
	for _, addr := range opt.Addrs {
		if err := checkAddr(addr); err != nil {
			return nil, err
		}
	}
	if opt.Username != "" && opt.Password == "" {
		return nil, errors.New("a username without a password")
	}
	if p := c.prefix(); len(p) > maxPrefix || session.CheckKey(session.Key(p)) != nil {
		return nil, fmt.Errorf("the key prefix has other characters than A-Z a-z 0-9 : . _ -, or more than %d", maxPrefix)
	}
	return opt, nil
}

func (c Config) prefix() string {
	if c.KeyPrefix == "" {
		return DefaultKeyPrefix
	}
	return c.KeyPrefix
}

// readURL applies the URL and returns its host:port, if any. Its errors never quote the URL, because parts of a
// mistyped URL may be parts of a password.
func (c Config) readURL(opt *redis.UniversalOptions) (host string, err error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", errors.New("not a url (special characters in a password must be escaped there, or set the password apart)")
	}
	switch u.Scheme {
	case "redis":
		if c.TLS != nil {
			return "", errors.New("tls is set, but the url says redis://; write rediss://")
		}
	case "rediss":
		if opt.TLSConfig == nil {
			opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	default:
		return "", errors.New("the url must begin with redis:// or rediss://")
	}
	if u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("the url has more than redis://user:password@host:port/db (escape special characters in a password, or set it apart)")
	}
	if password, ok := u.User.Password(); ok && opt.Password == "" {
		opt.Password = password
	}
	if name := u.User.Username(); name != "" && opt.Username == "" {
		opt.Username = name
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if opt.DB, err = strconv.Atoi(db); err != nil || opt.DB < 0 {
			return "", errors.New("what follows the host in the url must be the number of a database, as in redis://host:6379/0")
		}
	}
	switch {
	case u.Host == "":
		return "", nil
	case u.Hostname() == "":
		return "", errors.New("the url has a port, but no host")
	case u.Port() == "":
		return net.JoinHostPort(u.Hostname(), "6379"), nil
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}

func checkAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") {
		if strings.Contains(addr, "@") {
			return errors.New("a server must be given as host:port, without a user")
		}
		return fmt.Errorf("%q is not host:port", addr)
	}
	return nil
}
