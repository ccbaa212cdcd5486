package caddysecurity

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

var differs, missing, todo = draft.Differs.Says, draft.Missing.Says, draft.Todo.Says

const (
	ownKeys     = "is not needed any more: Latchkey makes its keys itself and supersedes them"
	ownAddress  = "only sites of the Caddyfile are returned to after sign-in and sign-out"
	ownRefusal  = "a browser is sent to the provider, a program gets a 401, and a user who may not enter a page that says why"
	ownPassword = "Latchkey has no passwords, second factors or accounts of its own: a provider that has them takes the place of the store, such as Authelia, Keycloak, Kanidm or Dex with LDAP" //nolint:gosec // says that there are none
	ownMail     = "Latchkey writes no mail: accounts and their recovery are the provider's"
	notKnown    = "this word is not known here and is not taken over"
	fixedFlow   = "is always so: the code flow with PKCE, state and nonce, and the signature, the issuer and the audience of tokens are checked"
)

const (
	closedComment   = "A restriction of caddy-security was not taken over: write what takes its place, then remove this policy."
	closedByImport  = "A file that this site imports was not read: put what it says here, then remove this policy."
	closedByPortal  = "The file does not say which portal signs users in for this site. Name its providers with `provider`, and users and groups with `allow`, then remove this policy."
	closedDirective = "A directive that is not known here was left out: write what takes its place, then remove this policy."
)

// said are the words of a kind of block that are read by no other part: the line begins with them, and the longest counts.
type said map[string]draft.Explained

// of returns what is said about a line.
func (s said) of(n *node) (words string, x draft.Explained, ok bool) {
	for i := min(len(n.words), 4); i > 0; i-- {
		text := strings.Join(n.words[:i], " ")
		if x, ok := s[text]; ok {
			return text, x, true
		}
	}
	return "", draft.Explained{}, false
}

// inSecurity are the parts of the option that are not about who may enter.
var inSecurity = said{
	"credentials": missing(ownMail), "messaging": missing(ownMail),
	"user registration": missing(ownPassword),
	"sso provider":      missing("Latchkey is no SAML provider: let the service sign its users in at the provider itself"),
	"secrets":           todo("a secrets manager is not asked: `{file./path}` reads a secret from a file, `{env.NAME}` from the environment"),
}

var inPortal = said{
	"crypto default token name": differs(draft.OwnCookie), "crypto": differs(ownKeys),
	"cookie domain": differs("a cookie is for one host: one sign-in for all sites is `sign_in_host <host>` in latchkey (docs/single-sign-on.md)"),
	"cookie":        differs(draft.OwnCookie), "set": differs(draft.OwnCookie),
	"enable source ip tracking": differs("a session is not bound to an address: policies take networks (`network`), and `binding` binds a session to its device"),
	"validate source address":   missing("a session is not bound to an address: policies take networks (`network`), and `binding` binds a session to its device"),
	"enable admin api":          differs("administrators use `latchkey sessions`, `latchkey sign-ins` and the API at Caddy's admin address (docs/operations.md)"),
	"enable sso provider":       missing("Latchkey is no SAML provider"), "enable user registration": missing(ownPassword),
	"trust login redirect uri": differs(ownAddress), "trust logout redirect uri": differs(ownAddress),
	"ui template": missing(draft.OwnPages), "ui theme": missing(draft.OwnPages), "ui language": differs("the pages are in the language of the user"), "ui logo": todo(draft.OwnPages), "ui meta": differs(draft.OwnPages),
	"ui auto_redirect_url": differs("with one provider users are sent there at once"), "ui links": missing("there is no page with links to apps; each user has a page of sessions at /.latchkey/me"),
	"ui custom": todo(draft.OwnPages), "ui static_asset": missing(draft.OwnPages),
}

var inPolicy = said{
	"crypto": differs(ownKeys), "set auth url": differs("users sign in at the provider; the addresses of Latchkey are under /.latchkey/ of each site"),
	"set forbidden url": differs(ownRefusal), "set redirect query parameter": differs(ownRefusal), "set redirect status": differs(ownRefusal),
	"disable auth redirect": differs(ownRefusal), "disable auth redirect query": differs(ownRefusal), "enable js redirect": differs(ownRefusal),
	"set token sources":  differs("a session is in a cookie; programs send `Authorization: Bearer` or Basic (docs/programs.md)"),
	"set user identity":  differs("`user_claim` in the provider says what names a user in headers and in the log"),
	"set session_id":     differs(draft.OwnCookie),
	"set access_token":   differs(draft.OwnCookie),
	"enable strip token": differs("the cookies of Latchkey never reach the app"), "enable additional scopes": missing("scopes are those of the provider's block: `scopes`"),
	"enable login hint":       missing("a hint in the address is not passed on to the provider"),
	"validate source address": missing("a session is not bound to an address: policies take networks (`network`), and `binding` binds a session to its device"),
	"validate bearer header":  todo("a token of the portal is no token here: programs use tokens that users make (`tokens on`), or access tokens of the provider: `bearer { audience <value> }` (docs/programs.md)"),
	"with api key header":     differs("a token is sent in `Authorization`"), "with auth realm header": differs("a token says itself whose it is"),
	"with":    differs("users make tokens for their programs at /.latchkey/me; they are sent as `Authorization: Bearer` or as the password of Basic (docs/programs.md)"),
	"comment": differs("comments are not taken over"),
}

var inProvider = said{
	"base_auth_url": differs(draft.OwnChecks), "authorization_url": differs(draft.OwnChecks), "token_url": differs(draft.OwnChecks), "metadata_url": differs(draft.OwnChecks), "jwks": differs(draft.OwnChecks),
	"server_id": differs("is part of the issuer"), "domain_name": differs("is part of the issuer"), "tenant_id": differs("is part of the issuer"), "region": differs("is part of the issuer"), "user_pool_id": differs("is part of the issuer"),
	"icon": differs("`name` and `icon` in the provider are what users see where they choose"), "realm": differs("the name of the provider takes its place"), "driver": differs("the issuer says what the provider is"),
	"disable tls verification": missing("the certificate of the provider is always verified: name its authority with ca_file in the provider"),
	"disable metadata":         differs(draft.OwnChecks), "disable key verification": missing(fixedFlow), "disable pass grant type": differs(fixedFlow), "disable response type": differs(fixedFlow),
	"disable scope": differs(fixedFlow), "disable nonce": missing(fixedFlow), "disable pkce": differs(fixedFlow), "disable email claim check": differs("a user needs no address: `user_claim` says what names a user"),
	"enable accept header": differs("the answer of the provider is read as JSON"), "enable js callback": differs(fixedFlow), "enable logout": differs("sign-out leads on to the provider where its metadata says so"),
	"enable id_token cookie": missing("an ID token never leaves the gateway; `header <Name> <claim>` sends a claim to the app"), "enable id token cookie": missing("an ID token never leaves the gateway; `header <Name> <claim>` sends a claim to the app"),
	"extract": differs("claims are read from the ID token and userinfo; `header <Name> <claim>` sends one to the app"), "required_token_fields": differs(fixedFlow), "response_type": differs("the response type is always code, with PKCE"),
	"delay_start": differs("metadata is read when it is needed, and again when that fails"), "retry_attempts": differs("metadata is read when it is needed, and again when that fails"), "retry_interval": differs("metadata is read when it is needed, and again when that fails"),
	"identity_token_field_name": differs(fixedFlow), "logout_url": differs(draft.OwnChecks),
}

// directives are the directives of Caddy that are taken over as they are.
var directives = set(`abort acme_server basic_auth basicauth bind encode error file_server forward_auth fs handle_errors header intercept
	log log_append log_level log_name log_skip map method metrics php_fastcgi push redir request_body request_header respond reverse_proxy rewrite root
	skip_log templates timeouts tls tracing try_files uri vars copy_response copy_response_headers`)

// globals are the global options of Caddy that are taken over as they are.
var globals = set(`acme_ca acme_ca_root acme_eab admin auto_https cert_issuer cert_lifetime debug default_bind default_sni email
	events fallback_sni filesystem grace_period http_port https_port key_type local_certs log metrics ocsp_interval ocsp_stapling on_demand_tls
	persist_config preferred_chains renew_interval renewal_window_ratio servers shutdown_delay skip_install_trust storage storage_check storage_clean_interval`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(words) {
		all[word] = true
	}
	return all
}
