package oauth2proxy

import (
	"regexp"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

const completePeople = "The list of those who may enter was not taken over: write `allow user` and `allow domain` lines, then remove this policy."

// people reads who may enter. oauth2-proxy demands a permitted address and, if groups are named, one of the groups.
func (c *oauth2Proxy) people() {
	domains, file := c.List("email_domains"), c.Text("authenticated_emails_file")
	o := c.Origin("email_domains")
	c.OfDomains = o
	all := false
	for _, d := range domains {
		switch {
		case d == "*":
			all = true
		case strings.HasPrefix(d, ".") || strings.HasPrefix(d, "*."):
			c.Plan.Note(draft.Missing, o, "`allow domain` takes no subdomains: name each domain whose users may enter")
			c.Closed = completePeople
		default:
			c.Domains = append(c.Domains, strings.ToLower(d))
		}
	}
	switch {
	case all:
		c.Domains = nil
		if c.Closed == completePeople {
			c.Closed = ""
		}
	case file != "":
		c.Plan.Note(draft.Todo, c.Origin("authenticated_emails_file"), "write a line `allow user <address>` for each address in the file")
		if len(c.Domains) == 0 {
			c.Closed = completePeople
		}
	case len(domains) == 0:
		c.Plan.Note(draft.Todo, draft.At("email_domains", 0), "the file does not say who may enter, so the site is closed")
		c.Closed = completePeople
	}
	if len(c.Domains) > 0 {
		c.Plan.Note(draft.Differs, o, "an address counts if the provider says email_verified true; oauth2-proxy refuses only those with email_verified false")
		if len(c.Domains) > 0 && c.Closed == completePeople {
			c.Closed = "" // the domains that are named are restriction enough
		}
	}
	c.memberships()
}

// memberships reads the groups, one of which is required.
func (c *oauth2Proxy) memberships() {
	c.Groups, c.OfGroups = c.List("allowed_groups"), c.Origin("allowed_groups")
	kind := c.Text("provider")
	for _, key := range []string{"keycloak_groups", "gitlab_groups"} {
		if more := c.List(key); len(more) > 0 && (strings.HasPrefix(key, "keycloak") == strings.HasPrefix(kind, "keycloak")) {
			c.Groups, c.OfGroups = append(c.Groups, more...), c.Origin(key)
		}
	}
	if roles := c.List("allowed_roles"); len(roles) > 0 {
		o := c.Origin("allowed_roles")
		if len(c.Groups) == 0 && !c.Has("oidc_groups_claim") && len(c.Plan.Providers) > 0 {
			claim := draft.Words("groups_claim realm_access.roles")
			claim.Comment = "The roles of the realm count as groups."
			p := &c.Plan.Providers[0]
			p.Block = append(p.Block, claim)
			c.Groups, c.OfGroups = roles, o
			c.Plan.Note(draft.Differs, o, "roles of the realm are groups here, without `role:` in front; roles of a client need groups_claim resource_access.<client>.roles, and the client's scope for roles has to be in the ID token or userinfo")
		} else {
			c.Plan.Note(draft.Missing, o, "groups_claim is one claim, and the groups have it: have the provider put groups and roles into one claim")
			if len(c.Groups) == 0 {
				c.Closed = "The roles were not taken over: write `allow group` lines, then remove this policy."
			}
		}
	}
	for _, key := range []string{
		"google_group", "google_groups", "gitlab_projects", "github_org", "github_team", "github_repo", "github_users",
		"bitbucket_team", "bitbucket_repository", "entra_id_allowed_tenants",
	} {
		if c.Has(key) {
			c.List(key)
			c.Plan.Note(draft.Missing, c.Origin(key), "the token does not say this, so the site is closed until it is ruled by what the token says")
			c.Closed = "A restriction that the token does not show was not taken over: write `allow` lines that take its place, then remove this policy."
		}
	}
}

var routeParts = regexp.MustCompile("!?=")

// open reads which requests need no sign-in.
func (c *oauth2Proxy) open() {
	for _, pattern := range c.routes("skip_auth_regex") {
		c.openRoute(c.Origin("skip_auth_regex"), "", pattern, false)
	}
	for _, route := range c.routes("skip_auth_routes") {
		o, method, pattern := c.Origin("skip_auth_routes"), "", route
		if parts := routeParts.Split(route, 2); len(parts) == 2 {
			method, pattern = strings.ToUpper(strings.TrimSpace(parts[0])), parts[1]
		}
		if method != "" && !draft.IsMethod(method) {
			c.Plan.Note(draft.Missing, o, "%q is no method: the paths of this entry stay closed", method)
			continue
		}
		c.openRoute(o, method, pattern, strings.Contains(route, "!="))
	}
	if ranges := c.List("trusted_ips"); len(ranges) > 0 {
		o := c.Origin("trusted_ips")
		c.site.Open = append(c.site.Open, o.Words("not client_ip", ranges...))
		c.Plan.Note(draft.Differs, o, "these addresses still need no sign-in, but no identity headers reach the app from there. A policy with `network` and `exclude network trusted` is the better way if only a second factor should be spared")
	}
	if c.Flag("skip_auth_preflight", false) {
		c.Plan.Note(draft.Todo, c.Origin("skip_auth_preflight"), "OPTIONS needs a sign-in as any other method: name the origins that may ask by CORS, with `cors <origin>...` in latchkey")
	}
	if len(c.routes("api_routes")) > 0 {
		c.Plan.Note(draft.Differs, c.Origin("api_routes"), "not the path decides: a browser that opens a page is sent to sign in, every other request without a session is answered with 401")
	}
}

func (c *oauth2Proxy) openRoute(o draft.Origin, method, pattern string, except bool) {
	if !draft.IsPattern(pattern) {
		c.Plan.Note(draft.Missing, o, "a regular expression is wrong, or cannot stand in a Caddyfile: what it left open stays closed")
		return
	}
	c.site.Open = append(c.site.Open, draft.OpenPattern(o, method, pattern, except))
	if !strings.HasPrefix(pattern, "^") {
		c.Plan.Note(draft.Differs, o, "%q has no ^ at its beginning and so leaves every path open that has it anywhere; it did so before", pattern)
	}
}

// routes returns regular expressions. Unlike other lists a single text is one of them, because they may have commas.
func (c *oauth2Proxy) routes(key string) []string {
	if one, ok := c.All[key]; ok {
		if text, ok := one.Value.(string); ok && strings.ContainsAny(text, "{[(") {
			one.Read = true
			return []string{strings.TrimSpace(text)}
		}
	}
	return c.List(key)
}
