// Package adminapi answers below /latchkey/ on Caddy's admin endpoint. It also has the client that the commands use.
//
// Caddy's configuration decides who may reach the admin endpoint. Credentials of a user of a site give no access here
// (A70). Answers never contain a key or a token.
package adminapi
