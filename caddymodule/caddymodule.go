// Package caddymodule registers Latchkey with Caddy, as Caddy's own modules/standard does for its modules. It contains
// no code. Only the packages below it know Caddy, and they make no decisions: rules belong to package policy, sessions
// to package session, sign-in to package session/signin.
package caddymodule

import (
	_ "github.com/latchkey-gateway/latchkey/caddymodule/adminapi"  // admin.api.latchkey
	_ "github.com/latchkey-gateway/latchkey/caddymodule/app"       // latchkey, http.handlers.latchkey
	_ "github.com/latchkey-gateway/latchkey/caddymodule/caddyfile" // the global option and the directive
	_ "github.com/latchkey-gateway/latchkey/caddymodule/command"   // explain, doctor, sessions, keys, sign-ins
	_ "github.com/latchkey-gateway/latchkey/caddymodule/store"     // latchkey.stores.*
)
