package oauth2proxy

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// forwardedDiffers is what is said about the headers of `headers forwarded`.
const forwardedDiffers = "X-Forwarded-Preferred-Username has the name for display, X-Forwarded-Email only a verified address, and several groups stand in X-Forwarded-Groups with `%` and `,` in them escaped (docs/headers.md). `header <Name> <claim>` sends any claim as it is"

// headers reads what the app is told.
func (c *oauth2Proxy) headers() {
	basic, user := c.Flag("pass_basic_auth", true), c.Flag("pass_user_headers", true)
	switch {
	case basic || user:
		c.site.Rules = append(c.site.Rules, draft.Words("headers forwarded groups"))
		c.Plan.Note(draft.Differs, c.Origin("pass_user_headers"), "%s", forwardedDiffers)
	default:
		c.site.Rules = append(c.site.Rules, draft.Words("headers none"))
	}
	if !c.Flag("skip_auth_strip_headers", true) {
		c.Plan.Note(draft.Differs, c.Origin("skip_auth_strip_headers"), "what clients send in identity headers never reaches the app")
	}
	if c.Flag("pass_access_token", false) {
		c.site.Rules = append(c.site.Rules, draft.Words("forward_access_token as X-Forwarded-Access-Token"))
	}
	if c.Flag("pass_authorization_header", false) {
		c.Plan.Note(draft.Missing, c.Origin("pass_authorization_header"), "an ID token is never sent to an app. If the app asks who is there: headers, or `assertion`, which is signed. If it calls other services: `forward_access_token`")
	}
	for _, key := range []string{"set_xauthrequest", "set_authorization_header", "set_basic_auth"} {
		if c.Flag(key, false) {
			c.Plan.Note(draft.Differs, c.Origin(key), "Latchkey stands in front of the app and sends it the headers; it is not asked by nginx (auth_request) or Traefik (forwardAuth). Take the apps of those servers over as sites with reverse_proxy")
		}
	}
	if c.Text("basic_auth_password") != "" {
		c.Plan.Note(draft.Missing, c.Origin("basic_auth_password"), "no HTTP Basic password is sent to the app: it reads X-Forwarded-User, or verifies `assertion`. `request_header Authorization` of Caddy, behind `latchkey`, sends a fixed one")
	}
	if c.Text("signature_key") != "" {
		c.Plan.Note(draft.Missing, c.Origin("signature_key"), "requests are not signed with a shared key: `assertion` sends a token that the app verifies with the keys at /.latchkey/keys")
	}
}

// bearer reads whether programs may enter with a token.
func (c *oauth2Proxy) bearer() {
	on, extra := c.Flag("skip_jwt_bearer_tokens", false), c.List("extra_jwt_issuers")
	if !on {
		if len(extra) > 0 {
			c.Plan.Note(draft.Differs, c.Origin("extra_jwt_issuers"), "has no effect without skip_jwt_bearer_tokens, and is not taken over")
		}
		return
	}
	o := c.Origin("skip_jwt_bearer_tokens")
	word, audience := "audience", []string{c.Text("client_id")}
	if placeholder, ok := c.fromEnvironment("client_id"); ok {
		word, audience = "audience "+placeholder, nil
	} else if audience[0] == "" {
		c.Plan.Note(draft.Todo, o, "tokens of programs are not accepted until `bearer { audience <client ID> }` stands in latchkey")
		return
	}
	issuer := c.Text("oidc_issuer_url")
	for _, pair := range extra {
		if i, a, ok := strings.Cut(pair, "="); ok && i == issuer {
			audience = append(audience, a)
		} else {
			c.Plan.Note(draft.Missing, c.Origin("extra_jwt_issuers"), "a site accepts the tokens of one issuer: %s", "make a second site for programs with `bearer { issuer <url>; audience <value> }`")
		}
	}
	c.site.Rules = append(c.site.Rules, draft.Words("bearer", o.Words(word, draft.Unique(audience)...)))
	c.Plan.Note(draft.Differs, o, "ID tokens are refused here: programs send access tokens of the type at+jwt whose aud is one of those under `audience`. If the provider writes no type into access tokens, register the site there as a resource (API) of its own, name that as the only audience, and say `typ any` (docs/programs.md)")
	if c.Flag("bearer_token_login_fallback", true) {
		c.Plan.Note(draft.Differs, c.Origin("bearer_token_login_fallback"), "a request with a token that is not good is answered with 401, and never sent to sign in")
	}
}

// upstreams reads the apps.
func (c *oauth2Proxy) upstreams() {
	texts, o := c.List("upstreams"), c.Origin("upstreams")
	var handlers []draft.Line
	rooted := false
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil || u.User != nil {
			c.Fault("upstreams", "one of them is no address, or has a password in it")
			return
		}
		matcher, answer, ok := c.upstream(o, u)
		if !ok {
			return
		}
		if matcher.Words == "handle" && len(matcher.Given) == 0 {
			if rooted {
				c.Fault("upstreams", "two of them are for the same path")
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
		c.site.App = []draft.Line{c.Plan.NoApp()}
		return
	case !rooted:
		handlers = append(handlers, draft.Words("handle", draft.Words("respond 404")))
	}
	c.site.App = handlers
}

// upstream returns what an upstream becomes: the directive that selects its paths, and what answers.
func (c *oauth2Proxy) upstream(o draft.Origin, u *url.URL) (matcher draft.Line, answer []draft.Line, ok bool) {
	path := u.Path
	matcher = draft.Words("handle")
	switch u.Scheme {
	case "http", "https":
		address := u.Scheme + "://" + u.Host
		if firstfile.CheckUpstream(address) != nil {
			c.Fault("upstreams", "one of them has no host and port")
			return matcher, nil, false
		}
		answer = []draft.Line{o.Words("reverse_proxy", strings.TrimPrefix(address, "http://"))}
		if u.Port() == "" {
			answer[0].Given[0] = address
		}
		answer[0].Block = c.transport(u.Scheme)
	case "unix":
		answer, path = []draft.Line{o.Words("reverse_proxy", "unix/"+u.Path)}, "/"
		answer[0].Block = c.transport("http")
	case "file":
		if u.Fragment != "" {
			path = u.Fragment
		}
		matcher.Words = "handle_path"
		answer = []draft.Line{o.Words("root", "*", u.Path), draft.Words("file_server browse")}
		c.Plan.Note(draft.Differs, o, "file_server shows directories as oauth2-proxy did; without `browse` it does not")
	case "static":
		code, err := strconv.Atoi(u.Host)
		if err != nil || code < 200 || code > 599 {
			code = 200
		}
		answer, path = []draft.Line{draft.Words("respond " + strconv.Itoa(code))}, "/"
		c.Plan.Note(draft.Todo, o, "a fixed answer stands where apps are behind nginx (auth_request) or Traefik (forwardAuth): put `reverse_proxy <host>:<port>` in its place, and a site for each app")
	default:
		c.Fault("upstreams", "one of them is neither http, https, unix, file nor static")
		return matcher, nil, false
	}
	switch {
	case path == "" || path == "/":
		matcher.Words = "handle"
		return matcher, answer, true
	case strings.ContainsAny(path, "*?") || !strings.HasPrefix(path, "/"):
		c.Fault("upstreams", "a path has a character that means something else in a Caddyfile, or no slash at its beginning")
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
func (c *oauth2Proxy) transport(scheme string) (lines []draft.Line) {
	switch host := c.Flag("pass_host_header", true); {
	case !host:
		lines = append(lines, draft.Words("header_up Host {upstream_hostport}"))
	case scheme == "https":
		l := draft.Words("header_up Host {hostport}")
		l.Comment = "oauth2-proxy passes the host of the request on; Caddy sends that of an upstream with TLS otherwise."
		lines = append(lines, l)
	}
	if c.Has("flush_interval") {
		lines = append(lines, draft.Words("flush_interval "+draft.Span(max(time.Second, c.Duration("flush_interval", time.Second)))))
	}
	var http []draft.Line
	if c.Has("upstream_timeout") {
		http = append(http, draft.Words("response_header_timeout "+draft.Span(max(time.Second, c.Duration("upstream_timeout", 30*time.Second)))))
	}
	if c.Flag("disable_keep_alives", false) {
		http = append(http, draft.Words("keepalive off"))
	}
	if len(http) > 0 {
		lines = append(lines, draft.Words("transport http", http...))
	}
	return lines
}
