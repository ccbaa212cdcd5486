// Package scrub takes out of a request what a client may not say, before anything is decided and before anything
// goes upstream: identity headers and headers that replace method, path or host, in every spelling, connection options
// that would make a proxy drop our headers, the wish for another protocol than WebSocket, and our own cookies. It refuses
// methods and request targets that two parsers read differently.
//
// It decides nothing about people: there is no session, no policy and no Caddy here, only net/http. It trusts nothing
// that the client sent, and it leaves alone whatever is neither ours nor ambiguous; X-Forwarded-For and its relatives
// belong to Caddy. A request that cannot be made safe is refused with a Refusal, which callers answer with 400 before
// they evaluate a single rule, so that the path a rule was held against is the path that the upstream sees.
package scrub
