package caddyfile

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("latchkey", parseGlobal)
	httpcaddyfile.RegisterDirective("latchkey", parseSite)
	// Before all handlers that answer or forward, and before basic_auth, so that a site can use both.
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
	d.Next() // the name of the option
	start := d.Token()
	if existing != nil {
		return nil, d.Errf("latchkey is configured twice: one global block holds all of it")
	}
	if d.NextArg() {
		return nil, d.Errf("unexpected %q: the latchkey option takes a block only", d.Val())
	}
	app := new(config.App)
	if _, err := globalWords.Block(d, "latchkey option", app); err != nil {
		return nil, err
	}
	if err := checkGlobal(app); err != nil {
		return nil, grammar.WrapAt(start, err)
	}
	return httpcaddyfile.App{Name: "latchkey", Value: caddyconfig.JSON(app, nil)}, nil
}

// checkGlobal checks what depends on several lines.
func checkGlobal(a *config.App) error {
	if err := locateProviders(a.Policies, a); err != nil {
		return err
	}
	if err := firstProblem(config.CheckPolicies(a, nil)); err != nil {
		return err
	}
	return a.Check()
}

// locateProviders refuses a policy that names an undefined provider, with the line of the policy. It runs after the
// whole option is read, because providers may follow policies.
func locateProviders(policies []*config.Policy, a *config.App) error {
	for _, p := range policies {
		if err := p.CheckProviders(a.ProviderNames()); err != nil {
			return grammar.LocatedAt(p.Position, fmt.Sprintf("policy %q: %v", p.Name, err))
		}
	}
	return nil
}

var globalWords = grammar.Words[*config.App]{
	"provider": grammar.Many(parseProvider),
	"store":    grammar.Once(parseStore),
	"keys":     grammar.Once(parseKeys),
	"keys_rotate": grammar.Once(func(d *caddyfile.Dispenser, a *config.App) (err error) {
		a.KeysRotate, err = grammar.DurationOrZero(d, config.MaxLifetime)
		return err
	}),
	"session":        grammar.Once(parseSession),
	"stay_signed_in": grammar.Once(parseStaySignedIn),
	"idle_sign_out":  grammar.Once(parseGlobalIdleSignOut),
	"rate_limit":     grammar.Once(parseRateLimit),
	"sign_in_host":   grammar.Once(parseSignInHost),
	"header_encoding": grammar.Once(func(d *caddyfile.Dispenser, a *config.App) (err error) {
		a.HeaderEncoding, err = grammar.OneOf(d, "encoding", identity.Encodings...)
		return err
	}),
	"brand":       grammar.Once(parseBrand),
	"sign_in_log": grammar.Once(parseSignInLog),
	"signals":     grammar.Many(parseSignals),
	"network":     grammar.Many(parseNetwork),
	"policy":      grammar.Many(parseGlobalPolicy),
}

func parseStore(d *caddyfile.Dispenser, a *config.App) error {
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
		return grammar.Unrecognized(d, "store", known)
	}
	store, err := caddyfile.UnmarshalModule(d, namespace+"."+driver)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(store, "driver", driver, nil)
	return nil
}

func parseKeys(d *caddyfile.Dispenser, a *config.App) error {
	if a.Keys = d.RemainingArgs(); len(a.Keys) == 0 {
		return d.ArgErr()
	}
	return grammar.WrapAt(d.Token(), a.CheckKeys())
}

func parseSession(d *caddyfile.Dispenser, a *config.App) error {
	return sessionWords.BlockOnly(d, "session option", &a.Session)
}

var sessionWords = grammar.Words[*config.Session]{
	"browser": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) error {
		return parseLimits(d, &c.Browser, session.DefaultLimits.Browser)
	}),
	"persistent": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) error {
		return parsePersistent(d, c)
	}),
	"binding": grammar.Once(parseBinding),
	"recheck": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) (err error) {
		c.Recheck, err = grammar.DurationOrZero(d, config.MaxLifetime)
		return err
	}),
	"cache_recheck": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) (err error) {
		c.CacheRecheck, err = grammar.DurationOrZero(d, config.MaxCacheRecheck)
		return err
	}),
	"outage_grace": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) (err error) {
		c.OutageGrace, err = grammar.DurationOrZero(d, config.MaxOutageGrace)
		return err
	}),
	"max_sessions": grammar.Once(func(d *caddyfile.Dispenser, c *config.Session) error {
		text, err := grammar.One(d)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > config.MaxMaxSessions {
			return d.Errf("max_sessions: %q is no number from 1 to %d", text, config.MaxMaxSessions)
		}
		c.MaxSessions = n
		return nil
	}),
}

func parseLimits(d *caddyfile.Dispenser, l *config.Limits, def session.Limit) error {
	start := d.Token()
	if err := limitWords.BlockOnly(d, "limit", l); err != nil {
		return err
	}
	return grammar.WrapAt(start, l.Check(def))
}

var limitWords = grammar.Words[*config.Limits]{
	"idle_limit": grammar.Once(func(d *caddyfile.Dispenser, l *config.Limits) (err error) {
		l.IdleLimit, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
	"max_lifetime": grammar.Once(func(d *caddyfile.Dispenser, l *config.Limits) (err error) {
		l.MaxLifetime, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
}

func parseNetwork(d *caddyfile.Dispenser, a *config.App) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	n := &config.Network{Name: d.Val()}
	if _, err := config.ParseRange(n.Name); err == nil {
		return d.Errf("a network needs a name in front of its addresses, as in: network office %s", n.Name)
	}
	if err := config.CheckID(n.Name); err != nil {
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
		if _, err := config.ParseRange(d.Val()); err != nil {
			return d.Errf("network %q: %w", n.Name, err)
		}
		n.Ranges = append(n.Ranges, d.Val())
	}
	if len(n.Ranges) == 0 {
		return d.Errf("network %q has no addresses", n.Name)
	}
	if _, err := n.Rule(); err != nil {
		return d.Errf("network %q: %w", n.Name, err)
	}
	a.Networks = append(a.Networks, n)
	return nil
}
