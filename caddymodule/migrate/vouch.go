package migrate

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

// vouch reads the configuration of Vouch Proxy. Where the apps are stands in nginx's, so the sites are a draft.
type vouch struct {
	*entries
	site *Site
	entrance
}

func readVouch(source []byte, o Options) (*Plan, error) {
	root, err := readYAML(source)
	if err != nil {
		return nil, err
	}
	flat := map[string]*entry{}
	flatten(flat, "", root)
	c := &vouch{entries: &entries{plan: new(Plan), all: map[string]*entry{}}, site: new(Site)}
	for key, e := range flat { // keys have no case, as for Vouch Proxy
		name := strings.ToLower(key)
		if c.all[name] != nil {
			return nil, e.errorf("stands twice, in different cases")
		}
		c.all[name] = e
	}
	c.plan.Sites = []*Site{c.site}
	c.site.Addresses = c.plan.addresses(o)
	c.provider()
	c.people()
	c.headers()
	c.sessions()
	c.site.Rules = append(c.entrance.rules(), c.site.Rules...)
	c.site.App = []Line{c.plan.noApp()}
	c.plan.note(Todo, Origin{}, "nginx asked Vouch Proxy about each request (auth_request). Latchkey stands in front of the apps itself: make each server block of nginx a site with `latchkey` and reverse_proxy")
	c.plan.note(Todo, Origin{}, "register https://<site>/.latchkey/callback of each site as a redirect URI at the provider, beside that of Vouch Proxy")
	c.plan.note(Todo, Origin{}, "environment variables (VOUCH_..., OAUTH_...) count more than the file; what they say is not taken over")
	return c.plan, c.rest(vouchKeys)
}

// vouchProviders are those whose metadata is where Latchkey looks for it.
var vouchProviders = map[string]string{"google": "https://accounts.google.com", "oidc": "", "adfs": "", "azure": ""}

// endings are what follows the issuer in the address of an authorization endpoint.
var endings = []string{"/protocol/openid-connect/auth", "/v1/authorize", "/oauth2/authorize/", "/api/oidc/authorization", "/oauth/authorize", "/authorize"}

func (c *vouch) provider() {
	kind, login := c.text("oauth.provider"), c.text("oauth.auth_url")
	issuer, known := vouchProviders[kind]
	o := c.origin("oauth.auth_url")
	if !known && kind != "" {
		c.plan.note(Missing, c.origin("oauth.provider"), "%s", noOpenID)
		c.closed = "The rules of the former provider have no equivalent: write `allow` lines, then remove this policy."
	} else if issuer == "" {
		issuer = guessedIssuer(login)
	}
	var line Line
	switch {
	case issuer == "":
		c.plan.note(Todo, o, "the issuer of the provider is not known: put it into the environment variable %s", IssuerVariable)
		line = words("issuer " + c.plan.variable(IssuerVariable))
	case kind == "google":
		line = words("issuer " + issuer)
	default:
		line = o.line("issuer", issuer)
		c.plan.note(Todo, o, "the issuer is derived from this address: `latchkey doctor` says whether the provider spells it so")
	}
	lines := []Line{line}
	if id := c.text("oauth.client_id"); id != "" {
		lines = append(lines, c.origin("oauth.client_id").line("client_id", id))
	} else {
		c.plan.note(Todo, Origin{"oauth.client_id", 0}, "the file has none: put it into the environment variable OIDC_CLIENT_ID")
		lines = append(lines, words("client_id "+c.plan.variable("OIDC_CLIENT_ID")))
	}
	c.text("oauth.client_secret")
	lines = append(lines, words("client_secret "+c.plan.secret(c.origin("oauth.client_secret"), firstfile.SecretVariable)))
	if scopes := c.list("oauth.scopes"); len(scopes) > 0 {
		lines = append(lines, c.origin("oauth.scopes").line("scopes", unique(append([]string{"openid"}, scopes...))...))
	}
	if end := c.text("oauth.end_session_endpoint"); end != "" {
		if u, err := url.Parse(end); err != nil || u.Scheme != "https" || u.User != nil || strings.ContainsAny(end, "{}") {
			c.plan.note(Todo, c.origin("oauth.end_session_endpoint"), "is no https address, and is not taken over; the metadata of the provider names one")
		} else {
			lines = append(lines, c.origin("oauth.end_session_endpoint").line("end_session_url", end))
		}
	}
	if domain := c.text("oauth.preferreddomain"); domain != "" {
		lines = append(lines, c.origin("oauth.preferreddomain").line("auth_param hd", domain))
	}
	for key, e := range c.all {
		if strings.HasPrefix(key, "oauth.claims.") {
			e.read = true
			c.plan.note(Missing, e.Origin, "no parameter `claims` is sent: what is put into the token or userinfo is set at the provider")
		}
	}
	p := words("provider", lines...)
	p.Comment = "Where users sign in."
	c.plan.Providers = append(c.plan.Providers, p)
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
	all, users, teams, domains := c.flag("vouch.allowallusers", false), c.list("vouch.whitelist"), c.list("vouch.teamwhitelist"), c.list("vouch.domains")
	if c.flag("vouch.publicaccess", false) {
		c.plan.note(Missing, c.origin("vouch.publicaccess"), "a site is closed, or a part of it is open (a matcher for `latchkey`); users who are not signed in get no page of a closed part")
	}
	if len(domains) > 0 && (all || len(users)+len(teams) > 0) {
		c.plan.note(Differs, c.origin("vouch.domains"), "does not say who may enter here, because another list does; the sites are those of the Caddyfile")
	}
	switch {
	case all:
	case len(users) > 0:
		c.users, c.ofUsers = users, c.origin("vouch.whitelist")
		c.plan.note(Differs, c.ofUsers, "a name is the user name, or an address that the provider has verified (email_verified true)")
	case len(teams) > 0:
		c.plan.note(Missing, c.origin("vouch.teamwhitelist"), "teams are those of GitHub; write `allow group` for groups that the token has")
		c.closed = "The teams were not taken over: write `allow group` lines, then remove this policy."
	case len(domains) > 0:
		c.domains, c.ofDomains = domains, c.origin("vouch.domains")
		c.plan.note(Differs, c.ofDomains, "an address counts if the provider has verified it (email_verified true), and if its domain is the one that is named: subdomains need a line each")
	default:
		c.plan.note(Todo, Origin{"vouch.domains", 0}, "the file does not say who may enter, so the site is closed")
		c.closed = "No user is named who may enter: write `allow` lines, then remove this policy."
	}
}

func (c *vouch) headers() {
	prefix := c.text("vouch.headers.claimheader")
	if prefix == "" {
		prefix = "X-Vouch-IdP-Claims-"
	}
	c.site.Rules = append(c.site.Rules, words("headers remote"))
	o := c.origin("vouch.headers.claims")
	for _, claim := range unique(c.list("vouch.headers.claims")) {
		name := prefix + headerName(claim)
		if !isHeaderName(name) || strings.ContainsAny(claim, ".[") {
			c.plan.note(Todo, o, "a claim makes no name of a header: `header <Name> <claim>` sends it")
			continue
		}
		c.site.Rules = append(c.site.Rules, o.line("header", name, claim))
	}
	if name := c.text("vouch.headers.user"); name != "" {
		c.plan.note(Differs, c.origin("vouch.headers.user"), "the app gets Remote-User; `header <Name> <claim>` sends a claim under another name")
	} else {
		c.plan.note(Differs, Origin{"vouch.headers.user", 0}, "the app gets Remote-User, Remote-Email and Remote-Name in place of X-Vouch-User")
	}
	if name := c.text("vouch.headers.accesstoken"); name != "" {
		if isHeaderName(name) {
			c.site.Rules = append(c.site.Rules, c.origin("vouch.headers.accesstoken").line("forward_access_token as", name))
		} else {
			c.fault("vouch.headers.accesstoken", "is no name of a header")
		}
	}
	if c.text("vouch.headers.idtoken") != "" {
		c.plan.note(Missing, c.origin("vouch.headers.idtoken"), "an ID token is never sent to an app: `assertion` is signed, and `forward_access_token` is for other services")
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

func isHeaderName(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

func (c *vouch) sessions() {
	jwt := c.minutes("vouch.jwt.maxage", 240)
	cookie := c.minutes("vouch.cookie.maxage", jwt)
	l := lifetimes{comment: "How long users stay signed in: unused, and at all."}
	l.browser, l.persistent = limits{min(day, jwt), jwt}, limits{cookie, cookie}
	if cookie == 0 {
		l.persistent = l.browser
		prompt := words("stay_signed_in off")
		prompt.Comment = "Sessions end with the browser, and users are not asked."
		c.plan.Prompt = append(c.plan.Prompt, prompt)
	} else {
		c.plan.note(Differs, c.origin("vouch.cookie.maxage"), "users are asked \"Stay signed in?\": after a No the session ends with the browser")
	}
	c.plan.Session = append(c.plan.Session, l.line())
	c.plan.note(Differs, c.origin("vouch.jwt.maxage"), "the session is in a store, and claims are renewed every hour; Vouch Proxy kept all in the cookie")
	for _, key := range []string{"vouch.jwt.secret", "vouch.session.key"} {
		if c.has(key) {
			c.text(key)
			c.plan.note(Differs, c.origin(key), "is not needed: Latchkey makes its keys itself")
		}
	}
	if !c.flag("vouch.cookie.secure", true) {
		c.plan.note(Missing, c.origin("vouch.cookie.secure"), "cookies are only sent with TLS, but on localhost")
	}
	if domain := c.text("vouch.cookie.domain"); domain != "" {
		c.plan.note(Todo, c.origin("vouch.cookie.domain"), "one sign-in for several hosts is `sign_in_host <host>` in latchkey (docs/single-sign-on.md)")
	}
}

func (c *vouch) minutes(key string, usual time.Duration) time.Duration {
	if usual < time.Minute {
		usual *= time.Minute
	}
	text := c.text(key)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000 {
		c.fault(key, "want a number of minutes")
		return usual
	}
	return time.Duration(n) * time.Minute
}

// vouchKeys are the keys that only need a note.
var vouchKeys = map[string]explained{
	"vouch.loglevel": {Differs, ownLog}, "vouch.testing": {Differs, "there is no mode for tests: `mode report_only` tries a policy, `latchkey explain` shows a decision"},
	"vouch.listen": {Differs, ownServer}, "vouch.port": {Differs, ownServer}, "vouch.socket_mode": {Differs, ownServer}, "vouch.socket_group": {Differs, ownServer},
	"vouch.document_root": {Differs, "Latchkey's addresses are under /.latchkey/ at each site"},
	"vouch.writetimeout":  {Differs, ownServer}, "vouch.readtimeout": {Differs, ownServer}, "vouch.idletimeout": {Differs, ownServer},
	"vouch.tls.cert": {Todo, ownServer}, "vouch.tls.key": {Todo, ownServer}, "vouch.tls.profile": {Differs, ownServer},
	"vouch.jwt.signing_method": {Differs, ownCookie}, "vouch.jwt.issuer": {Differs, ownCookie}, "vouch.jwt.private_key_file": {Differs, ownCookie},
	"vouch.jwt.public_key_file": {Differs, ownCookie}, "vouch.jwt.compress": {Differs, ownCookie},
	"vouch.cookie.name": {Differs, ownCookie}, "vouch.cookie.httponly": {Differs, ownCookie}, "vouch.cookie.samesite": {Differs, ownCookie},
	"vouch.session.name": {Differs, ownFlow}, "vouch.session.maxage": {Differs, ownFlow},
	"vouch.headers.jwt": {Differs, ownCookie}, "vouch.headers.querystring": {Missing, "a token in a query is never read; programs send `Authorization` (docs/programs.md)"},
	"vouch.headers.redirect": {Differs, ownFlow}, "vouch.headers.success": {Differs, ownFlow}, "vouch.headers.error": {Differs, ownFlow},
	"vouch.test_url": {Differs, "there is no page for tests"}, "vouch.test_urls": {Differs, "there is no page for tests"},
	"vouch.post_logout_redirect_uris": {Differs, "users come back to the site after sign-out; its /.latchkey/signed-out is to be registered at the provider"},
	"oauth.token_url":                 {Differs, ownChecks}, "oauth.user_info_url": {Differs, ownChecks}, "oauth.user_team_url": {Missing, noDisk}, "oauth.user_org_url": {Missing, noDisk},
	"oauth.callback_url": {Differs, "the redirect URI is that of each site, or of sign_in_host"}, "oauth.callback_urls": {Differs, "the redirect URI is that of each site, or of sign_in_host"},
	"oauth.relying_party_id": {Missing, "`auth_param resource <value>` in the provider sends it"}, "oauth.azure_token": {Differs, "claims are read from the ID token and userinfo"},
	"oauth.code_challenge_method": {Differs, "PKCE is always used, with S256"}, "oauth.discord_use_ids": {Missing, noOpenID},
}
