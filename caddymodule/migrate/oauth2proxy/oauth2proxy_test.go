package oauth2proxy

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// become returns the Caddyfile and the notes of a configuration of oauth2-proxy that has what every one has.
func become(t *testing.T, lines ...string) (text, notes string) {
	t.Helper()
	p, err := Read([]byte(strings.Join(append([]string{`client_id = "gw"`}, lines...), "\n")), draft.Options{Site: "wiki.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.Text(); err != nil {
		t.Fatal(err)
	}
	body, _, _ := strings.Cut(text, "# From the migration")
	return strings.Join(strings.Fields(body), " "), p.List()
}

func TestOAuth2Proxy(t *testing.T) {
	const all = `email_domains = "*"`
	for name, row := range map[string]struct {
		lines       []string
		want, never string // in the Caddyfile
		note        string
	}{
		"everyone":             {[]string{all}, "wiki.example.com { latchkey {", "allow", ""},
		"no list of users":     {nil, "policy closed-until-completed { block }", "", "todo     email_domains"},
		"a list elsewhere":     {[]string{`authenticated_emails_file = "/etc/mails"`}, "policy closed-until-completed { block }", "", "`allow user <address>`"},
		"a list and a domain":  {[]string{`authenticated_emails_file = "/etc/mails"`, `email_domains = ["Example.COM"]`}, "allow domain example.com", "closed", ""},
		"subdomains":           {[]string{`email_domains = [".example.com"]`}, "closed-until-completed", "allow domain example", "missing  email_domains"},
		"groups alone":         {[]string{all, `allowed_groups = ["a", "b"]`}, "allow group a allow group b", "policy", ""},
		"groups and domains":   {[]string{`email_domains = ["example.com"]`, `allowed_groups = ["a"]`}, "policy members-only { exclude group a block }", "allow group", ""},
		"groups are asked for": {[]string{all, `provider = "oidc"`, `oidc_issuer_url = "https://id.example.com"`, `allowed_groups = ["a"]`}, "scopes openid profile email offline_access groups", "", ""},
		"roles":                {[]string{all, `provider = "keycloak-oidc"`, `oidc_issuer_url = "https://id.example.com"`, `allowed_roles = ["admin"]`}, "groups_claim realm_access.roles } ", "", "in front"},
		"roles and groups":     {[]string{all, `provider = "keycloak-oidc"`, `oidc_issuer_url = "https://id.example.com"`, `allowed_roles = ["admin"]`, `allowed_groups = ["a"]`}, "allow group a", "admin", "missing  allowed_roles"},
		"projects":             {[]string{all, `provider = "gitlab"`, `gitlab_projects = ["a/b"]`}, "closed-until-completed", "", "missing  gitlab_projects"},
		"Google":               {[]string{all}, "issuer https://accounts.google.com", "", ""},
		"Entra, one tenant":    {[]string{all, `provider = "azure"`, `azure_tenant = "11111111-2222-3333-4444-555555555555"`}, "issuer https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "", "trust_user_names"},
		"Entra, all tenants":   {[]string{all, `provider = "entra-id"`, `oidc_issuer_url = "https://login.microsoftonline.com/common/v2.0"`}, "issuer {env.OIDC_ISSUER}", "", "missing  oidc_issuer_url"},
		"Keycloak as it was":   {[]string{all, `provider = "keycloak"`, `login_url = "https://id.example.com/realms/a/protocol/openid-connect/auth"`, `keycloak_groups = ["/a"]`}, "issuer https://id.example.com/realms/a ", "", ""},
		"no OpenID Connect":    {[]string{all, `provider = "github"`}, "closed-until-completed", "", "missing  provider"},
		"login.gov":            {[]string{all, `provider = "login.gov"`, `jwt_key = "-----BEGIN"`}, "client_auth private_key_jwt /etc/latchkey/client.pem", "BEGIN", "todo     jwt_key"},
		"name from a claim":    {[]string{all, `user_id_claim = "upn"`, `prefer_email_to_user = true`}, "user_claim upn sub", "", ""},
		"a context":            {[]string{all, `acr_values = "gold"`}, "policy authentication-context { # The", "", ""},
		"no headers":           {[]string{all, `pass_basic_auth = false`, `pass_user_headers = false`}, "headers none", "forwarded", ""},
		"not trusted":          {[]string{all, `reverse_proxy = true`}, "{ latchkey {", "trusted_proxies", "todo     reverse_proxy"},
		"Sentinel": {[]string{
			all, `session_store_type = "redis"`, `redis_use_sentinel = true`, `redis_sentinel_master_name = "m"`, `redis_sentinel_connection_urls = ["redis://a:26379", "redis://b"]`,
			`redis_sentinel_password = "hunter2"`,
		}, "store redis { sentinel m a:26379 b:6379 sentinel_password {env.SENTINEL_PASSWORD} }", "hunter2", ""},
		"a cluster": {[]string{
			all, `session_store_type = "redis"`, `redis_use_cluster = true`, `redis_cluster_connection_urls = "rediss://a:1,rediss://b:2"`, `redis_password = "hunter2"`, `redis_ca_path = "/ca.pem"`,
		}, "store redis { cluster a:1 b:2 password {env.REDIS_PASSWORD} tls { ca /ca.pem } }", "hunter2", ""},
		"a part of the app":   {[]string{all, `upstreams = ["https://app.internal/a/", "unix:///run/b.sock"]`}, "handle /a/* { reverse_proxy https://app.internal {", "respond 404", ""},
		"nothing at the root": {[]string{all, `upstreams = ["http://app:8080/a"]`}, "handle /a { reverse_proxy app:8080 } handle { respond 404 }", "", ""},
		"a host of its own":   {[]string{all, `upstreams = ["http://app:8080"]`, `pass_host_header = false`}, "header_up Host {upstream_hostport}", "", ""},
		"an open expression":  {[]string{all, `skip_auth_regex = ["health"]`}, `not path_regexp "health"`, "", "has no ^"},
		"one with a comma":    {[]string{all, `skip_auth_routes = "^/a{1,2}$"`}, `not path_regexp "^/a{1,2}$"`, "", ""},
		"one with a quote":    {[]string{all, `skip_auth_routes = ['^/a"b']`}, "latchkey {", "path_regexp", "stays closed"},
		"one with a variable": {[]string{all, `skip_auth_routes = ['^/{env.HOME}']`}, "latchkey {", "path_regexp", "stays closed"},
		"no method":           {[]string{all, `skip_auth_routes = ['^/a?b=c']`}, "latchkey {", "path_regexp", "stay closed"},
		"addresses":           {[]string{all, `trusted_ips = ["10.0.0.0/8"]`}, "not client_ip 10.0.0.0/8", "", "differs  trusted_ips"},
		"nothing is skipped":  {[]string{all, `insecure_oidc_skip_issuer_verification = true`}, "", "insecure", "missing  insecure_oidc_skip_issuer_verification"},
		"in capitals":         {[]string{`EMAIL_DOMAINS = ["example.com"]`}, "allow domain example.com", "", ""},
		"a table":             {[]string{all, "[more]", `secret = "hunter2"`}, "", "hunter2", "unknown  more"},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := become(t, row.lines...)
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) || strings.Contains(notes, "hunter2") {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
}

// A cookie that needs no TLS is a loss where users come over the network, and none on this machine.
func TestInsecureCookie(t *testing.T) {
	for site, want := range map[string]string{
		"wiki.example.com":      "missing  cookie_secure",
		"localhost":             "missing  cookie_secure",
		"http://localhost:4180": "differs  cookie_secure",
		"http://wiki.localhost": "differs  cookie_secure",
	} {
		p, err := Read([]byte("cookie_secure = false"), draft.Options{Site: site})
		if err != nil || !strings.Contains(p.List(), want) {
			t.Errorf("%s: %v\n%s", site, err, p.List())
		}
	}
}

func TestOAuth2ProxyFaults(t *testing.T) {
	for source, want := range map[string]string{
		"cookie_expire = \"long\"":                            "line 1: cookie_expire: want a duration",
		"email_domains = 7.5\nupstreams = [[1]]":              "line 2: upstreams: want a list of texts",
		"pass_access_token = \"perhaps\"":                     "want true or false",
		"redirect_url = \"http://wiki.example.com/\"":         "line 1: redirect_url",
		"upstreams = [\"ftp://a/\"]":                          "neither http",
		"upstreams = [\"http://u:hunter2@a:1/\"]":             "has a password in it",
		"upstreams = [\"http://a:1/\", \"http://b:2/\"]":      "for the same path",
		"upstreams = [\"http://a:1/*\"]":                      "means something else",
		"session_store_type = \"memory\"":                     "want cookie or redis",
		"session_store_type = \"redis\"":                      "redis_connection_url: want redis://",
		"oidc_issuer_url = \"https://a:hunter2@example.com\"": "is no issuer",
		"tls_cert_file = \"/a\"":                              "needs tls_key_file",
		"client_secret_file = \"secret\"":                     "want an absolute path",
		"a = 1\nA = 2":                                        "stands twice",
		"a = " + strings.Repeat("[", 1000):                    "nested too deep",
	} {
		p, err := Read([]byte(source), draft.Options{})
		if err == nil {
			_, err = p.Text()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", source, err)
		}
	}
}
