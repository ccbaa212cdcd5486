// Package adminapi answers below /latchkey/ on Caddy's admin endpoint. It also has the client that the commands use.
//
// Caddy's configuration decides who may reach the admin endpoint. Credentials of a user of a site give no access here
// (A70). Answers never contain a key, nor a token, except the one that was just made.
//
// The files:
//
//   - admin.go registers the endpoints, body.go reads what they are sent, acts.go writes what administrators do into
//     the sign-in log;
//   - sessions.go, tokens.go, signins.go, keys.go, status.go, explain.go, signal_preview.go and impact.go are the endpoints;
//   - client.go is the client.
package adminapi
