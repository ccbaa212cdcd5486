package migrate

import (
	"net/url"
	"strings"
)

// sessions reads how long sessions live.
func (c *oauth2Proxy) sessions() {
	expire, refresh := c.duration("cookie_expire", 7*day), c.duration("cookie_refresh", 0)
	o := c.origin("cookie_expire")
	l := lifetimes{recheck: refresh, comment: "How long users stay signed in: unused, and at all."}
	l.browser = limits{min(day, expire), min(7*day, expire)}
	l.persistent = limits{expire, expire}
	if refresh > 0 {
		l.persistent.most = max(expire, 180*day)
		c.plan.note(Differs, c.origin("cookie_refresh"), "a session that was renewed lived on without an end; max_lifetime ends it after %s", duration(min(l.persistent.most, longest)))
	} else {
		c.plan.note(Differs, Origin{"cookie_refresh", 0}, "without it oauth2-proxy never asked the provider again; Latchkey renews claims and groups every hour, and ends the session of a user whom the provider no longer knows")
	}
	if expire == 0 {
		l.browser, l.persistent = limits{day, 7 * day}, limits{day, 7 * day}
		prompt := o.line("stay_signed_in off")
		prompt.Comment = "Sessions end with the browser, and users are not asked."
		c.plan.Prompt = append(c.plan.Prompt, prompt)
		c.plan.note(Differs, o, "a session ends with the browser, after a day without use and after 7 days; oauth2-proxy has no end for it")
	} else {
		c.plan.note(Differs, o, "users are asked \"Stay signed in?\": a Yes lasts as long as this, a No until the browser closes. `stay_signed_in off` asks no user and lets no session outlive the browser")
	}
	if expire > longest {
		c.plan.note(Differs, o, "a session lasts 400 days at most")
	}
	c.plan.Session = append(c.plan.Session, l.line())
	if c.has("cookie_secret") || c.has("cookie_secret_file") {
		c.text("cookie_secret")
		c.text("cookie_secret_file")
		c.plan.note(Differs, c.origin("cookie_secret"), "is not needed any more: Latchkey makes its keys itself and supersedes them")
	}
	if !c.flag("cookie_secure", true) {
		c.plan.note(Missing, c.origin("cookie_secure"), "cookies are only sent with TLS, but on localhost")
	}
	if !c.flag("cookie_httponly", true) {
		c.plan.note(Missing, c.origin("cookie_httponly"), "scripts cannot read the cookie of a session")
	}
}

// redis reads where sessions are kept.
func (c *oauth2Proxy) redis() {
	kind := c.text("session_store_type")
	address, user := c.text("redis_connection_url"), c.text("redis_username")
	if kind != "redis" {
		if kind == "" || kind == "cookie" {
			c.plan.note(Differs, Origin{"session_store_type", 0}, "oauth2-proxy kept sessions in cookies; Latchkey keeps them in a file under Caddy's data directory. Several gateways need `store redis redis://host:6379/0`")
		} else {
			c.fault("session_store_type", "want cookie or redis")
		}
		return
	}
	o := c.origin("redis_connection_url")
	l := Line{Words: "store redis", From: o}
	var inner []Line
	tls := false
	sentinel, cluster := c.flag("redis_use_sentinel", false), c.flag("redis_use_cluster", false)
	_, password := c.take("redis_password")
	switch {
	case sentinel:
		hosts, secure := c.hosts("redis_sentinel_connection_urls")
		s := c.origin("redis_sentinel_master_name")
		inner, tls = append(inner, s.line("sentinel", append([]string{c.text("redis_sentinel_master_name")}, hosts...)...)), secure
		if c.text("redis_sentinel_password") != "" {
			inner = append(inner, words("sentinel_password "+c.plan.secret(c.origin("redis_sentinel_password"), "SENTINEL_PASSWORD")))
		}
	case cluster:
		hosts, secure := c.hosts("redis_cluster_connection_urls")
		inner, tls = append(inner, c.origin("redis_cluster_connection_urls").line("cluster", hosts...)), secure
	default:
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
			c.fault("redis_connection_url", "want redis://host:port or rediss://host:port")
			return
		}
		if user == "" {
			user = u.User.Username()
		}
		if _, ok := u.User.Password(); ok && !password {
			password = true
			c.all["redis_password"] = &entry{Origin: o, read: true}
		}
		u.User = nil
		l.Given = []string{u.String()}
	}
	if user != "" {
		inner = append(inner, c.origin("redis_username").line("username", user))
	}
	if password {
		inner = append(inner, words("password "+c.plan.secret(c.origin("redis_password"), "REDIS_PASSWORD")))
	}
	if ca := c.text("redis_ca_path"); ca != "" {
		inner = append(inner, words("tls", c.origin("redis_ca_path").line("ca", ca)))
	} else if tls {
		inner = append(inner, words("tls"))
	}
	l.Block = inner
	c.plan.Store = append(c.plan.Store, l)
}

// hosts returns the hosts of a list of addresses, and whether they are reached with TLS.
func (c *oauth2Proxy) hosts(key string) (hosts []string, tls bool) {
	for _, text := range c.list(key) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
			c.fault(key, "want redis://host:port or rediss://host:port")
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
			c.plan.note(Todo, c.origin(key), "user names and passwords in these addresses are not taken over")
		}
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 {
		c.fault(key, "is needed and missing")
	}
	return hosts, tls
}
