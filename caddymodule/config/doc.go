// Package config defines Latchkey's JSON configuration: its types with the documentation for operators, its checks, and
// its conversion to the types of the packages policy (decisions), session (storage) and session/signin (sign-in).
//
// It replaces placeholders and reads the files that a configuration names. It opens no store, starts nothing and keeps
// no state. It knows nothing of the Caddyfile: package caddyfile fills in these types.
//
// The files:
//
//   - app.go, session.go, keys.go, signinlog.go, signinhost.go, ratelimit.go, signals.go and brand.go are the settings
//     for all sites;
//   - provider.go and client_auth.go describe a provider, provider_compile.go makes one for package oidc;
//   - site.go, site_check.go, bearer.go, headers.go, access_token.go, appdata.go and idle.go are the settings of a site;
//   - policy.go and people.go describe policies, rules.go makes those of package policy;
//   - check.go has the checks for all of it, values.go those of single values and the hints about unknown words,
//     placeholders.go replaces placeholders.
package config
