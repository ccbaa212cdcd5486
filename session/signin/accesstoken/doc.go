// Package accesstoken gets the access token of a signed-in user for an application: the session's own, or one that the
// provider has exchanged for it (RFC 8693). It is always one that has not ended; else there is an error, and the caller
// must not pass the request on.
//
// A token is renewed shortly before its end in parallel to a request, and before the request only if it has ended. Package
// renew does that with the refresh token, for all replicas. An exchange is made once for all requests of a session that
// wait for it in this process.
//
// The package does not decide which site gets a token, and sets no header. It never logs a token.
//
// The files:
//
//   - keeper.go finds or renews the token of a session, exchange.go exchanges it;
//   - held.go keeps opened tokens in memory.
package accesstoken
