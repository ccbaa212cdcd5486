package vouch

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// vouch reads the configuration of Vouch Proxy. Where the apps are stands in nginx's, so the sites are a draft.
type vouch struct {
	*draft.Entries
	site *draft.Site
	draft.Entrance
}

// Read reads a configuration of Vouch Proxy.
func Read(source []byte, o draft.Options) (*draft.Plan, error) {
	root, err := draft.ReadYAML(source)
	if err != nil {
		return nil, err
	}
	keys, err := draft.FlattenFold("", root)
	if err != nil {
		return nil, err
	}
	c := &vouch{Entries: &draft.Entries{Plan: new(draft.Plan), All: keys}, site: new(draft.Site)}
	c.Plan.Sites = []*draft.Site{c.site}
	c.site.Addresses = c.Plan.Addresses(o)
	c.provider()
	c.people()
	c.headers()
	c.sessions()
	c.site.Rules = append(c.Entrance.Rules(), c.site.Rules...)
	c.site.App = []draft.Line{c.Plan.NoApp()}
	c.Plan.Note(draft.Todo, draft.Origin{}, "nginx asked Vouch Proxy about each request (auth_request). Latchkey stands in front of the apps itself: make each server block of nginx a site with `latchkey` and reverse_proxy")
	c.Plan.Note(draft.Todo, draft.Origin{}, "register https://<site>/.latchkey/callback of each site as a redirect URI at the provider, beside that of Vouch Proxy")
	c.Plan.Note(draft.Todo, draft.Origin{}, "environment variables (VOUCH_..., OAUTH_...) count more than the file; what they say is not taken over")
	return c.Plan, c.Rest(vouchKeys)
}

// vouchProviders are those whose metadata is where Latchkey looks for it.
var vouchProviders = map[string]string{"google": "https://accounts.google.com", "oidc": "", "adfs": "", "azure": ""}

// endings are what follows the issuer in the address of an authorization endpoint.
var endings = []string{"/protocol/openid-connect/auth", "/v1/authorize", "/oauth2/authorize/", "/api/oidc/authorization", "/oauth/authorize", "/authorize"}

func (c *vouch) provider() {
	kind, login := c.Text("oauth.provider"), c.Text("oauth.auth_url")
	issuer, known := vouchProviders[kind]
	o := c.Origin("oauth.auth_url")
	if !known && kind != "" {
		c.Plan.Note(draft.Missing, c.Origin("oauth.provider"), "%s", draft.NoOpenID)
		c.Closed = "The rules of the former provider have no equivalent: write `allow` lines, then remove this policy."
	} else if issuer == "" {
		issuer = guessedIssuer(login)
	}
	var line draft.Line
	switch {
	case issuer == "":
		c.Plan.Note(draft.Todo, o, "the issuer of the provider is not known: put it into the environment variable %s", draft.IssuerVariable)
		line = draft.Words("issuer " + c.Plan.Variable(draft.IssuerVariable))
	case kind == "google":
		line = draft.Words("issuer " + issuer)
	default:
		line = o.Words("issuer", issuer)
		c.Plan.Note(draft.Todo, o, "the issuer is derived from this address: `latchkey doctor` says whether the provider spells it so")
	}
	lines := []draft.Line{line}
	if id := c.Text("oauth.client_id"); id != "" {
		lines = append(lines, c.Origin("oauth.client_id").Words("client_id", id))
	} else {
		c.Plan.Note(draft.Todo, draft.At("oauth.client_id", 0), "the file has none: put it into the environment variable OIDC_CLIENT_ID")
		lines = append(lines, draft.Words("client_id "+c.Plan.Variable("OIDC_CLIENT_ID")))
	}
	c.Text("oauth.client_secret")
	lines = append(lines, draft.Words("client_secret "+c.Plan.Secret(c.Origin("oauth.client_secret"), firstfile.SecretVariable)))
	if scopes := c.List("oauth.scopes"); len(scopes) > 0 {
		lines = append(lines, c.Origin("oauth.scopes").Words("scopes", draft.Unique(append([]string{"openid"}, scopes...))...))
	}
	if end := c.Text("oauth.end_session_endpoint"); end != "" {
		if u, err := url.Parse(end); err != nil || u.Scheme != "https" || u.User != nil || strings.ContainsAny(end, "{}") {
			c.Plan.Note(draft.Todo, c.Origin("oauth.end_session_endpoint"), "is no https address, and is not taken over; the metadata of the provider names one")
		} else {
			lines = append(lines, c.Origin("oauth.end_session_endpoint").Words("end_session_url", end))
		}
	}
	if domain := c.Text("oauth.preferreddomain"); domain != "" {
		lines = append(lines, c.Origin("oauth.preferreddomain").Words("auth_param hd", domain))
	}
	for key, e := range c.All {
		if strings.HasPrefix(key, "oauth.claims.") {
			e.Read = true
			c.Plan.Note(draft.Missing, e.Origin, "no parameter `claims` is sent: what is put into the token or userinfo is set at the provider")
		}
	}
	p := draft.Words("provider", lines...)
	p.Comment = "Where users sign in."
	c.Plan.Providers = append(c.Plan.Providers, p)
}

// guessedIssuer returns the issuer to which an authorization endpoint belongs most likely, or an empty text.
func guessedIssuer(login string) string {
	for _, end := range endings {
		if issuer, ok := strings.CutSuffix(login, end); ok && firstfile.CheckIssuer(issuer) == nil {
			return issuer
		}
	}
	return ""
}

// people reads who may enter. The first list that Vouch Proxy has decides.
func (c *vouch) people() {
	all, users, teams, domains := c.Flag("vouch.allowallusers", false), c.List("vouch.whitelist"), c.List("vouch.teamwhitelist"), c.List("vouch.domains")
	if c.Flag("vouch.publicaccess", false) {
		c.Plan.Note(draft.Missing, c.Origin("vouch.publicaccess"), "a site is closed, or a part of it is open (a matcher for `latchkey`); users who are not signed in get no page of a closed part")
	}
	if len(domains) > 0 && (all || len(users)+len(teams) > 0) {
		c.Plan.Note(draft.Differs, c.Origin("vouch.domains"), "does not say who may enter here, because another list does; the sites are those of the Caddyfile")
	}
	switch {
	case all:
	case len(users) > 0:
		c.Users, c.OfUsers = users, c.Origin("vouch.whitelist")
		c.Plan.Note(draft.Differs, c.OfUsers, "a name is the user name, or an address that the provider has verified (email_verified true)")
	case len(teams) > 0:
		c.Plan.Note(draft.Missing, c.Origin("vouch.teamwhitelist"), "teams are those of GitHub; write `allow group` for groups that the token has")
		c.Closed = "The teams were not taken over: write `allow group` lines, then remove this policy."
	case len(domains) > 0:
		c.Domains, c.OfDomains = domains, c.Origin("vouch.domains")
		c.Plan.Note(draft.Differs, c.OfDomains, "an address counts if the provider has verified it (email_verified true), and if its domain is the one that is named: subdomains need a line each")
	default:
		c.Plan.Note(draft.Todo, draft.At("vouch.domains", 0), "the file does not say who may enter, so the site is closed")
		c.Closed = "No user is named who may enter: write `allow` lines, then remove this policy."
	}
}

func (c *vouch) headers() {
	prefix := c.Text("vouch.headers.claimheader")
	if prefix == "" {
		prefix = "X-Vouch-IdP-Claims-"
	}
	c.site.Rules = append(c.site.Rules, draft.Words("headers remote"))
	o := c.Origin("vouch.headers.claims")
	for _, claim := range draft.Unique(c.List("vouch.headers.claims")) {
		name := prefix + headerName(claim)
		if !draft.IsHeaderName(name) || strings.ContainsAny(claim, ".[") {
			c.Plan.Note(draft.Todo, o, "a claim makes no name of a header: `header <Name> <claim>` sends it")
			continue
		}
		c.site.Rules = append(c.site.Rules, o.Words("header", name, claim))
	}
	if name := c.Text("vouch.headers.user"); name != "" {
		c.Plan.Note(draft.Differs, c.Origin("vouch.headers.user"), "the app gets Remote-User; `header <Name> <claim>` sends a claim under another name")
	} else {
		c.Plan.Note(draft.Differs, draft.At("vouch.headers.user", 0), "the app gets Remote-User, Remote-Email and Remote-Name in place of X-Vouch-User")
	}
	if name := c.Text("vouch.headers.accesstoken"); name != "" {
		if draft.IsHeaderName(name) {
			c.site.Rules = append(c.site.Rules, c.Origin("vouch.headers.accesstoken").Words("forward_access_token as", name))
		} else {
			c.Fault("vouch.headers.accesstoken", "is no name of a header")
		}
	}
	if c.Text("vouch.headers.idtoken") != "" {
		c.Plan.Note(draft.Missing, c.Origin("vouch.headers.idtoken"), "an ID token is never sent to an app: `assertion` is signed, and `forward_access_token` is for other services")
	}
}

// headerName returns a claim as Vouch Proxy writes it into the name of a header.
func headerName(claim string) string {
	parts := strings.Split(claim, "_")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}

func (c *vouch) sessions() {
	jwt := c.minutes("vouch.jwt.maxage", 240)
	cookie := c.minutes("vouch.cookie.maxage", jwt)
	l := draft.Lifetimes{Comment: "How long users stay signed in: unused, and at all."}
	l.Browser, l.Persistent = draft.Limits{Idle: min(draft.Day, jwt), Most: jwt}, draft.Limits{Idle: cookie, Most: cookie}
	if cookie == 0 {
		l.Persistent = l.Browser
		prompt := draft.Words("stay_signed_in off")
		prompt.Comment = "Sessions end with the browser, and users are not asked."
		c.Plan.Prompt = append(c.Plan.Prompt, prompt)
	} else {
		c.Plan.Note(draft.Differs, c.Origin("vouch.cookie.maxage"), "users are asked \"Stay signed in?\": after a No the session ends with the browser")
	}
	c.Plan.Session = append(c.Plan.Session, l.Line())
	c.Plan.Note(draft.Differs, c.Origin("vouch.jwt.maxage"), "the session is in a store, and claims are renewed every hour; Vouch Proxy kept all in the cookie")
	for _, key := range []string{"vouch.jwt.secret", "vouch.session.key"} {
		if c.Has(key) {
			c.Text(key)
			c.Plan.Note(draft.Differs, c.Origin(key), "is not needed: Latchkey makes its keys itself")
		}
	}
	if !c.Flag("vouch.cookie.secure", true) {
		c.Plan.InsecureCookie(c.Origin("vouch.cookie.secure"))
	}
	if domain := c.Text("vouch.cookie.domain"); domain != "" {
		c.Plan.Note(draft.Todo, c.Origin("vouch.cookie.domain"), "one sign-in for several hosts is `sign_in_host <host>` in latchkey (docs/single-sign-on.md)")
	}
}

func (c *vouch) minutes(key string, usual time.Duration) time.Duration {
	if usual < time.Minute {
		usual *= time.Minute
	}
	text := c.Text(key)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000 {
		c.Fault(key, "want a number of minutes")
		return usual
	}
	return time.Duration(n) * time.Minute
}

// vouchKeys are the keys that only need a note.
var vouchKeys = map[string]draft.Explained{
	"vouch.loglevel": differs(draft.OwnLog), "vouch.testing": differs("there is no mode for tests: `mode report_only` tries a policy, `latchkey explain` shows a decision"),
	"vouch.listen": differs(draft.OwnServer), "vouch.port": differs(draft.OwnServer), "vouch.socket_mode": differs(draft.OwnServer), "vouch.socket_group": differs(draft.OwnServer),
	"vouch.document_root": differs("Latchkey's addresses are under /.latchkey/ at each site"),
	"vouch.writetimeout":  differs(draft.OwnServer), "vouch.readtimeout": differs(draft.OwnServer), "vouch.idletimeout": differs(draft.OwnServer),
	"vouch.tls.cert": todo(draft.OwnServer), "vouch.tls.key": todo(draft.OwnServer), "vouch.tls.profile": differs(draft.OwnServer),
	"vouch.jwt.signing_method": differs(draft.OwnCookie), "vouch.jwt.issuer": differs(draft.OwnCookie), "vouch.jwt.private_key_file": differs(draft.OwnCookie),
	"vouch.jwt.public_key_file": differs(draft.OwnCookie), "vouch.jwt.compress": differs(draft.OwnCookie),
	"vouch.cookie.name": differs(draft.OwnCookie), "vouch.cookie.httponly": differs(draft.OwnCookie), "vouch.cookie.samesite": differs(draft.OwnCookie),
	"vouch.session.name": differs(draft.OwnFlow), "vouch.session.maxage": differs(draft.OwnFlow),
	"vouch.headers.jwt": differs(draft.OwnCookie), "vouch.headers.querystring": missing("a token in a query is never read; programs send `Authorization` (docs/programs.md)"),
	"vouch.headers.redirect": differs(draft.OwnFlow), "vouch.headers.success": differs(draft.OwnFlow), "vouch.headers.error": differs(draft.OwnFlow),
	"vouch.test_url": differs("there is no page for tests"), "vouch.test_urls": differs("there is no page for tests"),
	"vouch.post_logout_redirect_uris": differs("users come back to the site after sign-out; its /.latchkey/signed-out is to be registered at the provider"),
	"oauth.token_url":                 differs(draft.OwnChecks), "oauth.user_info_url": differs(draft.OwnChecks), "oauth.user_team_url": missing(draft.NoDirectory), "oauth.user_org_url": missing(draft.NoDirectory),
	"oauth.callback_url": differs("the redirect URI is that of each site, or of sign_in_host"), "oauth.callback_urls": differs("the redirect URI is that of each site, or of sign_in_host"),
	"oauth.relying_party_id": missing("`auth_param resource <value>` in the provider sends it"), "oauth.azure_token": differs("claims are read from the ID token and userinfo"),
	"oauth.code_challenge_method": differs("PKCE is always used, with S256"), "oauth.discord_use_ids": missing(draft.NoOpenID),
}

var differs, missing, todo = draft.Differs.Says, draft.Missing.Says, draft.Todo.Says
