package oauth2proxy

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// oauth2Proxy reads the configuration of oauth2-proxy: its TOML, or the same keys from elsewhere.
type oauth2Proxy struct {
	*draft.Entries
	options draft.Options
	site    *draft.Site
	// alpha is what the structured configuration has beyond it, if there is one; alphaFixedLines are its fixed headers.
	alpha           *alpha
	alphaFixedLines []draft.Line
	// host is the host of the redirect URL.
	host string
	draft.Entrance
}

func newOAuth2Proxy(keys map[string]*draft.Entry, o draft.Options) *oauth2Proxy {
	c := &oauth2Proxy{Entries: &draft.Entries{Plan: new(draft.Plan), All: keys}, options: o, site: new(draft.Site)}
	c.Plan.Sites = []*draft.Site{c.site}
	return c
}

func (c *oauth2Proxy) convert() (*draft.Plan, error) {
	c.addresses()
	c.proxies()
	c.provider()
	c.people()
	c.open()
	if c.alpha != nil {
		c.alphaHeaders()
	} else {
		c.headers()
	}
	c.bearer()
	c.site.Rules = append(c.Entrance.Rules(), c.site.Rules...)
	if c.alpha != nil {
		c.alphaApps()
		c.site.App = append(c.alphaFixedLines, c.site.App...)
	} else {
		c.upstreams()
	}
	c.sessions()
	c.redis()
	c.refused()
	c.Plan.Note(draft.Todo, draft.Origin{}, "flags and environment variables (OAUTH2_PROXY_...) of oauth2-proxy count more than its file; what they say is not taken over")
	c.Plan.Note(draft.Differs, draft.Origin{}, "sessions are not taken over: users sign in once more, which most providers do without a question")
	if err := c.Rest(oauth2ProxyKeys); err != nil {
		return nil, err
	}
	return c.Plan, nil
}

// addresses finds the address of the site, and says what is to be registered.
func (c *oauth2Proxy) addresses() {
	var found string
	if text := c.Text("redirect_url"); text != "" {
		u, err := url.Parse(text)
		if err == nil {
			found = draft.SiteAddress(u)
		}
		if found == "" {
			c.Fault("redirect_url", "is no address of a site, or http without TLS on a host that is not this machine")
		}
	}
	c.site.Addresses = c.Plan.Addresses(c.options, found)
	c.host = c.site.Addresses[0]
	c.Plan.Note(draft.Todo, c.Origin("redirect_url"), "register %s as a redirect URI and %s as a post-logout redirect URI at the provider, beside those of oauth2-proxy", c.own("callback"), c.own("signed-out"))
	if domains := c.List("cookie_domains"); len(domains) > 0 {
		o := c.Origin("cookie_domains")
		c.Plan.SignInHost = append(c.Plan.SignInHost, draft.Line{Words: "sign_in_host", Given: []string{c.host}, From: o, Comment: "One sign-in for all sites of this file, in place of a cookie for a whole domain."})
		c.Plan.Note(draft.Todo, o, "each host that shared the cookie becomes a site of its own in the Caddyfile; docs/single-sign-on.md says how one sign-in counts for all of them")
	}
	if len(c.List("whitelist_domains")) > 0 {
		c.Plan.Note(draft.Todo, c.Origin("whitelist_domains"), "Latchkey returns only to its own sites: make each host a site of the Caddyfile with sign_in_host, and no list is needed")
	}
	cert, key := c.Text("tls_cert_file"), c.Text("tls_key_file")
	if cert != "" && key != "" {
		c.site.TLS = append(c.site.TLS, c.Origin("tls_cert_file").Words("tls", cert, key))
	} else if cert+key != "" {
		c.Fault("tls_cert_file", "needs tls_key_file, and the reverse")
	}
}

// own returns an address of Latchkey at the site.
func (c *oauth2Proxy) own(name string) string {
	address := c.host
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	return address + "/.latchkey/" + name
}

// proxies reads which proxies in front are trusted.
func (c *oauth2Proxy) proxies() {
	behind, trusted := c.Flag("reverse_proxy", false), c.List("trusted_proxy_ips")
	o := c.Origin("trusted_proxy_ips")
	switch {
	case !behind:
		if len(trusted) > 0 {
			c.Plan.Note(draft.Differs, o, "has no effect without reverse_proxy, and is not taken over")
		}
		return
	case len(trusted) == 0:
		c.Plan.Note(draft.Todo, c.Origin("reverse_proxy"), "no proxy is trusted yet: oauth2-proxy believed X-Forwarded-For of every client here. Name the proxies in front: servers { trusted_proxies static <range>... } and trusted_proxies_strict. If Latchkey takes their place, nothing is needed")
	default:
		c.Plan.Servers = append(c.Plan.Servers, o.Words("trusted_proxies static", trusted...), draft.Words("trusted_proxies_strict"))
	}
	if header := c.Text("real_client_ip_header"); header != "" && len(trusted) > 0 {
		c.Plan.Servers = append(c.Plan.Servers, c.Origin("real_client_ip_header").Words("client_ip_headers", header))
	}
}

// refused names the switches that turn a check off. None of them has an equivalent.
func (c *oauth2Proxy) refused() {
	for _, key := range []string{
		"insecure_oidc_allow_unverified_email", "insecure_oidc_skip_issuer_verification", "insecure_oidc_skip_nonce",
		"ssl_insecure_skip_verify", "ssl_upstream_insecure_skip_verify", "redis_insecure_skip_tls_verify",
	} {
		if c.Flag(key, false) {
			c.Plan.Note(draft.Missing, c.Origin(key), "%s", oauth2ProxyRefused[key])
		}
	}
}

var oauth2ProxyRefused = map[string]string{
	"insecure_oidc_allow_unverified_email":   "an address that the provider has not verified names no user, in no rule and no header. If users cannot choose their name at the provider and it looks like an address: trust_user_names in the provider",
	"insecure_oidc_skip_issuer_verification": "the issuer in a token is always checked. For Entra ID name one provider for each tenant",
	"insecure_oidc_skip_nonce":               "the nonce is always checked; every OpenID provider returns it",
	"ssl_insecure_skip_verify":               "the certificate of the provider is always verified: name its authority with ca_file in the provider",
	"ssl_upstream_insecure_skip_verify":      "the certificate of an app is always verified here: name its authority in reverse_proxy with transport http { tls_trust_pool file <path> }",
	"redis_insecure_skip_tls_verify":         "the certificate of Redis is always verified: name its authority in the store with tls { ca <path> }",
}

// keyLine finds the keys of TOML, for the lines in messages.
var keyLine = regexp.MustCompile(`^\s*["']?([A-Za-z0-9_.-]+)["']?\s*=`)

// readTOML reads flat TOML. Keys have no case, as for oauth2-proxy. Errors never have a value in them.
func readTOML(source []byte) (map[string]*draft.Entry, error) {
	lines := strings.Split(string(source), "\n")
	depth := 0
	for i, line := range lines {
		depth += strings.Count(line, "[") + strings.Count(line, "{")
		if depth > draft.MaxDepth {
			return nil, draft.Origin{Line: i + 1}.Errorf("the brackets are nested too deep")
		}
		depth = max(0, depth-strings.Count(line, "]")-strings.Count(line, "}"))
	}
	var values map[string]any
	if _, err := toml.Decode(string(source), &values); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return nil, draft.At(parse.LastKey, parse.Position.Line).Errorf("this is no TOML")
		}
		return nil, errors.New("this is no TOML")
	}
	if len(values) > draft.MaxList {
		return nil, errors.New("the configuration has too many keys")
	}
	at := map[string]int{}
	for i, line := range lines {
		if m := keyLine.FindStringSubmatch(line); m != nil {
			if key := strings.ToLower(m[1]); at[key] == 0 {
				at[key] = i + 1
			}
		}
	}
	keys := map[string]*draft.Entry{}
	for key, value := range values {
		name := strings.ToLower(key)
		if _, ok := keys[name]; ok {
			return nil, draft.At(name, at[name]).Errorf("stands twice, in different cases")
		}
		keys[name] = &draft.Entry{Origin: draft.At(name, at[name]), Value: value}
	}
	return keys, nil
}
