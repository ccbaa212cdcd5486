// Package caddysecurity makes a Caddyfile for Latchkey from one with the words of caddy-security: the global option `security`
// and the directives `authenticate` and `authorize`. All else is Caddy's own and stays as it is.
//
// The files:
//
//   - syntax.go reads a Caddyfile with Caddy's words, imports.go puts in snippets and imported files;
//   - caddysecurity.go reads the file as a whole and the global options, security.go the option `security`;
//   - provider.go reads who signs users in, portal.go how, transform.go which roles they get;
//   - policy.go reads a policy, rules.go who passes it, literal.go one condition, decide.go says that in Latchkey's words;
//   - sites.go finds which requests of a site a policy is for, site.go writes the site, when.go conditions on requests;
//   - copied.go takes over the directives of Caddy without their secrets, words.go lists them and what is said about the words
//     that are read by no other part.
package caddysecurity
