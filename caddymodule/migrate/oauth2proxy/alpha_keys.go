package oauth2proxy

import "slices"

// providerKeys, serverKeys and metricsKeys are the keys of the file that say the same as those of the structured configuration,
// which stand here in lower case.
var (
	providerKeys = map[string]string{ //nolint:gosec // names of keys, no secrets
		"clientid": "client_id", "clientsecret": "client_secret", "clientsecretfile": "client_secret_file",
		"provider": "provider", "name": "provider_display_name", "cafiles": "provider_ca_files", "usesystemtruststore": "use_system_trust_store",
		"loginurl": "login_url", "authrequestresponsemode": "auth_request_response_mode", "redeemurl": "redeem_url", "profileurl": "profile_url",
		"skipclaimsfromprofileurl": "skip_claims_from_profile_url", "resource": "resource", "validateurl": "validate_url", "scope": "scope",
		"allowedgroups": "allowed_groups", "code_challenge_method": "code_challenge_method", "backendlogouturl": "backend_logout_url",
		"keycloakconfig.groups": "keycloak_groups", "keycloakconfig.roles": "allowed_roles",
		"azureconfig.tenant": "azure_tenant", "azureconfig.graphgroupfield": "azure_graph_group_field",
		"microsoftentraidconfig.allowedtenants": "entra_id_allowed_tenants", "microsoftentraidconfig.federatedtokenauth": "entra_id_federated_token_auth",
		"bitbucketconfig.team": "bitbucket_team", "bitbucketconfig.repository": "bitbucket_repository",
		"githubconfig.org": "github_org", "githubconfig.team": "github_team", "githubconfig.repo": "github_repo", "githubconfig.token": "github_token", "githubconfig.users": "github_users",
		"gitlabconfig.group": "gitlab_groups", "gitlabconfig.projects": "gitlab_projects",
		"googleconfig.group": "google_groups", "googleconfig.adminemail": "google_admin_email", "googleconfig.serviceaccountjson": "google_service_account_json",
		"googleconfig.useapplicationdefaultcredentials": "google_use_application_default_credentials", "googleconfig.targetprincipal": "google_target_principal",
		"googleconfig.useorganizationid": "google_use_organization_id", "googleconfig.adminapiuserscope": "google_admin_api_user_scope",
		"oidcconfig.issuerurl": "oidc_issuer_url", "oidcconfig.insecureallowunverifiedemail": "insecure_oidc_allow_unverified_email",
		"oidcconfig.insecureskipissuerverification": "insecure_oidc_skip_issuer_verification", "oidcconfig.insecureskipnonce": "insecure_oidc_skip_nonce",
		"oidcconfig.skipdiscovery": "skip_oidc_discovery", "oidcconfig.jwksurl": "oidc_jwks_url", "oidcconfig.publickeyfiles": "oidc_public_key_files",
		"oidcconfig.emailclaim": "oidc_email_claim", "oidcconfig.groupsclaim": "oidc_groups_claim", "oidcconfig.useridclaim": "user_id_claim",
		"oidcconfig.audienceclaims": "oidc_audience_claims", "oidcconfig.extraaudiences": "oidc_extra_audiences", "oidcconfig.enabledsigningalgs": "oidc_enabled_signing_algs",
		"logingovconfig.jwtkey": "jwt_key", "logingovconfig.jwtkeyfile": "jwt_key_file", "logingovconfig.pubjwkurl": "pubjwk_url",
		"id": "provider id", "adfsconfig.skipscope": "adfs skip scope", "additionalclaims": "additional claims",
	}
	serverKeys = map[string]string{
		"bindaddress": "http_address", "securebindaddress": "https_address", "tls.key.fromfile": "tls_key_file", "tls.cert.fromfile": "tls_cert_file",
		"tls.minversion": "tls_min_version", "tls.ciphersuites": "tls_cipher_suites",
	}
	metricsKeys = map[string]string{
		"bindaddress": "metrics_address", "securebindaddress": "metrics_secure_address", "tls.key.fromfile": "metrics_tls_key_file", "tls.cert.fromfile": "metrics_tls_cert_file",
		"tls.minversion": "metrics tls min version", "tls.ciphersuites": "metrics tls cipher suites",
	}
	// upstreamKeys are those of an app.
	upstreamKeys = map[string]string{
		"uri": "upstreams", "insecureskiptlsverify": "ssl_upstream_insecure_skip_verify", "flushinterval": "flush_interval", "passhostheader": "pass_host_header",
		"proxywebsockets": "proxy_websockets", "timeout": "upstream_timeout", "disablekeepalives": "disable_keep_alives",
	}
)

// movedKeys are the keys that oauth2-proxy does not take from its file if there is a structured configuration.
var movedKeys = moved()

func moved() (keys []string) {
	for _, names := range []map[string]string{providerKeys, serverKeys, metricsKeys, upstreamKeys} {
		for _, name := range names {
			keys = append(keys, name)
		}
	}
	keys = append(keys, "upstreams", "pass_basic_auth", "pass_user_headers", "pass_access_token", "pass_authorization_header", "set_basic_auth", "set_xauthrequest",
		"set_authorization_header", "prefer_email_to_user", "basic_auth_password", "skip_auth_strip_headers", "prompt", "approval_prompt", "acr_values", "force_code_challenge_method")
	slices.Sort(keys)
	return slices.Compact(keys)
}
