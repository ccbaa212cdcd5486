// Package scrub removes from a request what a client may not send, before any decision and before the application gets
// the request: identity headers and headers that replace method, path or host, in every spelling; connection options
// that would make a proxy delete identity headers; requests to switch to a protocol that is not permitted; and
// Latchkey's own cookies. It refuses methods and request targets that two parsers read differently.
//
// It knows no session, no policy and no Caddy, only net/http. It trusts nothing that the client sent. It does not
// change anything else; X-Forwarded-For and related headers are left to Caddy. A request that cannot be made safe is
// refused with a Refusal. Callers answer it with 400 before they evaluate any rule, so that a rule always sees the path
// that the upstream sees.
//
// The files:
//
//   - request.go has the steps, refusal.go the reasons to refuse;
//   - headers.go, trailers.go, connection.go, forwarded.go, cookies.go and upgrade.go take out what a client may not
//     say, binding.go what a browser says about a session that the gateway has bound to its device;
//   - method.go, path.go and host.go refuse what two parsers read differently.
package scrub
