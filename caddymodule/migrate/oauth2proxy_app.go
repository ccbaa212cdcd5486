package migrate

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

// headers reads what the app is told.
func (c *oauth2Proxy) headers() {
	basic, user := c.flag("pass_basic_auth", true), c.flag("pass_user_headers", true)
	switch {
	case basic || user:
		c.site.Rules = append(c.site.Rules, words("headers forwarded groups"))
		c.plan.note(Differs, c.origin("pass_user_headers"), "X-Forwarded-Preferred-Username has the name for display, X-Forwarded-Email only a verified address, and several groups stand in X-Forwarded-Groups with `%%` and `,` in them escaped (docs/headers.md). `header <Name> <claim>` sends any claim as it is")
	default:
		c.site.Rules = append(c.site.Rules, words("headers none"))
	}
	if !c.flag("skip_auth_strip_headers", true) {
		c.plan.note(Differs, c.origin("skip_auth_strip_headers"), "what clients send in identity headers never reaches the app")
	}
	if c.flag("pass_access_token", false) {
		c.site.Rules = append(c.site.Rules, words("forward_access_token as X-Forwarded-Access-Token"))
	}
	if c.flag("pass_authorization_header", false) {
		c.plan.note(Missing, c.origin("pass_authorization_header"), "an ID token is never sent to an app. If the app asks who is there: headers, or `assertion`, which is signed. If it calls other services: `forward_access_token`")
	}
	for _, key := range []string{"set_xauthrequest", "set_authorization_header", "set_basic_auth"} {
		if c.flag(key, false) {
			c.plan.note(Differs, c.origin(key), "Latchkey stands in front of the app and sends it the headers; it is not asked by nginx (auth_request) or Traefik (forwardAuth). Take the apps of those servers over as sites with reverse_proxy")
		}
	}
	if c.text("basic_auth_password") != "" {
		c.plan.note(Missing, c.origin("basic_auth_password"), "no HTTP Basic password is sent to the app: it reads X-Forwarded-User, or verifies `assertion`. `request_header Authorization` of Caddy, behind `latchkey`, sends a fixed one")
	}
	if c.text("signature_key") != "" {
		c.plan.note(Missing, c.origin("signature_key"), "requests are not signed with a shared key: `assertion` sends a token that the app verifies with the keys at /.latchkey/keys")
	}
}

// bearer reads whether programs may enter with a token.
func (c *oauth2Proxy) bearer() {
	on, extra := c.flag("skip_jwt_bearer_tokens", false), c.list("extra_jwt_issuers")
	if !on {
		if len(extra) > 0 {
			c.plan.note(Differs, c.origin("extra_jwt_issuers"), "has no effect without skip_jwt_bearer_tokens, and is not taken over")
		}
		return
	}
	o := c.origin("skip_jwt_bearer_tokens")
	audience := []string{c.text("client_id")}
	if audience[0] == "" {
		c.plan.note(Todo, o, "tokens of programs are not accepted until `bearer { audience <client ID> }` stands in latchkey")
		return
	}
	issuer := c.text("oidc_issuer_url")
	for _, pair := range extra {
		if i, a, ok := strings.Cut(pair, "="); ok && i == issuer {
			audience = append(audience, a)
		} else {
			c.plan.note(Missing, c.origin("extra_jwt_issuers"), "a site accepts the tokens of one issuer: %s", "make a second site for programs with `bearer { issuer <url>; audience <value> }`")
		}
	}
	c.site.Rules = append(c.site.Rules, words("bearer", o.line("audience", unique(audience)...)))
	c.plan.note(Differs, o, "ID tokens are refused here: programs send access tokens of the type at+jwt whose aud is one of those under `audience`. If the provider writes no type into access tokens, register the site there as a resource (API) of its own, name that as the only audience, and say `typ any` (docs/programs.md)")
	if c.flag("bearer_token_login_fallback", true) {
		c.plan.note(Differs, c.origin("bearer_token_login_fallback"), "a request with a token that is not good is answered with 401, and never sent to sign in")
	}
}

// upstreams reads the apps.
func (c *oauth2Proxy) upstreams() {
	texts, o := c.list("upstreams"), c.origin("upstreams")
	var handlers []Line
	rooted := false
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil || u.User != nil {
			c.fault("upstreams", "one of them is no address, or has a password in it")
			return
		}
		matcher, answer, ok := c.upstream(o, u)
		if !ok {
			return
		}
		if matcher.Words == "handle" && len(matcher.Given) == 0 {
			if rooted {
				c.fault("upstreams", "two of them are for the same path")
				return
			}
			rooted = true
			if len(texts) == 1 {
				c.site.App = answer
				return
			}
		}
		matcher.Block = answer
		handlers = append(handlers, matcher)
	}
	switch {
	case len(texts) == 0:
		c.site.App = []Line{c.plan.noApp()}
		return
	case !rooted:
		handlers = append(handlers, words("handle", words("respond 404")))
	}
	c.site.App = handlers
}

// upstream returns what an upstream becomes: the directive that selects its paths, and what answers.
func (c *oauth2Proxy) upstream(o Origin, u *url.URL) (matcher Line, answer []Line, ok bool) {
	path := u.Path
	matcher = words("handle")
	switch u.Scheme {
	case "http", "https":
		address := u.Scheme + "://" + u.Host
		if firstfile.CheckUpstream(address) != nil {
			c.fault("upstreams", "one of them has no host and port")
			return matcher, nil, false
		}
		answer = []Line{o.line("reverse_proxy", strings.TrimPrefix(address, "http://"))}
		if u.Port() == "" {
			answer[0].Given[0] = address
		}
		answer[0].Block = c.transport(u.Scheme)
	case "unix":
		answer, path = []Line{o.line("reverse_proxy", "unix/"+u.Path)}, "/"
		answer[0].Block = c.transport("http")
	case "file":
		if u.Fragment != "" {
			path = u.Fragment
		}
		matcher.Words = "handle_path"
		answer = []Line{o.line("root", "*", u.Path), words("file_server browse")}
		c.plan.note(Differs, o, "file_server shows directories as oauth2-proxy did; without `browse` it does not")
	case "static":
		code, err := strconv.Atoi(u.Host)
		if err != nil || code < 200 || code > 599 {
			code = 200
		}
		answer, path = []Line{words("respond " + strconv.Itoa(code))}, "/"
		c.plan.note(Todo, o, "a fixed answer stands where apps are behind nginx (auth_request) or Traefik (forwardAuth): put `reverse_proxy <host>:<port>` in its place, and a site for each app")
	default:
		c.fault("upstreams", "one of them is neither http, https, unix, file nor static")
		return matcher, nil, false
	}
	switch {
	case path == "" || path == "/":
		matcher.Words = "handle"
		return matcher, answer, true
	case strings.ContainsAny(path, "*?") || !strings.HasPrefix(path, "/"):
		c.fault("upstreams", "a path has a character that means something else in a Caddyfile, or no slash at its beginning")
		return matcher, nil, false
	case strings.HasSuffix(path, "/"):
		path += "*"
	case u.Scheme == "file":
		matcher.Words = "handle"
	}
	matcher.Given, matcher.From = []string{path}, o
	return matcher, answer, true
}

// transport returns the options of reverse_proxy.
func (c *oauth2Proxy) transport(scheme string) (lines []Line) {
	switch host := c.flag("pass_host_header", true); {
	case !host:
		lines = append(lines, words("header_up Host {upstream_hostport}"))
	case scheme == "https":
		l := words("header_up Host {hostport}")
		l.Comment = "oauth2-proxy passes the host of the request on; Caddy sends that of an upstream with TLS otherwise."
		lines = append(lines, l)
	}
	if c.has("flush_interval") {
		lines = append(lines, words("flush_interval "+duration(max(time.Second, c.duration("flush_interval", time.Second)))))
	}
	var http []Line
	if c.has("upstream_timeout") {
		http = append(http, words("response_header_timeout "+duration(max(time.Second, c.duration("upstream_timeout", 30*time.Second)))))
	}
	if c.flag("disable_keep_alives", false) {
		http = append(http, words("keepalive off"))
	}
	if len(http) > 0 {
		lines = append(lines, words("transport http", http...))
	}
	return lines
}
