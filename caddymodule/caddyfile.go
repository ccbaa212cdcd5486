package caddymodule

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("latchkey", parseGlobal)
	httpcaddyfile.RegisterDirective("latchkey", parseSite)
	// In front of everything that may answer or forward, and of basic_auth, so that both can be used together.
	httpcaddyfile.RegisterDirectiveOrder("latchkey", httpcaddyfile.Before, "basic_auth")
}

// parseGlobal sets up the app from the global option:
//
//	latchkey {
//		provider [<name>] { ... }
//		store <driver> ...
//		keys <secret>...
//		keys_rotate <duration>
//		session {
//			browser {
//				idle_limit   <duration>
//				max_lifetime <duration>
//			}
//			persistent { ... }
//			recheck <duration>
//			cache_recheck <duration>
//			max_sessions  <number>
//			outage_grace <duration>
//		}
//		stay_signed_in [on|off] { ... }
//		idle_sign_out { ... }
//		rate_limit <number>/<duration>|off
//		sign_in_host <host>
//		header_encoding utf8|percent|base64|latin1
//		brand { ... }
//		sign_in_log { ... }
//		network <name> [trusted] [shared] <range>...|private_ranges
//		policy <name> { ... }
//	}
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next() // the option's name
	start := d.Token()
	if existing != nil {
		return nil, d.Errf("latchkey is configured twice: one global block holds all of it")
	}
	if d.NextArg() {
		return nil, d.Errf("unexpected %q: the latchkey option takes a block only", d.Val())
	}
	app := new(AppConfig)
	if _, err := globalWords.block(d, "latchkey option", app); err != nil {
		return nil, err
	}
	if err := checkGlobal(app); err != nil {
		return nil, wrapAt(start, err)
	}
	return httpcaddyfile.App{Name: "latchkey", Value: caddyconfig.JSON(app, nil)}, nil
}

// checkGlobal checks what no single line shows.
func checkGlobal(a *AppConfig) error {
	if err := locateProviders(a.Policies, a); err != nil {
		return err
	}
	if err := firstProblem(checkPolicies(a, nil)); err != nil {
		return err
	}
	return a.check()
}

// locateProviders refuses a policy that names an unknown provider, at its line; providers may come after policies.
func locateProviders(policies []*Policy, a *AppConfig) error {
	for _, p := range policies {
		if err := p.checkProviders(a); err != nil {
			return locatedAt(p.Position, fmt.Sprintf("policy %q: %v", p.Name, err))
		}
	}
	return nil
}

var globalWords = grammar[*AppConfig]{
	"provider": {many, parseProvider},
	"store":    {once, parseStore},
	"keys":     {once, parseKeys},
	"keys_rotate": {once, func(d *caddyfile.Dispenser, a *AppConfig) (err error) {
		a.KeysRotate, err = durationOrZero(d, maxLifetime)
		return err
	}},
	"session":        {once, parseSession},
	"stay_signed_in": {once, parseStaySignedIn},
	"idle_sign_out":  {once, parseGlobalIdleSignOut},
	"rate_limit":     {once, parseRateLimit},
	"sign_in_host":   {once, parseSignInHost},
	"header_encoding": {once, func(d *caddyfile.Dispenser, a *AppConfig) (err error) {
		a.HeaderEncoding, err = oneOf(d, "encoding", identity.Encodings...)
		return err
	}},
	"brand":       {once, parseBrand},
	"sign_in_log": {once, parseSignInLog},
	"network":     {many, parseNetwork},
	"policy":      {many, parseGlobalPolicy},
}

func parseStore(d *caddyfile.Dispenser, a *AppConfig) error {
	if !d.NextArg() || d.Val() == "" {
		return d.ArgErr()
	}
	const namespace = "latchkey.stores"
	driver := d.Val()
	var known []string
	for _, m := range caddy.GetModules(namespace) {
		known = append(known, m.ID.Name())
	}
	if !slices.Contains(known, driver) {
		return unrecognized(d, "store", known)
	}
	store, err := caddyfile.UnmarshalModule(d, namespace+"."+driver)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(store, "driver", driver, nil)
	return nil
}

func parseKeys(d *caddyfile.Dispenser, a *AppConfig) error {
	if a.Keys = d.RemainingArgs(); len(a.Keys) == 0 {
		return d.ArgErr()
	}
	return wrapAt(d.Token(), a.checkKeys())
}

func parseSession(d *caddyfile.Dispenser, a *AppConfig) error {
	return sessionWords.blockOnly(d, "session option", &a.Session)
}

var sessionWords = grammar[*SessionConfig]{
	"browser": {once, func(d *caddyfile.Dispenser, c *SessionConfig) error {
		return parseLimits(d, &c.Browser, session.DefaultLimits.Browser)
	}},
	"persistent": {once, func(d *caddyfile.Dispenser, c *SessionConfig) error {
		return parseLimits(d, &c.Persistent, session.DefaultLimits.Persistent)
	}},
	"recheck": {once, func(d *caddyfile.Dispenser, c *SessionConfig) (err error) {
		c.Recheck, err = durationOrZero(d, maxLifetime)
		return err
	}},
	"cache_recheck": {once, func(d *caddyfile.Dispenser, c *SessionConfig) (err error) {
		c.CacheRecheck, err = durationOrZero(d, maxCacheRecheck)
		return err
	}},
	"outage_grace": {once, func(d *caddyfile.Dispenser, c *SessionConfig) (err error) {
		c.OutageGrace, err = durationOrZero(d, maxOutageGrace)
		return err
	}},
	"max_sessions": {once, func(d *caddyfile.Dispenser, c *SessionConfig) error {
		text, err := one(d)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxMaxSessions {
			return d.Errf("max_sessions: %q is no number from 1 to %d", text, maxMaxSessions)
		}
		c.MaxSessions = n
		return nil
	}},
}

func parseLimits(d *caddyfile.Dispenser, l *Limits, def session.Limit) error {
	start := d.Token()
	if err := limitWords.blockOnly(d, "limit", l); err != nil {
		return err
	}
	return wrapAt(start, l.check(def))
}

var limitWords = grammar[*Limits]{
	"idle_limit": {once, func(d *caddyfile.Dispenser, l *Limits) (err error) {
		l.IdleLimit, err = duration(d, maxLifetime)
		return err
	}},
	"max_lifetime": {once, func(d *caddyfile.Dispenser, l *Limits) (err error) {
		l.MaxLifetime, err = duration(d, maxLifetime)
		return err
	}},
}

func parseNetwork(d *caddyfile.Dispenser, a *AppConfig) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	n := &Network{Name: d.Val()}
	if _, err := parseRange(n.Name); err == nil {
		return d.Errf("a network needs a name in front of its addresses, as in: network office %s", n.Name)
	}
	if err := checkID(n.Name); err != nil {
		return d.Errf("network: %w", err)
	}
	if n.Name == policy.TrustedNetworks {
		return d.Errf("network: the name %q stands for all trusted networks", n.Name)
	}
	for _, other := range a.Networks {
		if other.Name == n.Name {
			return d.Errf("network %q is defined twice", n.Name)
		}
	}
	for d.NextArg() {
		flag := &n.Trusted
		switch d.Val() {
		case "shared":
			flag = &n.Shared
			fallthrough
		case "trusted":
			if *flag {
				return d.Errf("%s stands twice", d.Val())
			}
			if len(n.Ranges) > 0 {
				return d.Errf("%s stands in front of the addresses", d.Val())
			}
			*flag = true
			continue
		}
		if _, err := parseRange(d.Val()); err != nil {
			return d.Errf("network %q: %w", n.Name, err)
		}
		n.Ranges = append(n.Ranges, d.Val())
	}
	if len(n.Ranges) == 0 {
		return d.Errf("network %q has no addresses", n.Name)
	}
	if _, err := n.rule(); err != nil {
		return d.Errf("network %q: %w", n.Name, err)
	}
	a.Networks = append(a.Networks, n)
	return nil
}
