package migrate

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// authelia reads the configuration of Authelia. Authelia stays: it is the OpenID provider at which users sign in.
type authelia struct {
	*entries
	options Options
	rules   []autheliaRule
	usual   string // default_policy
}

func readAuthelia(source []byte, o Options) (*Plan, error) {
	root, err := readYAML(source)
	if err != nil {
		return nil, err
	}
	c := &authelia{entries: &entries{plan: new(Plan), all: map[string]*entry{}}, options: o}
	flatten(c.all, "", root)
	c.provider()
	c.sessions()
	c.redis()
	if err := c.access(); err != nil {
		return nil, err
	}
	c.sites()
	c.plan.note(Differs, Origin{}, "Authelia stays: passwords, second factors and users are its own, and Latchkey asks it by OpenID Connect. Its forwarded requests (forwardAuth, auth_request) end: Latchkey stands in front of the apps")
	c.stays()
	return c.plan, c.rest(nil)
}

// provider reads where Authelia is.
func (c *authelia) provider() {
	var issuer string
	o := Origin{"session.cookies", 0}
	if one, ok := c.all["session.cookies"]; ok {
		o = one.Origin
		if list, ok := one.value.(*yaml.Node); ok && len(list.Content) > 0 {
			first := map[string]*entry{}
			if list.Content[0].Kind == yaml.MappingNode {
				flatten(first, "session.cookies.", list.Content[0])
			}
			for key, e := range first {
				if name := "session." + strings.TrimPrefix(key, "session.cookies."); c.all[name] == nil {
					c.all[name] = &entry{Origin: e.Origin, value: e.value}
				}
			}
			if len(list.Content) > 1 {
				c.plan.note(Differs, o, "the first entry counts; sign_in_host makes one sign-in of all domains")
			}
		}
		one.read = true
	}
	issuer = strings.TrimRight(c.text("session.authelia_url"), "/")
	c.plan.note(Todo, Origin{}, "register Latchkey as a client in Authelia (identity_providers.oidc.clients) with the client ID latchkey, the redirect URI https://<site>/.latchkey/callback of each site, and the scopes openid, profile, email, groups and offline_access (docs/providers/authelia.md)")
	var line Line
	if u, err := url.Parse(issuer); issuer != "" && err == nil && siteAddress(u) != "" && u.Path == "" {
		line = c.origin("session.authelia_url").line("issuer", issuer)
	} else {
		c.plan.note(Todo, o, "the address of Authelia is not known: put it into the environment variable %s", IssuerVariable)
		line = words("issuer " + c.plan.variable(IssuerVariable))
	}
	p := words("provider", line, words("client_id latchkey"), words("client_secret "+c.plan.secret(Origin{"client_secret", 0}, "OIDC_CLIENT_SECRET")),
		words("scopes openid profile email groups offline_access"))
	p.Comment = "Authelia, at which users sign in."
	c.plan.Providers = append(c.plan.Providers, p)
}

func (c *authelia) sessions() {
	inactive, expire, remember := c.period("session.inactivity", 5*time.Minute), c.period("session.expiration", time.Hour), c.period("session.remember_me", 30*day)
	l := lifetimes{comment: "How long users stay signed in: unused, and at all.", browser: limits{inactive, expire}, persistent: limits{remember, remember}}
	c.plan.Session = append(c.plan.Session, l.line())
	c.plan.note(Differs, c.origin("session.expiration"), "Authelia keeps its own session beside this one: users whose session ends here come back without a question while that one lasts")
	c.plan.note(Differs, c.origin("session.remember_me"), "users are asked \"Stay signed in?\" after the sign-in, in place of the box on Authelia's page")
	for _, key := range []string{"session.name", "session.same_site", "session.domain", "session.default_redirection_url"} {
		if c.has(key) {
			c.text(key)
			c.plan.note(Differs, c.origin(key), "the cookie is Latchkey's own, one for each host; sign_in_host makes one sign-in of all sites")
		}
	}
	if c.has("session.secret") {
		c.text("session.secret")
		c.plan.note(Differs, c.origin("session.secret"), "is not needed here: Latchkey makes its keys itself")
	}
}

var (
	periodPart  = regexp.MustCompile(`^\s*([0-9]+)\s*([A-Za-z]*)\s*(?:and\s+|,\s*)?`)
	periodUnits = map[string]time.Duration{
		"": time.Second, "s": time.Second, "second": time.Second, "seconds": time.Second, "m": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": day, "day": day, "days": day, "w": 7 * day, "week": 7 * day, "weeks": 7 * day,
		"M": 30 * day, "month": 30 * day, "months": 30 * day, "y": 365 * day, "year": 365 * day, "years": 365 * day,
	}
)

// period returns a duration in Authelia's notation: 1h, 5 minutes, a number of seconds.
func (c *authelia) period(key string, usual time.Duration) (d time.Duration) {
	text := c.text(key)
	if text == "" {
		return usual
	}
	if text == "-1" && key == "session.remember_me" {
		return time.Minute
	}
	for text != "" {
		m := periodPart.FindStringSubmatch(text)
		n, err := 0, error(nil)
		if m != nil {
			n, err = strconv.Atoi(m[1])
		}
		unit, ok := time.Duration(0), false
		if m != nil {
			unit, ok = periodUnits[m[2]]
		}
		if !ok || err != nil || n > 1_000_000 {
			c.fault(key, "want a duration such as 1h or 5 minutes")
			return usual
		}
		d += min(time.Duration(n), longest/unit+1) * unit
		text = text[len(m[0]):]
	}
	return d
}

// redis reads the store of sessions. Latchkey may use the same server: its keys have a prefix.
func (c *authelia) redis() {
	const at = "session.redis."
	host, port := c.text(at+"host"), c.text(at+"port")
	if port == "" {
		port = "6379"
	}
	if host == "" {
		c.plan.note(Differs, Origin{"session.redis", 0}, "sessions are in a file under Caddy's data directory. Several gateways need `store redis redis://host:6379/0`")
		return
	}
	if strings.HasPrefix(host, "/") {
		c.plan.note(Missing, c.origin(at+"host"), "Redis is reached over TCP: `store redis redis://host:6379/0`. Until that is written, sessions are in a file")
		return
	}
	scheme := "redis://"
	for key := range c.all {
		if strings.HasPrefix(key, at+"tls.") {
			scheme = "rediss://"
		}
	}
	l := c.origin(at+"host").line("store redis", scheme+net.JoinHostPort(host, port)+"/"+strconv.Itoa(max(0, c.number(at+"database_index"))))
	if user := c.text(at + "username"); user != "" {
		l.Block = append(l.Block, c.origin(at+"username").line("username", user))
	}
	if c.text(at+"password") != "" {
		l.Block = append(l.Block, words("password "+c.plan.secret(c.origin(at+"password"), "REDIS_PASSWORD")))
	}
	c.plan.Store = append(c.plan.Store, l)
	if c.has(at + "high_availability.sentinel_name") {
		c.plan.note(Todo, c.origin(at+"high_availability.sentinel_name"), "the Redis above is one server: for Sentinel write `store redis` with `sentinel <master> <host>:<port>...` and `sentinel_password`")
	}
}

func (c *authelia) number(key string) int {
	text := c.text(key)
	n, err := strconv.Atoi(text)
	if text != "" && err != nil {
		c.fault(key, "want a number")
	}
	return n
}

// stays makes a note of each part that Authelia keeps, and of the rest of the store.
func (c *authelia) stays() {
	seen := map[string]Origin{}
	for key, e := range c.all {
		section, _, _ := strings.Cut(key, ".")
		redis := strings.HasPrefix(key, "session.redis.")
		if e.read || !redis && !autheliaSections[section] {
			continue
		}
		e.read = true
		if redis {
			c.plan.note(Todo, e.Origin, "look at the block of `store redis` (Caddyfile.example has all of its words): this is not taken over")
		} else if o, ok := seen[section]; !ok || e.Line < o.Line {
			seen[section] = Origin{section, e.Line}
		}
	}
	for _, o := range seen {
		c.plan.note(Differs, o, "stays with Authelia")
	}
}

// autheliaSections are the parts of the configuration that Authelia keeps.
var autheliaSections = map[string]bool{
	"authentication_backend": true, "certificates_directory": true, "default_2fa_method": true, "default_redirection_url": true, "duo_api": true,
	"identity_providers": true, "identity_validation": true, "log": true, "notifier": true, "ntp": true, "password_policy": true, "privacy_policy": true,
	"regulation": true, "server": true, "storage": true, "telemetry": true, "theme": true, "totp": true, "webauthn": true, "definitions": true, "jwt_secret": true,
}
