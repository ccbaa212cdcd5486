// Package crossorigin decides what a page of another origin may do at a site: open a WebSocket, send a request that changes
// something, ask by CORS whether it may, and read the gateway's own answer.
//
// It looks at what a browser says about the page (Origin, Sec-Fetch-Site), which a page cannot change. A client that is no
// browser says what it likes, so nothing here lets a request pass that would not pass without these headers, except a CORS
// preflight, which carries no identity. It decides nothing about users and policies. It allocates nothing for a request
// that passes.
package crossorigin
