package migrate

import (
	"regexp"
	"strings"
)

const completePeople = "The list of those who may enter was not taken over: write `allow user` and `allow domain` lines, then remove this policy."

// people reads who may enter. oauth2-proxy demands a permitted address and, if groups are named, one of the groups.
func (c *oauth2Proxy) people() {
	domains, file := c.list("email_domains"), c.text("authenticated_emails_file")
	o := c.origin("email_domains")
	c.ofDomains = o
	all := false
	for _, d := range domains {
		switch {
		case d == "*":
			all = true
		case strings.HasPrefix(d, ".") || strings.HasPrefix(d, "*."):
			c.plan.note(Missing, o, "`allow domain` takes no subdomains: name each domain whose users may enter")
			c.closed = completePeople
		default:
			c.domains = append(c.domains, strings.ToLower(d))
		}
	}
	switch {
	case all:
		c.domains = nil
		if c.closed == completePeople {
			c.closed = ""
		}
	case file != "":
		c.plan.note(Todo, c.origin("authenticated_emails_file"), "write a line `allow user <address>` for each address in the file")
		if len(c.domains) == 0 {
			c.closed = completePeople
		}
	case len(domains) == 0:
		c.plan.note(Todo, Origin{"email_domains", 0}, "the file does not say who may enter, so the site is closed")
		c.closed = completePeople
	}
	if len(c.domains) > 0 {
		c.plan.note(Differs, o, "an address counts if the provider says email_verified true; oauth2-proxy refuses only those with email_verified false")
		if len(c.domains) > 0 && c.closed == completePeople {
			c.closed = "" // the domains that are named are restriction enough
		}
	}
	c.memberships()
}

// memberships reads the groups, one of which is required.
func (c *oauth2Proxy) memberships() {
	c.groups, c.ofGroups = c.list("allowed_groups"), c.origin("allowed_groups")
	kind := c.text("provider")
	for _, key := range []string{"keycloak_groups", "gitlab_groups"} {
		if more := c.list(key); len(more) > 0 && (strings.HasPrefix(key, "keycloak") == strings.HasPrefix(kind, "keycloak")) {
			c.groups, c.ofGroups = append(c.groups, more...), c.origin(key)
		}
	}
	if roles := c.list("allowed_roles"); len(roles) > 0 {
		o := c.origin("allowed_roles")
		if len(c.groups) == 0 && !c.has("oidc_groups_claim") && len(c.plan.Providers) > 0 {
			claim := words("groups_claim realm_access.roles")
			claim.Comment = "The roles of the realm count as groups."
			p := &c.plan.Providers[0]
			p.Block = append(p.Block, claim)
			c.groups, c.ofGroups = roles, o
			c.plan.note(Differs, o, "roles of the realm are groups here, without `role:` in front; roles of a client need groups_claim resource_access.<client>.roles, and the client's scope for roles has to be in the ID token or userinfo")
		} else {
			c.plan.note(Missing, o, "groups_claim is one claim, and the groups have it: have the provider put groups and roles into one claim")
			if len(c.groups) == 0 {
				c.closed = "The roles were not taken over: write `allow group` lines, then remove this policy."
			}
		}
	}
	for _, key := range []string{
		"google_group", "google_groups", "gitlab_projects", "github_org", "github_team", "github_repo", "github_users",
		"bitbucket_team", "bitbucket_repository", "entra_id_allowed_tenants",
	} {
		if c.has(key) {
			c.list(key)
			c.plan.note(Missing, c.origin(key), "the token does not say this, so the site is closed until it is ruled by what the token says")
			c.closed = "A restriction that the token does not show was not taken over: write `allow` lines that take its place, then remove this policy."
		}
	}
}

var routeParts = regexp.MustCompile("!?=")

// open reads which requests need no sign-in.
func (c *oauth2Proxy) open() {
	for _, pattern := range c.routes("skip_auth_regex") {
		c.openRoute(c.origin("skip_auth_regex"), "", pattern, false)
	}
	for _, route := range c.routes("skip_auth_routes") {
		o, method, pattern := c.origin("skip_auth_routes"), "", route
		if parts := routeParts.Split(route, 2); len(parts) == 2 {
			method, pattern = strings.ToUpper(strings.TrimSpace(parts[0])), parts[1]
		}
		if method != "" && !isMethod(method) {
			c.plan.note(Missing, o, "%q is no method: the paths of this entry stay closed", method)
			continue
		}
		c.openRoute(o, method, pattern, strings.Contains(route, "!="))
	}
	if ranges := c.list("trusted_ips"); len(ranges) > 0 {
		o := c.origin("trusted_ips")
		c.site.Open = append(c.site.Open, o.line("not client_ip", ranges...))
		c.plan.note(Differs, o, "these addresses still need no sign-in, but no identity headers reach the app from there. A policy with `network` and `exclude network trusted` is the better way if only a second factor should be spared")
	}
	if c.flag("skip_auth_preflight", false) {
		c.plan.note(Todo, c.origin("skip_auth_preflight"), "OPTIONS needs a sign-in as any other method: name the origins that may ask by CORS, with `cors <origin>...` in latchkey")
	}
	if len(c.routes("api_routes")) > 0 {
		c.plan.note(Differs, c.origin("api_routes"), "not the path decides: a browser that opens a page is sent to sign in, every other request without a session is answered with 401")
	}
}

func (c *oauth2Proxy) openRoute(o Origin, method, pattern string, except bool) {
	if !isPattern(pattern) {
		c.plan.note(Missing, o, "a regular expression is wrong, or cannot stand in a Caddyfile: what it left open stays closed")
		return
	}
	c.site.Open = append(c.site.Open, openPattern(o, method, pattern, except))
	if !strings.HasPrefix(pattern, "^") {
		c.plan.note(Differs, o, "%q has no ^ at its beginning and so leaves every path open that has it anywhere; it did so before", pattern)
	}
}

// routes returns regular expressions. Unlike other lists a single text is one of them, because they may have commas.
func (c *oauth2Proxy) routes(key string) []string {
	if one, ok := c.all[key]; ok {
		if text, ok := one.value.(string); ok && strings.ContainsAny(text, "{[(") {
			one.read = true
			return []string{strings.TrimSpace(text)}
		}
	}
	return c.list(key)
}
