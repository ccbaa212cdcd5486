// Package streams measures what an open stream costs: WebSockets and event streams through gateways, beside plain Caddy.
//
// The files:
//
//   - run.go is the run: memory.go has what one stream takes, many.go ten thousand of each kind over two gateways;
//   - client.go opens streams as a browser does, app.go answers them.
package streams
