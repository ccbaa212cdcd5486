// Package caddymodule is the only place that knows Caddy. It maps the Caddyfile to JSON configuration and JSON
// configuration to the packages that decide (policy), remember (session) and sign people in (session/signin); it
// keeps what is shared alive over reloads, turns a decision into next, redirect or refusal, and reports through
// placeholders and access-log fields. It decides nothing by itself: a rule that grows here belongs in a package below.
package caddymodule
