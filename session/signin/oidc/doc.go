// Package oidc is an OpenID relying party: what the gateway asks of a provider, and whether it believes the answer.
//
// It finds a provider's metadata and keys, makes authorization requests, redeems codes and refresh tokens, verifies ID
// tokens, answers of userinfo and logout tokens, and reads from them what a session keeps of a user. Its errors tell a
// provider that cannot answer (ErrProviderDown, IsDown) from one that refuses.
//
// A Provider is one configured provider and is safe for concurrent use. Run keeps its metadata fresh. Metadata, AuthURL and
// Redeem are a sign-in, in this order; Refresh renews a session's claims; Revoke, LogoutURL and VerifyLogout are its end.
//
// It knows no browser, cookie, page or flow, and writes no sign-in log: package signin does. What a claim is, is read in
// package claim; what a token endpoint answers, in package grant; which addresses may be asked, in package reach.
package oidc
