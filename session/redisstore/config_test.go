package redisstore

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		cfg      Config
		addrs    []string
		db       int
		user, pw string
		tls      bool
	}{
		"plain":             {cfg: Config{URL: "redis://h:6380/2"}, addrs: []string{"h:6380"}, db: 2},
		"defaults":          {cfg: Config{URL: "redis://h"}, addrs: []string{"h:6379"}},
		"ipv6":              {cfg: Config{URL: "redis://[::1]:7/"}, addrs: []string{"[::1]:7"}},
		"tls":               {cfg: Config{URL: "rediss://h/0"}, addrs: []string{"h:6379"}, tls: true},
		"user":              {cfg: Config{URL: "redis://u:p%40@h"}, addrs: []string{"h:6379"}, user: "u", pw: "p@"},
		"password":          {cfg: Config{URL: "redis://:p@h"}, addrs: []string{"h:6379"}, pw: "p"},
		"fields win":        {cfg: Config{URL: "redis://u:p@h", Username: "v", Password: "q"}, addrs: []string{"h:6379"}, user: "v", pw: "q"},
		"sentinel":          {cfg: Config{Master: "m", Sentinels: []string{"a:1", "b:2"}}, addrs: []string{"a:1", "b:2"}},
		"sentinel with url": {cfg: Config{URL: "rediss://u:p@/2", Master: "m", Sentinels: []string{"a:1"}}, addrs: []string{"a:1"}, db: 2, user: "u", pw: "p", tls: true},
		"sentinel with tls": {cfg: Config{TLS: &tls.Config{}, Master: "m", Sentinels: []string{"a:1"}}, addrs: []string{"a:1"}, tls: true}, //nolint:gosec // unused
		"cluster":           {cfg: Config{Cluster: []string{"a:1"}}, addrs: []string{"a:1"}},
		"cluster with url":  {cfg: Config{URL: "redis://z:9", Cluster: []string{"a:1"}}, addrs: []string{"z:9", "a:1"}},
	}
	for name, tt := range tests {
		opt, err := tt.cfg.options()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(opt.Addrs, tt.addrs) || opt.DB != tt.db || opt.Username != tt.user || opt.Password != tt.pw || (opt.TLSConfig != nil) != tt.tls {
			t.Errorf("%s: %v db %d user %q password %q tls %v", name, opt.Addrs, opt.DB, opt.Username, opt.Password, opt.TLSConfig != nil)
		}
		if opt.IsClusterMode != (len(tt.cfg.Cluster) > 0) || opt.MasterName != tt.cfg.Master {
			t.Errorf("%s: cluster %v, master %q", name, opt.IsClusterMode, opt.MasterName)
		}
	}
}

// A56 and no secret in an error: what is refused, and that the refusal says which word is wrong without quoting it.
func TestConfigRefused(t *testing.T) {
	const secret = "s3cr/et#x"
	tests := map[string]struct {
		cfg  Config
		says string
	}{
		"nothing":                 {Config{}, "no server"},
		"no scheme":               {Config{URL: "localhost:6379"}, "redis://"},
		"another scheme":          {Config{URL: "http://h"}, "redis://"},
		"unix":                    {Config{URL: "unix:///run/redis.sock"}, "redis://"},
		"no host":                 {Config{URL: "redis:///0"}, "no server"},
		"port only":               {Config{URL: "redis://:6379"}, "no host"},
		"bad port":                {Config{URL: "redis://h:99999"}, "host:port"},
		"bad database":            {Config{URL: "redis://h/one"}, "database"},
		"negative database":       {Config{URL: "redis://h/-1"}, "database"},
		"two paths":               {Config{URL: "redis://h/1/2"}, "database"},
		"query":                   {Config{URL: "redis://h?db=1"}, "more than"},
		"unescaped password":      {Config{URL: "redis://:" + secret + "@h"}, "escape"},
		"unescaped percent":       {Config{URL: "redis://:" + secret + "%zz@h"}, "escape"},
		"opaque":                  {Config{URL: "redis:h"}, "more than"},
		"tls without rediss":      {Config{URL: "redis://h", TLS: &tls.Config{}}, "rediss://"}, //nolint:gosec // unused
		"user without password":   {Config{URL: "redis://u@h"}, "password"},
		"both":                    {Config{Master: "m", Sentinels: []string{"a:1"}, Cluster: []string{"a:1"}}, "exclude"},
		"sentinels only":          {Config{Sentinels: []string{"a:1"}}, "master"},
		"master only":             {Config{Master: "m"}, "sentinels"},
		"sentinel with host":      {Config{URL: "redis://h/0", Master: "m", Sentinels: []string{"a:1"}}, "no host"},
		"cluster with a database": {Config{URL: "redis://h/1", Cluster: []string{"a:1"}}, "database 0"},
		"cluster without a port":  {Config{Cluster: []string{"node"}}, "host:port"},
		"cluster with a user":     {Config{Cluster: []string{"u:" + secret + "@node:1"}}, "without a user"},
		"port zero":               {Config{Cluster: []string{"a:0"}}, "host:port"},
		"prefix":                  {Config{URL: "redis://h", KeyPrefix: "{x}"}, "prefix"},
	}
	for name, tt := range tests {
		err := tt.cfg.Check()
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(tt.cfg); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
