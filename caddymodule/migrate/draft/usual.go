package draft

// What is said about the settings that most programs have.
const (
	OwnPages    = "the pages are Latchkey's own, in the language of the user: `brand` sets name, logo, colours, footer and a stylesheet (docs/branding.md). Mark-up is not taken over"
	OwnCookie   = "the cookie is Latchkey's own: one host, path /, Secure, HttpOnly, SameSite=Lax, and a name with __Host-"
	OwnFlow     = "sign-ins in several tabs at once work, each with a cookie of its own that ends after some minutes"
	OwnLog      = "Caddy writes the logs: `log` in a site for requests; `latchkey sign-ins` shows who signed in, who was refused and why"
	OwnServer   = "Caddy listens on 80 and 443, gets certificates itself and redirects to https; `tls` in a site and the global options http_port and https_port change that"
	OwnHealth   = "a probe has a path of its own that stays open: `not path /ping` in a matcher for `latchkey`, and `respond /ping 200`"
	OwnChecks   = "addresses and keys of the provider are read from its metadata; if it is not under the issuer: metadata_url in the provider"
	NoDirectory = "groups are read from the token or userinfo; nothing is asked of the provider's directory"
	NoOpenID    = "this provider does not speak OpenID Connect as a provider of Latchkey has to. Put one between that signs users in there, such as Dex or Keycloak, and set OIDC_ISSUER to its issuer"
)
