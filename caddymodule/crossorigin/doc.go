// Package crossorigin decides what a page of another origin may do at a site: open a WebSocket, send a request that
// changes something, send a CORS preflight, and read the gateway's own answers.
//
// It uses what a browser states about the page (Origin, Sec-Fetch-Site), which a page cannot change. A client that is
// not a browser can send any value. Therefore these headers never make a request pass that would be refused without
// them, except a CORS preflight, which carries no identity. The package makes no decision about users and policies. It
// allocates nothing for a request that passes.
//
//   - sent.go decides on WebSockets and requests that change something (origins), cors.go on preflights and on who may
//     read an answer (cors);
//   - spelling.go is the form of a configured origin.
package crossorigin
