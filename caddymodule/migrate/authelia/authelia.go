package authelia

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// authelia reads the configuration of Authelia. Authelia stays: it is the OpenID provider at which users sign in.
type authelia struct {
	*draft.Entries
	options draft.Options
	rules   []autheliaRule
	usual   string // default_policy
}

// Read reads a configuration of Authelia.
func Read(source []byte, o draft.Options) (*draft.Plan, error) {
	root, err := draft.ReadYAML(source)
	if err != nil {
		return nil, err
	}
	c := &authelia{Entries: &draft.Entries{Plan: new(draft.Plan), All: map[string]*draft.Entry{}}, options: o}
	draft.Flatten(c.All, "", root)
	c.provider()
	c.sessions()
	c.redis()
	if err := c.access(); err != nil {
		return nil, err
	}
	c.sites()
	c.Plan.Note(draft.Differs, draft.Origin{}, "Authelia stays: passwords, second factors and users are its own, and Latchkey asks it by OpenID Connect. Its forwarded requests (forwardAuth, auth_request) end: Latchkey stands in front of the apps")
	c.stays()
	return c.Plan, c.Rest(nil)
}

// provider reads where Authelia is.
func (c *authelia) provider() {
	var issuer string
	o := draft.At("session.cookies", 0)
	if one, ok := c.All["session.cookies"]; ok {
		o = one.Origin
		if list, ok := one.Value.(*yaml.Node); ok && len(list.Content) > 0 {
			first := map[string]*draft.Entry{}
			if list.Content[0].Kind == yaml.MappingNode {
				draft.Flatten(first, "session.cookies.", list.Content[0])
			}
			for key, e := range first {
				if name := "session." + strings.TrimPrefix(key, "session.cookies."); c.All[name] == nil {
					c.All[name] = &draft.Entry{Origin: e.Origin, Value: e.Value}
				}
			}
			if len(list.Content) > 1 {
				c.Plan.Note(draft.Differs, o, "the first entry counts; sign_in_host makes one sign-in of all domains")
			}
		}
		one.Read = true
	}
	issuer = strings.TrimRight(c.Text("session.authelia_url"), "/")
	c.Plan.Note(draft.Todo, draft.Origin{}, "register Latchkey as a client in Authelia (identity_providers.oidc.clients) with the client ID latchkey, the redirect URI https://<site>/.latchkey/callback of each site, and the scopes openid, profile, email, groups and offline_access (docs/providers/authelia.md)")
	var line draft.Line
	if u, err := url.Parse(issuer); issuer != "" && err == nil && draft.SiteAddress(u) != "" && u.Path == "" {
		line = c.Origin("session.authelia_url").Words("issuer", issuer)
	} else {
		c.Plan.Note(draft.Todo, o, "the address of Authelia is not known: put it into the environment variable %s", draft.IssuerVariable)
		line = draft.Words("issuer " + c.Plan.Variable(draft.IssuerVariable))
	}
	p := draft.Words("provider", line, draft.Words("client_id latchkey"), draft.Words("client_secret "+c.Plan.Secret(draft.At("client_secret", 0), "OIDC_CLIENT_SECRET")),
		draft.Words("scopes openid profile email groups offline_access"))
	p.Comment = "Authelia, at which users sign in."
	c.Plan.Providers = append(c.Plan.Providers, p)
}

func (c *authelia) sessions() {
	inactive, expire, remember := c.period("session.inactivity", 5*time.Minute), c.period("session.expiration", time.Hour), c.period("session.remember_me", 30*draft.Day)
	l := draft.Lifetimes{Comment: "How long users stay signed in: unused, and at all.", Browser: draft.Limits{Idle: inactive, Most: expire}, Persistent: draft.Limits{Idle: remember, Most: remember}}
	c.Plan.Session = append(c.Plan.Session, l.Line())
	c.Plan.Note(draft.Differs, c.Origin("session.expiration"), "Authelia keeps its own session beside this one: users whose session ends here come back without a question while that one lasts")
	c.Plan.Note(draft.Differs, c.Origin("session.remember_me"), "users are asked \"Stay signed in?\" after the sign-in, in place of the box on Authelia's page")
	for _, key := range []string{"session.name", "session.same_site", "session.domain", "session.default_redirection_url"} {
		if c.Has(key) {
			c.Text(key)
			c.Plan.Note(draft.Differs, c.Origin(key), "the cookie is Latchkey's own, one for each host; sign_in_host makes one sign-in of all sites")
		}
	}
	if c.Has("session.secret") {
		c.Text("session.secret")
		c.Plan.Note(draft.Differs, c.Origin("session.secret"), "is not needed here: Latchkey makes its keys itself")
	}
}

var (
	periodPart  = regexp.MustCompile(`^\s*([0-9]+)\s*([A-Za-z]*)\s*(?:and\s+|,\s*)?`)
	periodUnits = map[string]time.Duration{
		"": time.Second, "s": time.Second, "second": time.Second, "seconds": time.Second, "m": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": draft.Day, "day": draft.Day, "days": draft.Day, "w": 7 * draft.Day, "week": 7 * draft.Day, "weeks": 7 * draft.Day,
		"M": 30 * draft.Day, "month": 30 * draft.Day, "months": 30 * draft.Day, "y": 365 * draft.Day, "year": 365 * draft.Day, "years": 365 * draft.Day,
	}
)

// period returns a duration in Authelia's notation: 1h, 5 minutes, a number of seconds.
func (c *authelia) period(key string, usual time.Duration) (d time.Duration) {
	text := c.Text(key)
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
			c.Fault(key, "want a duration such as 1h or 5 minutes")
			return usual
		}
		d += min(time.Duration(n), draft.Longest/unit+1) * unit
		text = text[len(m[0]):]
	}
	return d
}

// redis reads the store of sessions. Latchkey may use the same server: its keys have a prefix.
func (c *authelia) redis() {
	const at = "session.redis."
	host, port := c.Text(at+"host"), c.Text(at+"port")
	if port == "" {
		port = "6379"
	}
	if host == "" {
		c.Plan.Note(draft.Differs, draft.At("session.redis", 0), "sessions are in a file under Caddy's data directory. Several gateways need `store redis redis://host:6379/0`")
		return
	}
	if strings.HasPrefix(host, "/") {
		c.Plan.Note(draft.Missing, c.Origin(at+"host"), "Redis is reached over TCP: `store redis redis://host:6379/0`. Until that is written, sessions are in a file")
		return
	}
	scheme := "redis://"
	for key := range c.All {
		if strings.HasPrefix(key, at+"tls.") {
			scheme = "rediss://"
		}
	}
	l := c.Origin(at+"host").Words("store redis", scheme+net.JoinHostPort(host, port)+"/"+strconv.Itoa(max(0, c.number(at+"database_index"))))
	if user := c.Text(at + "username"); user != "" {
		l.Block = append(l.Block, c.Origin(at+"username").Words("username", user))
	}
	if c.Text(at+"password") != "" {
		l.Block = append(l.Block, draft.Words("password "+c.Plan.Secret(c.Origin(at+"password"), "REDIS_PASSWORD")))
	}
	c.Plan.Store = append(c.Plan.Store, l)
	if c.Has(at + "high_availability.sentinel_name") {
		c.Plan.Note(draft.Todo, c.Origin(at+"high_availability.sentinel_name"), "the Redis above is one server: for Sentinel write `store redis` with `sentinel <master> <host>:<port>...` and `sentinel_password`")
	}
}

func (c *authelia) number(key string) int {
	text := c.Text(key)
	n, err := strconv.Atoi(text)
	if text != "" && err != nil {
		c.Fault(key, "want a number")
	}
	return n
}

// stays makes a note of each part that Authelia keeps, and of the rest of the store.
func (c *authelia) stays() {
	seen := map[string]draft.Origin{}
	for key, e := range c.All {
		section, _, _ := strings.Cut(key, ".")
		redis := strings.HasPrefix(key, "session.redis.")
		if e.Read || !redis && !autheliaSections[section] {
			continue
		}
		e.Read = true
		if redis {
			c.Plan.Note(draft.Todo, e.Origin, "look at the block of `store redis` (Caddyfile.example has all of its words): this is not taken over")
		} else if o, ok := seen[section]; !ok || e.Line < o.Line {
			seen[section] = draft.At(section, e.Line)
		}
	}
	for _, o := range seen {
		c.Plan.Note(draft.Differs, o, "stays with Authelia")
	}
}

// autheliaSections are the parts of the configuration that Authelia keeps.
var autheliaSections = map[string]bool{
	"authentication_backend": true, "certificates_directory": true, "default_2fa_method": true, "default_redirection_url": true, "duo_api": true,
	"identity_providers": true, "identity_validation": true, "log": true, "notifier": true, "ntp": true, "password_policy": true, "privacy_policy": true,
	"regulation": true, "server": true, "storage": true, "telemetry": true, "theme": true, "totp": true, "webauthn": true, "definitions": true, "jwt_secret": true,
}
