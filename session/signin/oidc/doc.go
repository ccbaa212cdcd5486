// Package oidc is an OpenID relying party: it sends the gateway's requests to a provider and verifies the answers.
//
// It fetches a provider's metadata and keys, builds authorization requests, redeems codes and refresh tokens, verifies
// ID tokens, userinfo answers and logout tokens, and extracts what a session keeps of a user. Its errors distinguish a
// provider that cannot answer (ErrProviderDown, IsDown) from one that refuses.
//
// A Provider is one running provider and is safe for concurrent use. Run keeps its metadata fresh. A sign-in calls
// Metadata, AuthURL and Redeem, in this order. Refresh renews a session's claims. Revoke, LogoutURL and VerifyLogout
// are for its end.
//
// It knows no browser, cookie, page or flow, and writes no sign-in log; package signin does. Package claim parses
// claims, package grant talks to a token endpoint, and package reach decides which addresses may be requested.
//
// The files:
//
//   - config.go is what the caller configures of a provider, provider.go is the Provider, provider_state.go how it is and what its endpoints are called;
//   - metadata.go is its metadata, with the keys of package jwks; examine.go looks at both for an operator;
//   - auth_request.go, push.go (which also signs it) and demand.go make an authorization request;
//   - redeem.go redeems a code and revokes tokens, refresh.go sends a refresh token, both with client.go, client_assertion.go, client_key.go,
//     proof.go and retry_after.go;
//   - id_token.go, id_claims.go and logout_token.go verify tokens, access_token.go is for those of programs, and exchanges those of users for applications; userinfo.go and graph.go ask for more claims;
//   - claims.go reads what a session keeps, keep.go bounds it, and keeps access tokens for applications;
//   - errors.go has the kinds of failures.
package oidc
