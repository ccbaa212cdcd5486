// Package adminapi answers below /latchkey/ on Caddy's admin endpoint, and is the client of the commands that ask it.
//
// Who may reach the admin endpoint is configured in Caddy. What a visitor of a site holds opens nothing here (A70). A key
// or a token is never in an answer.
package adminapi
