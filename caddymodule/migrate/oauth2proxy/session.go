package oauth2proxy

import (
	"net/url"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// sessions reads how long sessions live.
func (c *oauth2Proxy) sessions() {
	expire, refresh := c.Duration("cookie_expire", 7*draft.Day), c.Duration("cookie_refresh", 0)
	o := c.Origin("cookie_expire")
	l := draft.Lifetimes{Recheck: refresh, Comment: "How long users stay signed in: unused, and at all."}
	l.Browser = draft.Limits{Idle: min(draft.Day, expire), Most: min(7*draft.Day, expire)}
	l.Persistent = draft.Limits{Idle: expire, Most: expire}
	if refresh > 0 {
		l.Persistent.Most = max(expire, 180*draft.Day)
		c.Plan.Note(draft.Differs, c.Origin("cookie_refresh"), "a session that was renewed lived on without an end; max_lifetime ends it after %s", draft.Span(min(l.Persistent.Most, draft.Longest)))
	} else {
		c.Plan.Note(draft.Differs, draft.At("cookie_refresh", 0), "without it oauth2-proxy never asked the provider again; Latchkey renews claims and groups every hour, and ends the session of a user whom the provider no longer knows")
	}
	if expire == 0 {
		l.Browser, l.Persistent = draft.Limits{Idle: draft.Day, Most: 7 * draft.Day}, draft.Limits{Idle: draft.Day, Most: 7 * draft.Day}
		prompt := o.Words("stay_signed_in off")
		prompt.Comment = "Sessions end with the browser, and users are not asked."
		c.Plan.Prompt = append(c.Plan.Prompt, prompt)
		c.Plan.Note(draft.Differs, o, "a session ends with the browser, after a day without use and after 7 days; oauth2-proxy has no end for it")
	} else {
		c.Plan.Note(draft.Differs, o, "users are asked \"Stay signed in?\": a Yes lasts as long as this, a No until the browser closes. `stay_signed_in off` asks no user and lets no session outlive the browser")
	}
	if expire > draft.Longest {
		c.Plan.Note(draft.Differs, o, "a session lasts 400 days at most")
	}
	c.Plan.Session = append(c.Plan.Session, l.Line())
	if c.Has("cookie_secret") || c.Has("cookie_secret_file") {
		c.Text("cookie_secret")
		c.Text("cookie_secret_file")
		c.Plan.Note(draft.Differs, c.Origin("cookie_secret"), "is not needed any more: Latchkey makes its keys itself and supersedes them")
	}
	if !c.Flag("cookie_secure", true) {
		c.Plan.InsecureCookie(c.Origin("cookie_secure"))
	}
	if !c.Flag("cookie_httponly", true) {
		c.Plan.Note(draft.Missing, c.Origin("cookie_httponly"), "scripts cannot read the cookie of a session")
	}
}

// redis reads where sessions are kept.
func (c *oauth2Proxy) redis() {
	kind := c.Text("session_store_type")
	address, user := c.Text("redis_connection_url"), c.Text("redis_username")
	if kind != "redis" {
		if kind == "" || kind == "cookie" {
			c.Plan.Note(draft.Differs, draft.At("session_store_type", 0), "oauth2-proxy kept sessions in cookies; Latchkey keeps them in a file under Caddy's data directory. Several gateways need `store redis redis://host:6379/0`")
		} else {
			c.Fault("session_store_type", "want cookie or redis")
		}
		return
	}
	o := c.Origin("redis_connection_url")
	l := draft.Line{Words: "store redis", From: o}
	var inner []draft.Line
	tls := false
	sentinel, cluster := c.Flag("redis_use_sentinel", false), c.Flag("redis_use_cluster", false)
	_, password := c.Take("redis_password")
	switch {
	case sentinel:
		hosts, secure := c.hosts("redis_sentinel_connection_urls")
		s := c.Origin("redis_sentinel_master_name")
		inner, tls = append(inner, s.Words("sentinel", append([]string{c.Text("redis_sentinel_master_name")}, hosts...)...)), secure
		if c.Text("redis_sentinel_password") != "" {
			inner = append(inner, draft.Words("sentinel_password "+c.Plan.Secret(c.Origin("redis_sentinel_password"), "SENTINEL_PASSWORD")))
		}
	case cluster:
		hosts, secure := c.hosts("redis_cluster_connection_urls")
		inner, tls = append(inner, c.Origin("redis_cluster_connection_urls").Words("cluster", hosts...)), secure
	default:
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
			c.Fault("redis_connection_url", "want redis://host:port or rediss://host:port")
			return
		}
		if user == "" {
			user = u.User.Username()
		}
		if _, ok := u.User.Password(); ok && !password {
			password = true
			c.All["redis_password"] = &draft.Entry{Origin: o, Read: true}
		}
		u.User = nil
		l.Given = []string{u.String()}
	}
	if user != "" {
		inner = append(inner, c.Origin("redis_username").Words("username", user))
	}
	if password {
		inner = append(inner, draft.Words("password "+c.Plan.Secret(c.Origin("redis_password"), "REDIS_PASSWORD")))
	}
	if ca := c.Text("redis_ca_path"); ca != "" {
		inner = append(inner, draft.Words("tls", c.Origin("redis_ca_path").Words("ca", ca)))
	} else if tls {
		inner = append(inner, draft.Words("tls"))
	}
	l.Block = inner
	c.Plan.Store = append(c.Plan.Store, l)
}

// hosts returns the hosts of a list of addresses, and whether they are reached with TLS.
func (c *oauth2Proxy) hosts(key string) (hosts []string, tls bool) {
	for _, text := range c.List(key) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
			c.Fault(key, "want redis://host:port or rediss://host:port")
			return nil, false
		}
		host := u.Host
		if u.Port() == "" {
			host += ":6379"
		}
		if strings.HasPrefix(u.Scheme, "rediss") {
			tls = true
		}
		if u.User != nil {
			c.Plan.Note(draft.Todo, c.Origin(key), "user names and passwords in these addresses are not taken over")
		}
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 {
		c.Fault(key, "is needed and missing")
	}
	return hosts, tls
}
