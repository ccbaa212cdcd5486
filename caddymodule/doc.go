// Package caddymodule is the only place that knows Caddy. It maps the Caddyfile to JSON configuration and JSON
// configuration to the packages that decide (policy), remember (session) and sign people in (session/signin); it
// keeps what is shared alive over reloads, turns a decision into next, redirect or refusal, and reports through
// placeholders, the access log, metrics and Caddy's events. It decides nothing by itself: a rule that grows here belongs
// in a package below.
//
// Where things are, by the names of files:
//
//   - config: the JSON configuration, a file a block, and what is refused in it; caddyfile: the words that are read into it
//   - app, and store, keys, provider, policies, sessions: what is made of the configuration, and lives over reloads
//   - handler, then visit, guard, identity: the way of a request; gate: how it is described to package policy; passage: what
//     it keeps of a request on the way
//   - admin: the admin API; command: the commands that ask it
//   - explain, impact, lint, doctor: what would be decided, what a change would change, what is hardly meant, what does not fit
package caddymodule
