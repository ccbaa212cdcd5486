package apache

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

func become(t *testing.T, source string) (text, notes string) {
	t.Helper()
	p, err := Read([]byte(source), draft.Options{Site: "a.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.Text(); err != nil {
		t.Fatal(err)
	}
	p.Sort()
	text, _, _ = strings.Cut(text, "# From the migration")
	return strings.Join(strings.Fields(text), " "), p.List()
}

// What Apache demands is demanded; what it permits is left out where it is not understood.
func TestRequire(t *testing.T) {
	for name, row := range map[string]struct{ require, want, never, note string }{
		"everyone":               {"Require valid-user", "latchkey { headers remote }", "allow", ""},
		"a group":                {"Require claim roles:a", "groups_claim roles } ", "", ""},
		"alternatives":           {"Require claim groups:a\nRequire user ada", "allow group a allow user ada", "policy", ""},
		"several in a line":      {"Require claim groups:a groups:b", "allow group a allow group b", "", ""},
		"in capitals":            {"REQUIRE Claim groups:a", "allow group a", "", ""},
		"a blank":                {`Require claim "groups:Team Blue"`, `allow group "Team Blue"`, "", ""},
		"together":               {"<RequireAll>\nRequire claim groups:a\nRequire claim groups:b\n</RequireAll>", "allow group a policy required-1 { exclude group b block }", "allow group b", ""},
		"not":                    {"<RequireAll>\nRequire valid-user\nRequire not claim groups:a\n</RequireAll>", "deny group a", "allow", ""},
		"none":                   {"<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire claim groups:a\n</RequireNone>\n</RequireAll>", "deny group a", "allow", ""},
		"alternatives inside":    {"<RequireAll>\nRequire valid-user\n<RequireAny>\nRequire claim groups:a\nRequire claim groups:b\n</RequireAny>\n</RequireAll>", "allow group a allow group b", "", ""},
		"together, beside":       {"Require user ada\n<RequireAll>\nRequire claim groups:a\n</RequireAll>", "allow user ada", "allow group", "missing  RequireAll"},
		"two claims":             {"Require claim groups:a\nRequire claim department:b", "allow group a", "department", "missing  Require (line 4)"},
		"two claims together":    {"<RequireAll>\nRequire claim groups:a\nRequire claim department:b\n</RequireAll>", "closed-until-completed { block }", "", ""},
		"an expression":          {"Require claim groups~^a", "closed-until-completed { block }", "allow", "an expression has to match"},
		"an address":             {"Require ip 10.0.0.0/8", "closed-until-completed { block }", "", "not about the user"},
		"an address as well":     {"<RequireAll>\nRequire valid-user\nRequire ip 10.0.0.0/8\n</RequireAll>", "closed-until-completed { block }", "", ""},
		"an address or a user":   {"Require valid-user\nRequire ip 10.0.0.0/8", "latchkey { headers remote }", "closed", "not about the user"},
		"no user":                {"Require all denied", "Apache lets no user enter here", "", ""},
		"a name with its issuer": {"Require user 7f3@id.example.com", "allow user 7f3 ", "", ""},
		"an organization":        {"Require claim hd:Example.com", "allow domain example.com", "", "domain of the verified address"},
		"an address of mail":     {"Require claim email:ada@example.com", "allow user ada@example.com", "", "email_verified"},
		"for methods":            {"<LimitExcept OPTIONS>\nRequire claim groups:a\n</LimitExcept>", "allow group a", "", "for every method"},
		"nothing":                {"", "latchkey { headers remote }", "allow", "has no Require"},
		"by no known word":       {"<RequireAll>\nRequire valid-user\nSurprise on\n</RequireAll>", "closed-until-completed { block }", "", "unknown  Surprise"},
		"not, and not known":     {"<RequireAll>\nRequire valid-user\nRequire not ip 10.0.0.0/8\n</RequireAll>", "closed-until-completed", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := become(t, "<Location />\nAuthType openid-connect\n"+row.require+"\n</Location>")
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
}

const closed = "<Location />\nAuthType openid-connect\nRequire valid-user\n</Location>\n"

func TestParts(t *testing.T) {
	part := func(section, demands string) string {
		name, _, _ := strings.Cut(section, " ")
		return "<" + section + ">\n" + demands + "\n</" + name + ">\n"
	}
	const signIn = "AuthType openid-connect\nRequire valid-user"
	for name, row := range map[string]struct{ source, want, never, note string }{
		"one part":           {part("Location /a", signIn), "@guarded { path /a /a/* } latchkey @guarded {", "", "only these parts"},
		"with a slash":       {part("Location /a/", signIn), "@guarded { path /a/* }", "", ""},
		"two parts":          {part("Location /a", signIn) + part("LocationMatch ^/b", signIn), `@guarded { not { not path /a /a/* not path_regexp "^/b" } }`, "", ""},
		"a regular location": {part("Location ~ ^/b", signIn), `@guarded { path_regexp "^/b" }`, "", ""},
		"a directory":        {"DocumentRoot /srv\n" + part("Directory /srv/a/", signIn), "@guarded { path /a /a/* }", "", ""},
		"an alias":           {"Alias /x /data/x\n" + part("Directory /data/x/y", signIn), "@guarded { path /x/y /x/y/* }", "", ""},
		"all directories":    {"DocumentRoot /srv/www\n" + part("Directory /srv/www", signIn), "latchkey {", "@guarded", ""},
		"above it":           {"DocumentRoot /srv/www\n" + part("Directory /srv", signIn), "latchkey {", "@guarded", ""},
		"an unknown place":   {part("Directory /data", signIn), "latchkey {", "@guarded", "the whole site is closed in their place"},
		"a wildcard":         {part("Location /a*", signIn), "latchkey {", "@guarded", "the whole site is closed"},
		"files":              {part("Files secret.txt", signIn), "latchkey {", "@guarded", "the whole site is closed"},
		"a proxy":            {part("Proxy *", signIn), "latchkey {", "@guarded", ""},
		"a wrong expression": {part("LocationMatch ^/(a", signIn), "latchkey {", "@guarded", "the whole site is closed"},
		"open below":         {closed + part("Location /a.b", "AuthType None\nRequire all granted"), `@guarded { not path_regexp "^/a\.b(/|$)" }`, "", ""},
		"open by expression": {closed + part("LocationMatch ^/x", "Require all granted"), `not path_regexp "^/x"`, "", ""},
		"open, not known":    {closed + part("Location /x*", "Require all granted"), "latchkey {", "@guarded", "stays closed"},
		"open but signed in": {closed + part("Location /x", "AuthType openid-connect\nRequire all granted"), "latchkey {", "@guarded", ""},
		"a part denied":      {closed + part("Location /x", "Require all denied"), "policy part-2-closed @part-2 { block }", "", ""},
		"closed by address":  {part("Location /a", signIn) + part("Location /b", "Require ip 10.0.0.0/8"), "not path /b /b/*", "", "not about the user"},
		"the disk":           {closed + part("Directory /", "Require all denied"), "latchkey { headers", "closed", ""},
		"pass":               {part("Location /a", signIn+"\nOIDCUnAuthAction pass"), "@guarded { path /a /a/* }", "", "missing  OIDCUnAuthAction"},
		"a password":         {closed + part("Location /a", "AuthType Basic\nRequire claim groups:x"), "policy part-2-1 @part-2 { exclude group x block }", "", "no passwords of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := become(t, row.source)
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
}

func TestServer(t *testing.T) {
	for name, row := range map[string]struct{ source, want, never, note string }{
		"metadata":             {"OIDCProviderMetadataURL https://id.example.com/a/.well-known/openid-configuration", "issuer https://id.example.com/a ", "", "spells it so"},
		"an issuer":            {"OIDCProviderIssuer https://id.example.com\nOIDCProviderMetadataURL https://id.example.com/meta", "issuer https://id.example.com metadata_url https://id.example.com/meta", "", ""},
		"no issuer":            {"OIDCProviderAuthorizationEndpoint https://id.example.com/auth", "issuer {env.OIDC_ISSUER}", "", "todo     OIDCProviderIssuer"},
		"a directory of them":  {"OIDCMetadataDir /var/meta", "issuer {env.OIDC_ISSUER}", "", "todo     OIDCMetadataDir"},
		"a secret":             {"OIDCClientSecret hunter2", "client_secret {env.OIDC_CLIENT_SECRET}", "", "todo     OIDCClientSecret"},
		"a secret in the body": {"OIDCClientSecret hunter2\nOIDCProviderTokenEndpointAuth client_secret_post", "client_auth client_secret_post", "", ""},
		"a key":                {"OIDCProviderTokenEndpointAuth private_key_jwt\nOIDCPrivateKeyFiles kid1#/etc/k.pem", "client_auth private_key_jwt /etc/k.pem", "client_secret", ""},
		"a certificate":        {"OIDCClientTokenEndpointCert /c\nOIDCClientTokenEndpointKey /k", "client_auth tls /c /k", "client_secret", ""},
		"parameters":           {"OIDCAuthRequestParams prompt=login&hd=example.com", "auth_param hd example.com", "auth_param prompt", ""},
		"sessions that stay":   {"OIDCSessionType server-cache:persistent\nOIDCSessionInactivityTimeout 86400\nOIDCSessionMaxDuration 604800", "idle_limit 1d max_lifetime 7d", "stay_signed_in", ""},
		"as long as a token":   {"OIDCSessionMaxDuration 0", "max_lifetime 8h", "", "does not end with the ID token"},
		"unverified":           {"OIDCSSLValidateServer Off", "", "Off", "missing  OIDCSSLValidateServer"},
		"a header":             {"OIDCAuthNHeader X-User\nOIDCRemoteUserClaim email", "header X-User email", "", ""},
		"the name, changed":    {"OIDCRemoteUserClaim email ^(.*)@", "user_claim email sub", "", "regular expression is not taken over"},
		"a header by variable": {"RequestHeader set X-Mail %{OIDC_CLAIM_email}e", "header X-Mail email", "", ""},
		"the user":             {"RequestHeader set X-User expr=%{REMOTE_USER}", "header X-User sub", "", ""},
		"a token":              {"RequestHeader set X-Token %{OIDC_access_token}e", "forward_access_token as X-Token", "", ""},
		"a fixed header":       {"RequestHeader set X-Key hunter2", "", "X-Key", "todo     RequestHeader"},
		"an app":               {"ProxyPass / http://app:8080/", "reverse_proxy app:8080 { header_up Host {upstream_hostport} }", "handle", ""},
		"its host":             {"ProxyPreserveHost On\nProxyPass / https://app.internal/", "reverse_proxy https://app.internal { header_up Host {hostport} }", "", ""},
		"a part":               {"ProxyPass /a http://app:1/b", "handle @app-1 { uri strip_prefix /a rewrite * /b{uri} reverse_proxy app:1", "", ""},
		"in a section":         {"<Location /a>\nProxyPass http://app:1/a\n</Location>", "@app-1 path /a /a/*", "", ""},
		"behind all":           {"ProxyPass / http://a:1/\nProxyPass /b http://b:1/", "reverse_proxy a:1", "b:1", ""},
		"a socket":             {"ProxyPass / unix:/run/a.sock|http://localhost/", "reverse_proxy unix//run/a.sock", "", ""},
		"FastCGI":              {"ProxyPass / fcgi://127.0.0.1:9000/", "respond 503", "fcgi", "php_fastcgi"},
		"a balancer":           {"ProxyPass / balancer://pool/", "respond 503", "pool", "todo     ProxyPass"},
		"an unknown directive": {"OIDCClientSecrte hunter2\nFooBar hunter2", "", "", "unknown  FooBar"},
		"a file to include":    {"Include /etc/apache2/more.conf", "", "", "missing  Include"},
		"an unknown section":   {"<Frobnicate x>\nA hunter2\n</Frobnicate>", "", "", "unknown  Frobnicate"},
		"programs":             {"OIDCOAuthClientSecret hunter2", "", "", "todo     OIDCOAuthClientSecret"},
		"a continued line":     {"OIDCClientID \\\n  gw", "client_id gw", "", ""},
		"a comment goes on":    {"# a \\\nOIDCClientID gw", "client_id {env.OIDC_CLIENT_ID}", "", ""},
		"a variable":           {"Define id gw\nOIDCClientID ${id}", "client_id gw", "", ""},
		"conditions":           {"<IfModule mod_auth_openidc.c>\nOIDCClientID gw\n</IfModule>", "client_id gw", "", ""},
		"a condition with !":   {"<IfModule !mod_ssl.c>\nOIDCClientID gw\n</IfModule>", "", "client_id gw", "missing  IfModule"},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := become(t, closed+row.source)
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) || strings.Contains(text+notes, "hunter2") {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
}

func TestTwoProviders(t *testing.T) {
	host := func(name, id string) string {
		return "<VirtualHost *:443>\nServerName " + name + ".example.com\nOIDCClientID " + id + "\n" + closed + "</VirtualHost>\n"
	}
	p, err := Read([]byte(host("a", "x")+host("b", "y")+host("c", "x")), draft.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Text()
	if err != nil || strings.Count(text, "\tprovider") != 3 || !strings.Contains(text, "provider b-example-com {") || len(p.Sites) != 3 {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestFaults(t *testing.T) {
	for source, want := range map[string]string{
		"ServerName a":                               "nothing to migrate",
		"<Location />":                               "line 1: Location: the section does not end",
		"\n</Location>":                              "line 2: a section ends that does not begin",
		"<Location />\n</Directory>":                 "line 2: a section ends",
		"<Location /":                                "has no > at its end",
		"OIDCClientSecret \"hunter2":                 "line 1: a quote does not end",
		"hunter2\x00 a":                              "does not begin with the name",
		strings.Repeat("<If a>\n", 100):              "nested too deep",
		closed + "OIDCProviderIssuer http://x.org":   "line 5: OIDCProviderIssuer: is no issuer",
		closed + "OIDCSessionMaxDuration long":       "line 5: OIDCSessionMaxDuration: want a number",
		closed + "OIDCAuthNHeader 'a b'":             "is no name of a header",
		closed + "ProxyPass / http://u:hunter2@a:1/": "has a password in it",
		closed + "OIDCClientID '{env.HOME}'":         "line 5: OIDCClientID: a value is empty",
		closed + "Define a " + strings.Repeat("x", 9000) + "\nB ${a}${a}": "too long with its variables",
	} {
		p, err := Read([]byte(source), draft.Options{Site: "a.example.com"})
		if err == nil {
			_, err = p.Text()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.60s: %v", source, err)
		}
	}
}

func TestServersThatNeedNoSignIn(t *testing.T) {
	text, notes := become(t, "<VirtualHost *:80>\nServerName b.example.com\nFoo 1\n</VirtualHost>\n<VirtualHost *:443>\n"+closed+"</VirtualHost>")
	if strings.Contains(text, "b.example.com") || !strings.Contains(notes, "VirtualHost (line 1): no part of this virtual host") {
		t.Errorf("%s\n%s", text, notes)
	}
}

// known are the directives of mod_auth_openidc, from 2.4.12 to 2.4.19.
const known = `
OIDCAuthNHeader OIDCAuthRequestParams OIDCBlackListedClaims OIDCCABundlePath OIDCCacheDir OIDCCacheEncrypt
OIDCCacheFileCleanInterval OIDCCacheShmEntrySizeMax OIDCCacheShmMax OIDCCacheType OIDCCertBoundAccessTokens
OIDCClaimDelimiter OIDCClaimPrefix OIDCClientContact OIDCClientID OIDCClientJwksUri OIDCClientName OIDCClientSecret
OIDCClientTokenEndpointCert OIDCClientTokenEndpointKey OIDCClientTokenEndpointKeyPassword OIDCCookie OIDCCookieDomain
OIDCCookieHTTPOnly OIDCCookiePath OIDCCookieSameSite OIDCCryptoPassphrase OIDCDPoPMode OIDCDebugMaskSecrets
OIDCDefaultLoggedOutURL OIDCDefaultURL OIDCDiscoverIssuersAllowed OIDCDiscoverURL OIDCFilterClaimsExpr
OIDCHTMLErrorTemplate OIDCHTTPTimeoutLong OIDCHTTPTimeoutShort OIDCIDTokenAudValues OIDCIDTokenEncryptedResponseAlg
OIDCIDTokenEncryptedResponseEnc OIDCIDTokenIatSlack OIDCIDTokenSignedResponseAlg OIDCInfoHook OIDCJWKSRefreshInterval
OIDCLogoutRequestParams OIDCLogoutXFrameOptions OIDCMemCacheConnectionsHMax OIDCMemCacheConnectionsMin
OIDCMemCacheConnectionsSMax OIDCMemCacheConnectionsTTL OIDCMemCacheServers OIDCMetadataDir OIDCMetricsData
OIDCMetricsPublish OIDCOAuthAcceptTokenAs OIDCOAuthAccessTokenBindingPolicy OIDCOAuthClientID OIDCOAuthClientSecret
OIDCOAuthDecryptSharedKeys OIDCOAuthIntrospectionClientAuthBearerToken OIDCOAuthIntrospectionEndpoint
OIDCOAuthIntrospectionEndpointAuth OIDCOAuthIntrospectionEndpointCert OIDCOAuthIntrospectionEndpointKey
OIDCOAuthIntrospectionEndpointKeyPassword OIDCOAuthIntrospectionEndpointMethod OIDCOAuthIntrospectionEndpointParams
OIDCOAuthIntrospectionTokenParamName OIDCOAuthRemoteUserClaim OIDCOAuthSSLValidateServer OIDCOAuthServerMetadataURL
OIDCOAuthTokenExpiryClaim OIDCOAuthTokenIntrospectionInterval OIDCOAuthVerifyAudience OIDCOAuthVerifyCertFiles
OIDCOAuthVerifyIssuer OIDCOAuthVerifyJwksUri OIDCOAuthVerifySharedKeys OIDCOutgoingProxy OIDCPKCEMethod
OIDCPassAccessToken OIDCPassClaimsAs OIDCPassCookies OIDCPassIDTokenAs OIDCPassRefreshToken OIDCPassUserInfoAs
OIDCPathAuthRequestParams OIDCPathScope OIDCPreservePost OIDCPreservePostTemplates OIDCPrivateKeyFiles OIDCProfile
OIDCProviderAuthRequestMethod OIDCProviderAuthorizationEndpoint OIDCProviderBackChannelLogoutSupported
OIDCProviderCheckSessionIFrame OIDCProviderEndSessionEndpoint OIDCProviderIssuer OIDCProviderJwksUri
OIDCProviderMetadataRefreshInterval OIDCProviderMetadataURL OIDCProviderPushedAuthorizationRequestEndpoint
OIDCProviderRegistrationEndpointJson OIDCProviderRevocationEndpoint OIDCProviderSignedJwksUri OIDCProviderTokenEndpoint
OIDCProviderTokenEndpointAuth OIDCProviderTokenEndpointParams OIDCProviderUserInfoEndpoint OIDCProviderVerifyCertFiles
OIDCPublicKeyFiles OIDCRedirectURI OIDCRedirectURLsAllowed OIDCRedisCacheConnectTimeout OIDCRedisCacheDatabase
OIDCRedisCachePassword OIDCRedisCacheServer OIDCRedisCacheTimeout OIDCRedisCacheUsername
OIDCRefreshAccessTokenBeforeExpiry OIDCRemoteUserClaim OIDCRequestObject OIDCResponseMode OIDCResponseType
OIDCSSLValidateServer OIDCScope OIDCSessionCacheFallbackToCookie OIDCSessionCookieChunkSize
OIDCSessionInactivityTimeout OIDCSessionMaxDuration OIDCSessionType OIDCStateCookiePrefix OIDCStateInputHeaders
OIDCStateMaxNumberOfCookies OIDCStateTimeout OIDCStripCookies OIDCTokenBindingPolicy OIDCTraceParent OIDCUnAuthAction
OIDCUnAutzAction OIDCUserInfoClaimsExpr OIDCUserInfoEncryptedResponseAlg OIDCUserInfoEncryptedResponseEnc
OIDCUserInfoRefreshInterval OIDCUserInfoSignedResponseAlg OIDCUserInfoTokenMethod OIDCValidateIssuer
OIDCWhiteListedClaims OIDCXForwardedHeaders
`

// Each directive becomes a word or has a note that says what takes its place.
func TestEveryDirectiveIsKnown(t *testing.T) {
	for _, name := range strings.Fields(known) {
		p, err := Read([]byte(closed+name+" 1"), draft.Options{Site: "a.example.com"})
		if err == nil && strings.Contains(p.List(), string(draft.Unknown)) {
			t.Errorf("%s: %s", name, p.List())
		}
	}
}
