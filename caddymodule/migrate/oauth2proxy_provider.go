package migrate

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

// preset is what oauth2-proxy knows of a provider.
type preset struct {
	// issuer is the issuer if the configuration has none.
	issuer string
	// user is the claim of X-Forwarded-User.
	user string
	// missing says why the provider cannot be used.
	missing string
}

const noOpenID = "this provider does not speak OpenID Connect as a provider of Latchkey has to. Put one between that signs users in there, such as Dex or Keycloak, and set OIDC_ISSUER to its issuer"

var presets = map[string]preset{
	"google":        {issuer: "https://accounts.google.com", user: "sub"},
	"oidc":          {user: "sub"},
	"keycloak-oidc": {user: "sub"},
	"keycloak":      {user: "preferred_username"},
	"entra-id":      {user: "sub"},
	"azure":         {user: "sub"},
	"adfs":          {user: "sub"},
	"gitlab":        {issuer: "https://gitlab.com", user: "nickname"},
	"login.gov":     {issuer: "https://secure.login.gov/", user: "sub"},
	"cidaas":        {user: "sub"},
	"linkedin":      {missing: noOpenID},
	"github":        {missing: noOpenID},
	"bitbucket":     {missing: noOpenID},
	"digitalocean":  {missing: noOpenID},
	"facebook":      {missing: noOpenID},
	"nextcloud":     {missing: noOpenID},
	"sourcehut":     {missing: noOpenID},
}

func (c *oauth2Proxy) provider() {
	kind := c.text("provider")
	if kind == "" {
		kind = "google"
	}
	known, ok := presets[kind]
	if !ok {
		c.plan.note(Unknown, c.origin("provider"), "no provider of oauth2-proxy has this name; its issuer is read from oidc_issuer_url")
		known.user = "sub"
	}
	if known.missing != "" {
		c.plan.note(Missing, c.origin("provider"), "%s", known.missing)
		c.closed = "The rules of the former provider have no equivalent: write `allow` lines, then remove this policy."
	}
	lines := []Line{c.issuer(kind, known)}
	if name := c.text("provider_display_name"); name != "" {
		lines = append(lines, c.origin("provider_display_name").line("name", name))
	}
	if id := c.text("client_id"); id != "" {
		lines = append(lines, c.origin("client_id").line("client_id", id))
	} else {
		c.plan.note(Todo, Origin{"client_id", 0}, "the file has none: put it into the environment variable OIDC_CLIENT_ID")
		lines = append(lines, words("client_id "+c.plan.variable("OIDC_CLIENT_ID")))
	}
	lines = append(lines, c.client(kind)...)
	lines = append(lines, c.asked(kind)...)
	lines = append(lines, c.claims(kind, known)...)
	p := words("provider", lines...)
	p.Comment = "Where users sign in."
	c.plan.Providers = append(c.plan.Providers, p)
}

// issuer finds the issuer of the provider.
func (c *oauth2Proxy) issuer(kind string, known preset) Line {
	issuer, o := c.text("oidc_issuer_url"), c.origin("oidc_issuer_url")
	tenant, login := c.text("azure_tenant"), c.text("login_url")
	switch {
	case issuer != "":
	case kind == "azure" && tenant != "" && tenant != "common" && tenant != "organizations":
		issuer, o = "https://login.microsoftonline.com/"+url.PathEscape(tenant)+"/v2.0", c.origin("azure_tenant")
	case kind == "keycloak" && strings.Contains(login, "/protocol/openid-connect/"):
		issuer, _, _ = strings.Cut(login, "/protocol/openid-connect/")
		o = c.origin("login_url")
	default:
		issuer = known.issuer
	}
	if strings.Contains(issuer, "://login.microsoftonline.com/common/") || strings.Contains(issuer, "://login.microsoftonline.com/organizations/") {
		c.plan.note(Missing, o, "the issuer for all tenants is none: name the tenant in it, and one provider for each tenant")
		issuer = ""
	}
	if issuer == "" {
		c.plan.note(Todo, o, "the issuer of the provider is not known: put it into the environment variable OIDC_ISSUER")
		return words("issuer " + c.plan.variable(IssuerVariable))
	}
	if err := firstfile.CheckIssuer(issuer); err != nil {
		c.faults = append(c.faults, o.errorf("is no issuer: https without user, query and fragment; http for this machine only"))
	}
	return o.line("issuer", issuer)
}

// client returns how the gateway authenticates.
func (c *oauth2Proxy) client(kind string) (lines []Line) {
	secret, file := c.text("client_secret"), c.text("client_secret_file")
	key, keyFile := c.text("jwt_key"), c.text("jwt_key_file")
	switch {
	case kind == "login.gov" && keyFile != "":
		lines = append(lines, c.origin("jwt_key_file").line("client_auth private_key_jwt", keyFile))
	case kind == "login.gov" && key != "":
		c.plan.note(Todo, c.origin("jwt_key"), "write the key into the file /etc/latchkey/client.pem")
		lines = append(lines, words("client_auth private_key_jwt /etc/latchkey/client.pem"))
	case secret == "" && file != "":
		o := c.origin("client_secret_file")
		if !filepath.IsAbs(file) {
			c.fault("client_secret_file", "want an absolute path")
		} else if firstfile.CheckQuoted("", file, maxValue) != nil || strings.ContainsAny(file, " #<") {
			c.fault("client_secret_file", "has a character that cannot stand in a placeholder")
		} else {
			lines = append(lines, Line{Words: "client_secret {file." + file + "}", From: o})
		}
	default:
		o := c.origin("client_secret")
		lines = append(lines, Line{Words: "client_secret " + c.plan.secret(o, firstfile.SecretVariable), From: o})
	}
	files, also := c.list("provider_ca_files"), c.flag("use_system_trust_store", false)
	if len(files) > 0 {
		o := c.origin("provider_ca_files")
		lines = append(lines, o.line("ca_file", files[0]))
		if len(files) > 1 {
			c.plan.note(Todo, o, "ca_file takes one file: put the certificates of all of them into the first")
		}
		if also {
			c.plan.note(Differs, c.origin("use_system_trust_store"), "with ca_file the authorities of the system do not count")
		}
	}
	return lines
}

// asked returns what is sent along to the provider.
func (c *oauth2Proxy) asked(kind string) (lines []Line) {
	if scope := strings.Fields(c.text("scope")); len(scope) > 0 {
		o := c.origin("scope")
		if !slices.Contains(scope, "openid") {
			scope = append([]string{"openid"}, scope...)
			c.plan.note(Differs, o, "openid is added, without which there is no ID token")
		}
		lines = append(lines, o.line("scopes", unique(scope)...))
		if !slices.Contains(scope, "offline_access") {
			c.plan.note(Differs, o, "offline_access is not among them: most providers then give no refresh token, and claims and groups stay as they were at sign-in. Without a line `scopes` Latchkey asks for it where the provider has it")
		}
	}
	if kind == "oidc" && !c.has("scope") && c.has("allowed_groups") {
		groups := words("scopes openid profile email offline_access groups")
		groups.Comment = "oauth2-proxy asked for groups because allowed_groups was there."
		lines = append(lines, groups)
	}
	if method := c.text("code_challenge_method"); method != "" && method != "S256" {
		c.plan.note(Differs, c.origin("code_challenge_method"), "PKCE is always used, with S256")
	}
	if resource := c.text("resource"); resource != "" {
		lines = append(lines, c.origin("resource").line("auth_param resource", resource))
	}
	if mode := c.text("auth_request_response_mode"); mode == "query" || mode == "form_post" {
		lines = append(lines, c.origin("auth_request_response_mode").line("auth_param response_mode", mode))
	} else if mode != "" {
		c.plan.note(Missing, c.origin("auth_request_response_mode"), "response_mode is query or form_post")
	}
	for _, key := range []string{"prompt", "approval_prompt"} {
		if c.text(key) != "" {
			c.plan.note(Differs, c.origin(key), "Latchkey decides about prompt itself, from the policies: sign_in_frequency asks users again")
		}
	}
	if acr := strings.Fields(c.text("acr_values")); len(acr) > 0 {
		o := c.origin("acr_values")
		require := o.line("require", "acr:"+acr[0])
		require.Comment = "The provider is asked for it, and it is checked in the token, which oauth2-proxy did not."
		c.site.Rules = append(c.site.Rules, words("policy authentication-context", require))
		if len(acr) > 1 {
			c.plan.note(Differs, o, "the first one is required; require_any takes alternatives")
		}
	}
	return lines
}

// claims returns what is read of the user.
func (c *oauth2Proxy) claims(kind string, known preset) (lines []Line) {
	if extra := c.list("oidc_extra_audiences"); len(extra) > 0 {
		lines = append(lines, c.origin("oidc_extra_audiences").line("trust_audience", extra...))
	}
	groups := c.text("oidc_groups_claim")
	if groups != "" && groups != "groups" {
		lines = append(lines, c.origin("oidc_groups_claim").line("groups_claim", groups))
	}
	if claim := c.text("oidc_email_claim"); claim != "" && claim != "email" {
		c.plan.note(Missing, c.origin("oidc_email_claim"), "the address is the claim email, if email_verified is true. If another claim names users by an address that they cannot choose: user_claim and trust_user_names in the provider")
	}
	user, o := known.user, c.origin("user_id_claim")
	if claim := c.text("user_id_claim"); claim != "" {
		user = claim
	}
	claims := []string{user}
	if c.flag("prefer_email_to_user", false) {
		o = c.origin("prefer_email_to_user")
		claims = []string{"email", user}
	}
	if user != "" {
		name := o.line("user_claim", unique(append(claims, "sub"))...)
		name.Comment = "What X-Forwarded-User was. Without this line a name that users know, preferred_username or email, stands in headers and in the log."
		lines = append(lines, name)
	}
	if kind == "entra-id" || kind == "azure" {
		c.plan.note(Differs, c.origin("provider"), "Entra ID verifies no address: rules by domain match no user until `trust_user_names` and `user_claim preferred_username` stand in the provider (docs/providers/entra-id.md)")
		if c.text("azure_graph_group_field") != "" {
			c.plan.note(Differs, c.origin("azure_graph_group_field"), "groups are the object IDs of the claim groups")
		}
	}
	return lines
}
