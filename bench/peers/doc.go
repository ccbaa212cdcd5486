// Package peers measures other gateways beside Latchkey in one run: the same provider, the same load, the same core, with
// default settings but for logs, which are off as those of Latchkey are. oauth2-proxy is built from its Go module; a Caddy with
// caddy-security is taken where its path is given.
package peers
