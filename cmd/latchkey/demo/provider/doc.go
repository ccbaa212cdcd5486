// Package provider is the OpenID provider of `latchkey demo`. It is complete enough that a relying party meets the
// usual rules (discovery, authorization code with PKCE, one-time codes, rotated refresh tokens, sign-out), and small
// enough to read at once.
//
// It lets the user choose who signs in: its page offers three users and no password. It must therefore never protect
// anything real, and only the demo imports it. It has no cookie and no session, so each request to /authorize asks
// again: only Latchkey remembers users. It serves one client, answers only to its issuer's host name, and everything
// that it stores is limited in size and time.
package provider
