package oauth2proxy

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
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
	"linkedin":      {missing: draft.NoOpenID},
	"github":        {missing: draft.NoOpenID},
	"bitbucket":     {missing: draft.NoOpenID},
	"digitalocean":  {missing: draft.NoOpenID},
	"facebook":      {missing: draft.NoOpenID},
	"nextcloud":     {missing: draft.NoOpenID},
	"sourcehut":     {missing: draft.NoOpenID},
}

func (c *oauth2Proxy) provider() {
	kind := c.Text("provider")
	if kind == "" {
		kind = "google"
	}
	known, ok := presets[kind]
	if !ok {
		c.Plan.Note(draft.Unknown, c.Origin("provider"), "no provider of oauth2-proxy has this name; its issuer is read from oidc_issuer_url")
		known.user = "sub"
	}
	if known.missing != "" {
		c.Plan.Note(draft.Missing, c.Origin("provider"), "%s", known.missing)
		c.Closed = "The rules of the former provider have no equivalent: write `allow` lines, then remove this policy."
	}
	lines := []draft.Line{c.issuer(kind, known)}
	if name := c.Text("provider_display_name"); name != "" {
		lines = append(lines, c.Origin("provider_display_name").Words("name", name))
	}
	if id, ok := c.fromEnvironment("client_id"); ok {
		lines = append(lines, draft.Words("client_id "+id))
	} else if id := c.Text("client_id"); id != "" {
		lines = append(lines, c.Origin("client_id").Words("client_id", id))
	} else {
		c.Plan.Note(draft.Todo, draft.At("client_id", 0), "the file has none: put it into the environment variable OIDC_CLIENT_ID")
		lines = append(lines, draft.Words("client_id "+c.Plan.Variable("OIDC_CLIENT_ID")))
	}
	lines = append(lines, c.client(kind)...)
	lines = append(lines, c.asked(kind)...)
	if c.alpha != nil {
		lines = append(lines, c.alpha.parameters...)
	}
	lines = append(lines, c.claims(kind, known)...)
	p := draft.Words("provider", lines...)
	p.Comment = "Where users sign in."
	c.Plan.Providers = append(c.Plan.Providers, p)
}

// issuer finds the issuer of the provider.
func (c *oauth2Proxy) issuer(kind string, known preset) draft.Line {
	if placeholder, ok := c.fromEnvironment("oidc_issuer_url"); ok {
		return draft.Words("issuer " + placeholder)
	}
	issuer, o := c.Text("oidc_issuer_url"), c.Origin("oidc_issuer_url")
	tenant, login := c.Text("azure_tenant"), c.Text("login_url")
	switch {
	case issuer != "":
	case kind == "azure" && tenant != "" && tenant != "common" && tenant != "organizations":
		issuer, o = "https://login.microsoftonline.com/"+url.PathEscape(tenant)+"/v2.0", c.Origin("azure_tenant")
	case kind == "keycloak" && strings.Contains(login, "/protocol/openid-connect/"):
		issuer, _, _ = strings.Cut(login, "/protocol/openid-connect/")
		o = c.Origin("login_url")
	default:
		issuer = known.issuer
	}
	if strings.Contains(issuer, "://login.microsoftonline.com/common/") || strings.Contains(issuer, "://login.microsoftonline.com/organizations/") {
		c.Plan.Note(draft.Missing, o, "the issuer for all tenants is none: name the tenant in it, and one provider for each tenant")
		issuer = ""
	}
	if issuer == "" {
		c.Plan.Note(draft.Todo, o, "the issuer of the provider is not known: put it into the environment variable OIDC_ISSUER")
		return draft.Words("issuer " + c.Plan.Variable(draft.IssuerVariable))
	}
	if err := firstfile.CheckIssuer(issuer); err != nil {
		c.Faults = append(c.Faults, o.Errorf("is no issuer: https without user, query and fragment; http for this machine only"))
	}
	return o.Words("issuer", issuer)
}

// client returns how the gateway authenticates.
func (c *oauth2Proxy) client(kind string) (lines []draft.Line) {
	variable, _ := c.fromEnvironment("client_secret")
	secret, file := c.Text("client_secret"), c.Text("client_secret_file")
	key, keyFile := c.Text("jwt_key"), c.Text("jwt_key_file")
	switch {
	case kind == "login.gov" && keyFile != "":
		lines = append(lines, c.Origin("jwt_key_file").Words("client_auth private_key_jwt", keyFile))
	case kind == "login.gov" && key != "":
		c.Plan.Note(draft.Todo, c.Origin("jwt_key"), "write the key into the file /etc/latchkey/client.pem")
		lines = append(lines, draft.Words("client_auth private_key_jwt /etc/latchkey/client.pem"))
	case secret == "" && file != "":
		o := c.Origin("client_secret_file")
		if !filepath.IsAbs(file) {
			c.Fault("client_secret_file", "want an absolute path")
		} else if firstfile.CheckQuoted("", file, draft.MaxValue) != nil || strings.ContainsAny(file, " #<") {
			c.Fault("client_secret_file", "has a character that cannot stand in a placeholder")
		} else {
			lines = append(lines, draft.Line{Words: "client_secret {file." + file + "}", From: o})
		}
	case variable != "":
		lines = append(lines, draft.Words("client_secret "+variable))
	default:
		o := c.Origin("client_secret")
		lines = append(lines, draft.Line{Words: "client_secret " + c.Plan.Secret(o, firstfile.SecretVariable), From: o})
	}
	files, also := c.List("provider_ca_files"), c.Flag("use_system_trust_store", false)
	if len(files) > 0 {
		o := c.Origin("provider_ca_files")
		lines = append(lines, o.Words("ca_file", files[0]))
		if len(files) > 1 {
			c.Plan.Note(draft.Todo, o, "ca_file takes one file: put the certificates of all of them into the first")
		}
		if also {
			c.Plan.Note(draft.Differs, c.Origin("use_system_trust_store"), "with ca_file the authorities of the system do not count")
		}
	}
	return lines
}

// asked returns what is sent along to the provider.
func (c *oauth2Proxy) asked(kind string) (lines []draft.Line) {
	if scope := strings.Fields(c.Text("scope")); len(scope) > 0 {
		o := c.Origin("scope")
		if !slices.Contains(scope, "openid") {
			scope = append([]string{"openid"}, scope...)
			c.Plan.Note(draft.Differs, o, "openid is added, without which there is no ID token")
		}
		lines = append(lines, o.Words("scopes", draft.Unique(scope)...))
		if !slices.Contains(scope, "offline_access") {
			c.Plan.Note(draft.Differs, o, "offline_access is not among them: most providers then give no refresh token, and claims and groups stay as they were at sign-in. Without a line `scopes` Latchkey asks for it where the provider has it")
		}
	}
	if kind == "oidc" && !c.Has("scope") && c.Has("allowed_groups") {
		groups := draft.Words("scopes openid profile email offline_access groups")
		groups.Comment = "oauth2-proxy asked for groups because allowed_groups was there."
		lines = append(lines, groups)
	}
	if method := c.Text("code_challenge_method"); method != "" && method != "S256" {
		c.Plan.Note(draft.Differs, c.Origin("code_challenge_method"), "PKCE is always used, with S256")
	}
	if resource := c.Text("resource"); resource != "" {
		lines = append(lines, c.Origin("resource").Words("auth_param resource", resource))
	}
	if mode := c.Text("auth_request_response_mode"); mode == "query" || mode == "form_post" {
		lines = append(lines, c.Origin("auth_request_response_mode").Words("auth_param response_mode", mode))
	} else if mode != "" {
		c.Plan.Note(draft.Missing, c.Origin("auth_request_response_mode"), "response_mode is query or form_post")
	}
	for _, key := range []string{"prompt", "approval_prompt"} {
		if c.Text(key) != "" {
			c.Plan.Note(draft.Differs, c.Origin(key), "Latchkey decides about prompt itself, from the policies: sign_in_frequency asks users again")
		}
	}
	if acr := strings.Fields(c.Text("acr_values")); len(acr) > 0 {
		o := c.Origin("acr_values")
		require := o.Words("require", "acr:"+acr[0])
		require.Comment = "The provider is asked for it, and it is checked in the token, which oauth2-proxy did not."
		c.site.Rules = append(c.site.Rules, draft.Words("policy authentication-context", require))
		if len(acr) > 1 {
			c.Plan.Note(draft.Differs, o, "the first one is required; require_any takes alternatives")
		}
	}
	return lines
}

// claims returns what is read of the user.
func (c *oauth2Proxy) claims(kind string, known preset) (lines []draft.Line) {
	if extra := c.List("oidc_extra_audiences"); len(extra) > 0 {
		lines = append(lines, c.Origin("oidc_extra_audiences").Words("trust_audience", extra...))
	}
	groups := c.Text("oidc_groups_claim")
	if groups != "" && groups != "groups" {
		lines = append(lines, c.Origin("oidc_groups_claim").Words("groups_claim", groups))
	}
	if claim := c.Text("oidc_email_claim"); claim != "" && claim != "email" {
		c.Plan.Note(draft.Missing, c.Origin("oidc_email_claim"), "the address is the claim email, if email_verified is true. If another claim names users by an address that they cannot choose: user_claim and trust_user_names in the provider")
	}
	user, o := known.user, c.Origin("provider")
	claims, email := []string{user}, "email"
	if claim := c.Text("user_id_claim"); claim != "" && claim != "email" { // the former name of oidc_email_claim
		email = claim
		c.Plan.Note(draft.Missing, c.Origin("user_id_claim"), "for oauth2-proxy this is the claim of the address, not of the user: the address is the claim email here. `user_claim %s` in the provider makes it the user", "<claim>")
	}
	if c.Flag("prefer_email_to_user", false) {
		o = c.Origin("prefer_email_to_user")
		claims = []string{email, user}
		if email != "email" {
			o = c.Origin("user_id_claim")
		}
	}
	if user != "" {
		name := o.Words("user_claim", draft.Unique(append(claims, "sub"))...)
		name.Comment = "What X-Forwarded-User was. Without this line a name that users know, preferred_username or email, stands in headers and in the log."
		lines = append(lines, name)
	}
	if kind == "entra-id" || kind == "azure" {
		c.Plan.Note(draft.Differs, c.Origin("provider"), "Entra ID verifies no address: rules by domain match no user until `trust_user_names` and `user_claim preferred_username` stand in the provider (docs/providers/entra-id.md)")
		if c.Text("azure_graph_group_field") != "" {
			c.Plan.Note(draft.Differs, c.Origin("azure_graph_group_field"), "groups are the object IDs of the claim groups")
		}
	}
	return lines
}
