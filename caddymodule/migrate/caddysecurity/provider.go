package caddysecurity

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// realm is an identity provider or an identity store.
type realm struct {
	from *node
	// name is its name in the file, realm what `match realm` compares, kind the first word of its block.
	name, realm, kind, driver string
	values                    map[string]*node
	disabled                  bool
	// provider is the name of the provider that takes its place, if there is one.
	provider string
	// filters are the expressions of the groups that count. Without any all do.
	filters []*regexp.Regexp
	users   []account
}

// account is a user of a local store.
type account struct {
	email string
	roles []string
}

// noOpenID are the drivers of providers that do not speak OpenID Connect.
var noOpenID = set("github facebook discord nextcloud")

func (l *realm) openID() bool { return l.kind == "oauth" && !noOpenID[l.driver] && !l.disabled }

// realm reads an identity provider or a store.
func (r *reader) realm(n *node, name string) *realm {
	l := &realm{from: n, name: name, kind: n.name(), values: map[string]*node{}, realm: name}
	n.Key = strings.Join(n.words[:min(4, len(n.words))], " ")
	where := n.Key
	if l.kind == "oauth" && len(n.words) > 5 { // a name, a client and its secret in one line
		l.driver = name
		for i, key := range []string{"client_id", "client_secret"} {
			l.values[key] = &node{Origin: n.at(), words: []string{key, n.words[4+i]}, block: false}
		}
	} else if l.kind == "local" && len(n.words) > 4 {
		l.realm = "local"
	}
	for _, one := range n.inner {
		switch key := one.name(); {
		case key == "disabled":
			l.disabled = true
			r.plan.Note(draft.Differs, one.at(), "%s is turned off and is not taken over", where)
		case key == "realm":
			l.realm = one.arg(0)
		case key == "driver":
			l.driver = one.arg(0)
			l.values[key] = one
		case l.kind != "oauth" && key == "user" && one.block:
			l.users = append(l.users, accountOf(one))
		case l.kind != "oauth":
			// stays with what takes the place of the store
		case slices.Contains([]string{"client_id", "client_secret", "scopes", "base_auth_url", "metadata_url", "server_id", "domain_name", "tenant_id", "region", "user_pool_id", "user_info_roles_field_name", "logout_url"}, key):
			l.values[key] = one
		case key == "user_group_filters" || key == "user_org_filters":
			for _, text := range one.args() {
				if e, err := regexp.Compile(text); err == nil {
					l.filters = append(l.filters, e)
				}
			}
			r.plan.Note(draft.Differs, one.at(), "groups are those of `groups_claim`; a group that does not match counts in no rule here either")
		default:
			r.note(where, one, inProvider)
		}
	}
	switch {
	case l.kind == "saml":
		r.plan.Note(draft.Missing, n.Origin, "Latchkey speaks no SAML: most providers of SAML speak OpenID Connect as well. Register a client there")
	case l.kind != "oauth":
		r.plan.Note(draft.Missing, n.Origin, ownPassword)
	case noOpenID[l.driver]:
		r.plan.Note(draft.Missing, n.Origin, "this provider does not speak OpenID Connect as a provider of Latchkey has to: put one between that signs users in there, such as Dex or Keycloak")
	}
	return l
}

func accountOf(n *node) (a account) {
	for _, one := range n.inner {
		switch one.name() {
		case "email":
			a.email = one.arg(0)
		case "roles":
			a.roles = append(a.roles, one.args()...)
		}
	}
	return a
}

// providers writes the providers of all portals. One stands in for the stores of a portal that has no provider besides them.
func (r *reader) providers() {
	standIn := len(r.portals) == 0
	for _, l := range r.realms {
		if l.openID() {
			l.provider = identifier(l.name)
			for slices.ContainsFunc(r.realms, func(other *realm) bool { return other != l && other.provider == l.provider }) {
				l.provider += "-2"
			}
		}
	}
	for _, p := range r.portals {
		enabled := r.enabled(p)
		if slices.ContainsFunc(enabled, func(l *realm) bool { return l.provider != "" }) {
			continue
		}
		standIn, p.standIn = true, true
	}
	for _, l := range r.realms {
		if l.provider != "" {
			r.provider(l)
		}
	}
	if !standIn {
		return
	}
	lines := []draft.Line{draft.Words("issuer " + r.plan.Variable(draft.IssuerVariable)), draft.Words("client_id " + r.plan.Variable("OIDC_CLIENT_ID")), draft.Words("client_secret " + r.plan.Variable(firstfile.SecretVariable))}
	lines = append(lines, r.userClaim()...)
	head := draft.Words("provider "+standInName, lines...)
	head.Comment = "Takes the place of what the file has and Latchkey has not: see the list at the end."
	r.plan.Providers = append(r.plan.Providers, head)
	r.plan.Note(draft.Todo, draft.At("security", 0), "users need a provider of OpenID Connect: put its issuer, the client ID and the secret into the environment variables %s, OIDC_CLIENT_ID and %s. Each user who can sign in there counts as a user of the stores whose place it takes", draft.IssuerVariable, firstfile.SecretVariable)
}

// standInName is the name of the provider that stands in for stores.
const standInName = "users"

var noIdentifier = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// identifier returns a name as it can stand in an address.
func identifier(name string) string {
	name = strings.Trim(noIdentifier.ReplaceAllString(name, "-"), "-.")
	if name == "" || name == standInName {
		name += "-1"
	}
	return name[:min(len(name), 60)]
}

// provider writes a provider.
func (r *reader) provider(l *realm) {
	upper := strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(l.provider))
	lines := []draft.Line{r.issuer(l)}
	lines = append(lines, r.client(l, upper)...)
	if scopes := l.values["scopes"]; scopes != nil {
		lines = append(lines, scopes.at().Words("scopes", draft.Unique(append([]string{"openid"}, scopes.args()...))...))
	} else {
		lines = append(lines, draft.Words("scopes openid email profile"))
	}
	if n := l.values["user_info_roles_field_name"]; n != nil && n.arg(0) != "" {
		lines = append(lines, n.at().Words("groups_claim", n.arg(0)))
	} else if l.driver == "cognito" {
		lines = append(lines, draft.Words("groups_claim cognito:groups"))
	} else {
		r.plan.Note(draft.Todo, l.from.Origin, "roles came from several claims (roles, groups, role, group, realm_access.roles); here groups are one claim: `groups` unless `groups_claim` names another")
	}
	lines = append(lines, r.userClaim()...)
	if n := l.values["logout_url"]; n != nil {
		if strings.HasPrefix(n.arg(0), "https://") && !strings.ContainsAny(n.arg(0), "{}@") {
			lines = append(lines, n.at().Words("end_session_url", n.arg(0)))
		} else {
			r.plan.Note(draft.Differs, n.at(), draft.OwnChecks)
		}
	}
	p := draft.Words("provider "+l.provider, lines...)
	p.Comment = "Where users sign in."
	if len(r.plan.Providers) > 0 {
		p.Comment = ""
	}
	r.plan.Providers = append(r.plan.Providers, p)
}

// userClaim returns the line that says what names a user, if a rule is about a subject: `user` compares the name as well, and
// at some providers users choose their preferred_username.
func (r *reader) userClaim() []draft.Line {
	subject := func(l literal) bool { return l.field == "sub" }
	if !slices.ContainsFunc(r.policies, func(p *policy) bool {
		return slices.ContainsFunc(p.rules, func(rl rule) bool { return slices.ContainsFunc(rl.conditions, subject) })
	}) && !slices.ContainsFunc(r.portals, func(p *portal) bool {
		return slices.ContainsFunc(p.transforms, func(t transform) bool { return slices.ContainsFunc(t.conditions, subject) })
	}) {
		return nil
	}
	r.plan.Note(draft.Differs, draft.At("match sub", 0), "`user` compares the subject, the address and the name of a user. So that no user is admitted who has chosen the subject of another one as preferred_username, that claim is not in `user_claim`")
	return []draft.Line{draft.Words("user_claim email sub")}
}

const wellKnown = "/.well-known/openid-configuration"

// issuer returns the line with the issuer.
func (r *reader) issuer(l *realm) draft.Line {
	value := func(key string) string {
		if n := l.values[key]; n != nil {
			return n.arg(0)
		}
		return ""
	}
	base, metadata, domain := value("base_auth_url"), value("metadata_url"), value("domain_name")
	metadata, _, _ = strings.Cut(metadata, "?")
	o, issuer := l.from.Origin, ""
	switch before, ok := strings.CutSuffix(metadata, wellKnown); {
	case ok:
		o, issuer = l.values["metadata_url"].at(), before
		r.plan.Note(draft.Differs, o, "the issuer is what stands before "+wellKnown+": `latchkey doctor` says whether the provider spells it so, with or without a / at its end")
	case l.driver == "google":
		issuer = "https://accounts.google.com"
	case l.driver == "linkedin":
		issuer = "https://www.linkedin.com/oauth"
	case l.driver == "gitlab":
		issuer = "https://gitlab.com"
		if domain != "" {
			issuer = "https://" + domain
		}
	case l.driver == "azure" && value("tenant_id") != "" && value("tenant_id") != "common" && value("tenant_id") != "organizations":
		o, issuer = l.values["tenant_id"].at(), "https://login.microsoftonline.com/"+value("tenant_id")+"/v2.0"
	case l.driver == "azure":
		r.plan.Note(draft.Missing, o, "the issuer for all tenants is none: name the tenant in it, and one provider for each tenant")
	case l.driver == "okta" && domain != "" && value("server_id") != "":
		issuer = "https://" + domain + "/oauth2/" + value("server_id")
	case l.driver == "cognito":
		issuer = "https://cognito-idp." + value("region") + ".amazonaws.com/" + value("user_pool_id")
	case base != "":
		o, issuer = l.values["base_auth_url"].at(), strings.TrimSuffix(base, "/")
		r.plan.Note(draft.Todo, o, "the issuer is said to be this address: `latchkey doctor` says whether the provider spells it so")
	}
	if words, ok := r.variables(issuer); ok {
		return draft.Line{Words: "issuer", Given: []string{words}, Verbatim: true, From: o}
	}
	if issuer == "" {
		r.plan.Note(draft.Todo, o, "the issuer of the provider is not known: put it into the environment variable %s", draft.IssuerVariable)
		return draft.Words("issuer " + r.plan.Variable(draft.IssuerVariable))
	}
	if u, err := url.Parse(issuer); err != nil || u.User != nil || firstfile.CheckIssuer(issuer) != nil {
		r.faults = append(r.faults, o.Errorf("is no issuer: https without user, query and fragment; http for this machine only"))
	}
	return o.Words("issuer", issuer)
}

// client returns how the gateway authenticates.
func (r *reader) client(l *realm, upper string) (lines []draft.Line) {
	switch id := l.values["client_id"]; {
	case id == nil || id.arg(0) == "" || strings.HasPrefix(id.arg(0), "secrets:"):
		name := upper + "_CLIENT_ID"
		r.plan.Note(draft.Todo, l.from.at(), "the file has no client ID: put it into the environment variable %s", name)
		lines = append(lines, draft.Words("client_id "+r.plan.Variable(name)))
	default:
		text := id.arg(0)
		words, ok := r.variables(text)
		if l.driver == "google" && !strings.ContainsAny(text, ".{") {
			words, ok = text+".apps.googleusercontent.com", true
		}
		if ok {
			lines = append(lines, draft.Line{Words: "client_id", Given: []string{words}, Verbatim: true, From: id.at()})
		} else {
			lines = append(lines, id.at().Words("client_id", text))
		}
	}
	n := l.values["client_secret"]
	switch {
	case n != nil && (environment.MatchString(n.arg(0)) || strings.HasPrefix(n.arg(0), "{file.") && placeholder.MatchString(n.arg(0))):
		words, _ := r.variables(n.arg(0))
		return append(lines, draft.Line{Words: "client_secret", Given: []string{words}, Verbatim: true, From: n.at()})
	case n != nil:
		name := upper + "_CLIENT_SECRET"
		o := n.at()
		o.Key = "client_secret"
		secret := r.plan.Secret(o, name)
		r.secrets[n.arg(0)] = secret
		return append(lines, draft.Words("client_secret "+secret))
	}
	r.plan.Note(draft.Todo, l.from.at(), "the file has no client secret: put it into the environment variable %s", upper+"_CLIENT_SECRET")
	return append(lines, draft.Words("client_secret "+r.plan.Variable(upper+"_CLIENT_SECRET")))
}

var environment = regexp.MustCompile(`^(?:\{env\.([A-Za-z_][A-Za-z0-9_]*)\}|\{\$([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*)?\})$`)

// variables returns a text with placeholders that are replaced when the file is loaded, and whether it has any.
func (r *reader) variables(text string) (string, bool) {
	if !strings.Contains(text, "{") {
		return text, false
	}
	text = inserted.ReplaceAllString(text, "{env.$1}")
	for _, m := range regexp.MustCompile(`\{env\.([A-Za-z_][A-Za-z0-9_]*)\}`).FindAllStringSubmatch(text, -1) {
		r.plan.Variable(m[1])
	}
	return text, true
}
