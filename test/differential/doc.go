// Package differential compares what the gateway decided on with what real servers behind it understood.
//
// It sends ordinary, odd and malformed requests over HTTP/1.0, 1.1, 2 and 3 to a real gateway whose sites each close a
// part of an app by another kind of rule: by path, method, query, expression, header, host or scheme, in the matcher of
// the directive and in the matcher of a policy. What the gateway lets through is read by Go's net/http, Node's http,
// Werkzeug, Apache httpd and nginx with FastCGI, all from the same bytes, and by a FastCGI app that Caddy talks to
// itself. The client is anonymous, or signed in without what a policy asks for. A request fails the test if
//
//   - any of these servers reads it as one for the closed part of the site,
//   - a server sees an identity header, an override of method or path, one of the gateway's cookies or the wish for a
//     protocol other than WebSocket that the client sent,
//   - path and query do not reach the app byte for byte, or one request reaches it as two.
//
// A rule about a path has no case, as Caddy's matchers have none: /OPEN/x is open where /open/* is.
//
// A case is made from the seed and its number alone, so a failure is repeated by both whatever ran beside it. What fails
// is made smaller before it is printed.
//
// It does not look at bodies (a method in a form field is read behind every rule), at how an app uses what it read, or at
// names that only Windows reads differently.
package differential
